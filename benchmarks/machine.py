"""What was measured on: the machine, its Python and the wheels that make a difference."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import psutil

from benchmarks import peer

WHEELS = ("crc32c", "cramjam", "confluent-kafka")


def facts(*, with_peer: bool) -> dict[str, str]:
    """The machine and the versions, a word for each and a line about it."""
    memory = psutil.virtual_memory().total / 2**30
    told = {
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "broker": f"{version('offset-zero')} {commit()}".rstrip(),
        "wheels": ", ".join(f"{wheel} {version(wheel)}" for wheel in WHEELS),
    }
    if with_peer:
        told["peer"] = f"Apache Kafka {peer.version()}, {java_version()}"
    return told


def load() -> float:
    """How many processes wanted a core during the last minute."""
    return round(os.getloadavg()[0], 1)


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def version(package: str) -> str:
    """The version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def java_version() -> str:
    """The first line of what java says of itself."""
    lines = said("java", "-version").splitlines()
    return lines[0].replace('"', "") if lines else "java missing"


def commit() -> str:
    """The commit that is checked out, where git can tell."""
    lines = said("git", "describe", "--always", "--dirty").splitlines()
    return lines[0] if lines else ""


def said(*command: str) -> str:
    """What a program prints, if it is there and content."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""
