"""Processes that are started for a measurement, and ended whatever happens to it.

Each is ended by its own pid, in order at first (SIGTERM) and by force if it takes too long. They
run in a session of their own, so that Ctrl-C reaches the benchmark alone, which then ends them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType

import psutil

PATIENCE_S = 30
LOOPBACK = "127.0.0.1"


class Child:
    """A process that lives no longer than the `with` around it."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=True,
            )
        self.log = log
        self.process = psutil.Process(self.popen.pid)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def ask_to_end(self) -> None:
        """Ask it to end in order, and do not wait."""
        if self.popen.poll() is None:
            self.popen.terminate()

    def end(self) -> None:
        """End it in order; by force if that takes too long, or if somebody is in a hurry."""
        self.ask_to_end()
        try:
            self.popen.wait(timeout=PATIENCE_S)
        except BaseException as error:
            self.popen.kill()
            self.popen.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise

    def wait_for_port(self, port: int, seconds: float = 60) -> socket.socket:
        """A connection to a port that the process opens in its own time."""
        patience = time.monotonic() + seconds
        while True:
            try:
                return socket.create_connection((LOOPBACK, port))
            except ConnectionRefusedError:
                if self.popen.poll() is not None or time.monotonic() > patience:
                    raise RuntimeError(f"it did not come up: {self.last_words()}") from None
                time.sleep(0.002)

    def last_words(self) -> str:
        """The end of what it printed."""
        return " ".join(self.log.read_text(errors="replace")[-500:].split())


def environment() -> Mapping[str, str]:
    """The environment without what would make any Python start slower than a user's does."""
    slow = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
    return {name: value for name, value in os.environ.items() if name not in slow}


def free_port() -> int:
    """A port of the loopback that nobody uses at the moment."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


CONTROLLERS_AT = 10
"""The controller of a cluster's broker listens so many ports above the broker itself."""


def free_ports(count: int) -> list[int]:
    """Ports for so many brokers in a row, with free ones for their controllers above them."""
    while True:
        first = free_port()
        wanted = range(first, first + count)
        above = range(first + CONTROLLERS_AT, first + CONTROLLERS_AT + count)
        try:
            for port in (*wanted, *(above if count > 1 else ())):
                socket.create_server((LOOPBACK, port)).close()
        except (OSError, OverflowError):
            continue
        return list(wanted)


def end_on_signals() -> None:
    """Let SIGTERM and a closed terminal end the benchmark as Ctrl-C does: through every `with`."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
