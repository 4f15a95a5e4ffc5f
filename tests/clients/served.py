"""`broker start` as a user starts it, for tests that drive it with real clients."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """A broker process on a folder; it can be killed and started again on the same port."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[str] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Served:
        command = [str(Path(sys.executable).parent / "broker"), "start"]
        command += ["--data-dir", str(self.folder), "--port", str(self.port)]
        for name, value in self.settings.items():
            command += ["--set", f"{name.replace('_', '.')}={value}"]
        log = open(self.folder.with_suffix(".log"), "a")  # noqa: SIM115
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "answers on" in line, self.log()
        return self

    def log(self) -> str:
        return self.folder.with_suffix(".log").read_text()

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        os.kill(process.pid, how)
        status = process.wait(timeout=20)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def __enter__(self) -> Served:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
