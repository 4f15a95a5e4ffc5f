"""What was measured on: the machine, its Python and the wheels that make a difference."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import psutil

WHEELS = ("crc32c", "cramjam", "confluent-kafka")


def describe() -> str:
    """The machine and the versions, in a few lines."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{wheel} {version(wheel)}" for wheel in WHEELS)
    return "\n".join(
        (
            f"machine   {processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
            f"{platform.system()} {platform.release()}",
            f"python    {platform.python_implementation()} {platform.python_version()}",
            f"broker    {version('offset-zero')} {commit()}".rstrip(),
            f"wheels    {versions}",
            f"load      {os.getloadavg()[0]:.1f} before the first row",
        )
    )


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


def commit() -> str:
    """The commit that is checked out, where git can tell."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:
        return ""
    return told.stdout.strip()
