"""A benchmark leaves nothing behind: no process, no file, whatever happens while it measures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from benchmarks import messages, peer
from benchmarks.brokers import OffsetZero
from benchmarks.children import Child
from benchmarks.connection import framed
from benchmarks.run import Run


def bench(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background lets them, and their children, ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def test_some_rows_at_a_glance(root: Path) -> None:
    child = bench(root, "--quick", "--alone", "start", "requests", "codec")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "Apache Kafka is not here: not asked for" in out
    assert "| acks=all, 100 in flight: CPU µs a request |" in out


def test_a_row_that_does_not_exist_is_a_line(root: Path) -> None:
    child = bench(root, "startt")
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err.count("\n")) == (2, 1)
    assert "no such row: startt" in err


def test_ctrl_c_ends_the_brokers_too(root: Path) -> None:
    child = bench(root, "--alone", "requests")
    parent = psutil.Process(child.pid)
    patience = time.monotonic() + 30
    while not (started := parent.children(recursive=True)):
        assert time.monotonic() < patience
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err.strip()) == (130, "stopped")
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_a_broker_ends_with_an_error_in_its_with() -> None:
    broker = OffsetZero()
    started: list[psutil.Process] = []

    def measure() -> float:
        with broker:
            started.extend(broker.processes)
            assert started[0].is_running()
            return 1 / 0

    with pytest.raises(ZeroDivisionError):
        measure()
    assert not started[0].is_running()
    assert not broker.folder.exists()


def test_a_process_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no disk today')"]
    with (
        Child(command, tmp_path / "log") as child,
        pytest.raises(RuntimeError, match="no disk today"),
    ):
        child.wait_for_port(1, seconds=20)


def test_a_child_that_will_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.children.PATIENCE_S", 0.2)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    child = Child([sys.executable, "-u", "-c", deaf], tmp_path / "log")
    while "deaf" not in child.last_words():
        time.sleep(0.01)
    child.end()
    assert child.popen.returncode == -signal.SIGKILL


def test_frames_are_answered_in_any_number() -> None:
    with OffsetZero() as broker, broker.connect() as connection:
        broker.create_topic("orders", 2)
        frames = [
            framed(messages.produce(messages.batch(1, 10), 1, "orders", index), 9)
            for index in (0, 1)
        ]
        connection.pipeline(frames, 20, 7)
        answer = connection.ask(messages.fetch(3, "orders", 0), 12)
        assert bytes(messages.records_in(answer)).count(bytes(10)) == 8  # 3 to 10, one was probed


def test_without_java_apache_kafka_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFSET_ZERO_KAFKA", "/nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert Run().peer_missing() == "needs java"
    assert Run().kinds() == [OffsetZero]
    assert peer.version().startswith("4.")
