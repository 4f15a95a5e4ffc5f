"""A client in C: kcat, which is librdkafka without Python.

It writes the lines of a file and reads them back to nowhere. Its own start, some tens of
milliseconds, is in the figures, the same for both brokers.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.clients import Step, add_rows, label, there_and_back
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

LOADS = ((100, 1, 1_000_000), (100, 6, 1_000_000), (1024, 1, 200_000), (1024, 6, 200_000))
TIMEOUT_S = 120
QUEUE = ("-X", "queue.buffering.max.messages=1000000")


def tables(run: Run) -> Iterator[Table]:
    """One table: write and read, rate and CPU, for each load."""
    if shutil.which("kcat") is None:
        raise RuntimeError("needs kcat (apt install kcat)")
    table = SideBySide(
        "kcat (librdkafka in C)",
        f"{run.count(LOADS[0][2]):,} lines of 100 B or {run.count(LOADS[-1][2]):,} of 1 KiB a "
        f"round, acks=1, then all read from the beginning; {run.rounds} rounds in turns after a "
        "warm-up; CPU of the broker.",
    )
    with run.brokers() as brokers, tempfile.TemporaryDirectory(prefix="kcat-bench-") as folder:
        for size, partitions, full in LOADS:
            count = run.count(full)
            lines = Path(folder) / f"lines-{size}"
            lines.write_bytes((b"x" * size + b"\n") * count)
            steps: dict[str, Step] = {
                "produce": partial(write, lines=lines, partitions=partitions),
                "consume": partial(read, count=count),
            }
            measure = partial(there_and_back, steps=steps, partitions=partitions, count=count)
            found = alternate(brokers, run.rounds, measure)
            add_rows(table, label(size, partitions), found)
    yield table


def write(broker: Broker, topic: str, *, lines: Path, partitions: int) -> float:
    """Produce the lines of a file, to one partition or spread over all."""
    to = ("-p", "0") if partitions == 1 else ()
    return kcat(broker, "-P", "-t", topic, *to, *QUEUE, "-X", "acks=1", "-l", str(lines))


def read(broker: Broker, topic: str, *, count: int) -> float:
    """Consume so many records from the beginning."""
    return kcat(broker, "-C", "-t", topic, "-o", "beginning", "-q", "-c", str(count))


def kcat(broker: Broker, *arguments: str) -> float:
    """Run kcat to its end, and return the seconds it took; it does not outlive this call."""
    started = time.monotonic()
    done = subprocess.run(
        ["kcat", "-b", broker.bootstrap, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"kcat: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return time.monotonic() - started
