"""The house keeps its shape: imports go down only, and the core touches nothing of the world.

The layers themselves are declared in pyproject.toml, where import-linter reads them. What it cannot
say (which *functions* of a module are out of bounds) is read from the syntax tree here.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# These may open sockets, start threads and read clocks: everything else is the core. A campaign of
# simulations has processes and a watch; each simulation in it has neither.
OUTSIDE = ("server/*", "client/tcp*", "cluster.py", "cli.py", "cli/*", "sim/campaign.py",
           "sim/simulate.py")  # fmt: skip
# The world comes in from outside: time, chance, the network, threads and processes.
FORBIDDEN = {
    "asyncio": "the core is a state machine; the host drives it",
    "concurrent": "threads belong to the host",
    "ctypes": "system calls belong to the host",
    "datetime": "time comes in as integer microseconds (`Now`)",
    "http": "the network belongs to the host",
    "multiprocessing": "processes belong to the host",
    "os": "files are reached through the injected disk; chance through `Entropy`",
    "pathlib": "files are reached through the injected disk",
    "queue": "threads belong to the host",
    "random": "chance comes in through `Entropy`; the simulator has its seeded `Random`",
    "secrets": "chance comes in through `Entropy`",
    "select": "the network belongs to the host",
    "selectors": "the network belongs to the host",
    "signal": "signals belong to the host",
    "socket": "the network belongs to the host",
    "ssl": "the network belongs to the host",
    "subprocess": "processes belong to the host",
    "tempfile": "files are reached through the injected disk",
    "threading": "threads belong to the host",
    "time": "time comes in from the caller (`Now`)",
    "urllib": "the network belongs to the host",
    "uuid": "ids come from `Entropy` as 16 raw bytes",
}
# What a file may have all the same, and why.
ALLOWED = {
    # Real files are one of the two kinds of disk.
    "log/disk*": {"os", "fcntl", "pathlib", "ctypes"},
    "log/disk/*": {"os", "fcntl", "pathlib", "ctypes"},
    # `broker dump` reads a file from outside, and writes times as people read them.
    "log/dump*": {"datetime", "os", "pathlib"},
    # The simulated world draws from one seeded Random; a trace is saved to a path.
    "sim/*": {"random", "pathlib"},
}
# Even where a module is allowed, these read the world's clock or its chance, or reach for a file.
FORBIDDEN_NAMES = {
    "datetime.datetime.now",
    "datetime.now",
    "input",
    "open",
    "os.getpid",
    "os.urandom",
    "print",
    "random.SystemRandom",
    "random.choice",
    "random.randint",
    "random.random",
    "random.shuffle",
}


def core() -> list[Path]:
    """The files of the core, as paths below broker/."""
    files = (path.relative_to(ROOT / "broker") for path in (ROOT / "broker").rglob("*.py"))
    return sorted(path for path in files if not any(path.match(pattern) for pattern in OUTSIDE))


def imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Each import as (line, module, name), the module without what follows its first dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0], "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = node.module.split(".")[0]
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each dotted name, and each bare name that is called, as (line, name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id


def findings(place: Path, source: str) -> Iterator[str]:
    """One sentence for each way in which a file of the core reaches for the world."""
    tree = ast.parse(source)
    allowed = set().union(*(names for pattern, names in ALLOWED.items() if place.match(pattern)))
    for line, module, name in imports(tree):
        if module in FORBIDDEN and module not in allowed:
            yield f"broker/{place}:{line} imports {module}: {FORBIDDEN[module]}"
        elif f"{module}.{name}" in FORBIDDEN_NAMES:
            yield f"broker/{place}:{line} imports {name} from {module}"
    for line, name in uses(tree):
        if name in FORBIDDEN_NAMES:
            yield f"broker/{place}:{line} uses {name}"


def test_the_core_touches_nothing_of_the_world() -> None:
    sources = {place: (ROOT / "broker" / place).read_text(encoding="utf-8") for place in core()}
    found = [finding for place, source in sources.items() for finding in findings(place, source)]
    assert not found, "\n".join(["the core is a function of (state, event):", *found])


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("wire/codec.py", "import time"),
        ("client/producer.py", "import asyncio.events"),
        ("log/log.py", "from threading import Lock"),
        ("log/disk.py", "from os import urandom"),
        ("node.py", "def later():\n    import socket"),
        ("api/produce.py", "print('hello')"),
        ("log/dump.py", "import datetime\ndatetime.datetime.now()"),
        ("sim/world.py", "import random\nrandom.random()"),
    ],
)
def test_the_alarm_rings(place: str, source: str) -> None:
    assert list(findings(Path(place), source))


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("log/disk.py", "import os\nos.pread(3, 1, 2)"),
        ("sim/world.py", "from random import Random\nRandom(7).random()"),
        ("log/log.py", "self.random.random()\nself.disk.open('a')"),
    ],
)
def test_it_rings_for_nothing_else(place: str, source: str) -> None:
    assert not list(findings(Path(place), source))


def test_imports_go_down_only(bin_folder: Path) -> None:
    command: list[str | Path] = [bin_folder / "lint-imports", "--no-logo"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
