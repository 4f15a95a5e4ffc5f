"""`broker start --brokers 3`: one command, three processes, one line, one end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from broker.server.siblings import CONTROLLER_STEP
from tests.server.ports import free_run

START = [sys.executable, "-m", "broker", "start", "--brokers", "3"]


class Together:
    """The command, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.port = free_run(3, CONTROLLER_STEP)
        self.folder = folder
        self.log = folder / "log"
        self.options = ["--port", str(self.port), "--data-dir", str(folder / "data")]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*START, *self.options], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()

    def pids(self) -> dict[int, int]:
        found = re.findall(r"broker (\d) is process (\d+)", self.log.read_text())
        return {int(broker): int(pid) for broker, pid in found}

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the status and what it said last on its standard output."""
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


@contextmanager
def together(folder: Path) -> Iterator[Together]:
    running = Together(folder)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()  # the brokers are on a leash
            running.process.communicate()
        eventually(lambda: not any(map(psutil.pid_exists, running.pids().values())))


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_one_line_when_all_answer_one_dies_comes_back_and_all_end_in_order(
    tmp_path: Path,
) -> None:
    with together(tmp_path) as running:
        ports = [running.port, running.port + 1, running.port + 2]
        where = ",".join(f"127.0.0.1:{port}" for port in ports)
        assert running.line == f"brokers 1 to 3 answer on {where} (data in {tmp_path}/data)\n"
        assert len(running.pids()) == 3

        os.kill(running.pids()[2], signal.SIGKILL)
        eventually(lambda: running.says("broker 2 was ended by SIGKILL; the others go on"))
        assert running.says("--node 2` starts it)")
        again = subprocess.Popen(
            [*START, *running.options, "--node", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert again.stdout is not None
        line = again.stdout.readline()
        assert line.startswith(f"broker 2 answers on 127.0.0.1:{running.port + 1} ")

        assert running.end(signal.SIGINT) == (0, "")
        again.terminate()
        again.communicate(timeout=30)
        assert again.returncode == 0, "the last of three ends in order, too"
    assert running.log.read_text().count("stopped in order") == 2
    assert "Traceback" not in running.log.read_text()
    for broker in "123":
        assert (tmp_path / "data" / broker / ".kafka_cleanshutdown").exists()


def test_a_port_that_is_taken_is_said_and_who_is_left_alone_ends(tmp_path: Path) -> None:
    with together(tmp_path) as running:
        other = subprocess.run(
            [*START, "--port", str(running.port - 1), "--data-dir", str(tmp_path / "other")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert other.returncode == 1
        assert other.stdout == ""
        assert f"cannot listen on 127.0.0.1:{running.port}: the port is in use" in other.stderr
        assert "Traceback" not in other.stderr

        running.process.kill()  # who looks after them is gone
        running.process.communicate()
        eventually(lambda: running.log.read_text().count("stopped in order") == 3)
