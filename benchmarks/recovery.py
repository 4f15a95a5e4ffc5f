"""Recovery: how long a log takes to open, over its size.

A log that was closed in order is opened without being read. After a crash everything behind the
recovery point is read, checksummed and indexed anew; here that is the whole log, the worst case
(a broker syncs and notes the recovery point with each full segment). The files are in the page
cache, as after the death of a process.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

from benchmarks import messages
from benchmarks.run import Run
from benchmarks.table import Table
from broker.events import Now
from broker.log.config import LogConfig
from broker.log.disk import FileDisk
from broker.log.log import Log

SIZES_MB = (16, 64, 256)
RECORDS = 150
"""In a batch of 16 KiB, as librdkafka's default makes them for a topic that is not very busy."""
FOLDER = "orders-0"
NOW = Now(1_700_000_000_000_000, 0)


def tables(run: Run) -> Iterator[Table]:
    """One table: a row for each size."""
    batch = messages.batch(RECORDS, 100)
    table = Table(
        "Opening a log",
        f"Batches of {RECORDS} records of 100 B ({len(batch) / 1024:.0f} KiB); the best of "
        f"{run.rounds}.",
        ("log", "closed in order: ms", "after a crash: s", "MB/s"),
    )
    for size in SIZES_MB:
        count = run.count(size * 1_000_000, least=len(batch) * 10) // len(batch)
        clean_s, crashed_s = measure(batch, count, run.rounds)
        size_mb = count * len(batch) / 1e6
        table.add(f"{size} MB", clean_s * 1e3, crashed_s, size_mb / crashed_s)
    yield table


def measure(batch: bytes, count: int, rounds: int) -> tuple[float, float]:
    """Seconds to open a log of so many batches: in order, and after a crash."""
    with tempfile.TemporaryDirectory(prefix="broker-bench-") as folder:
        disk = FileDisk(folder)
        try:
            log = Log.open(disk, FOLDER, LogConfig(), NOW)
            for _ in range(count):
                log.append(bytearray(batch), 0, NOW)
            log.close()
            end = log.log_end_offset
            clean = min(opening(disk, end, clean=True) for _ in range(rounds))
            crashed = min(opening(disk, end, clean=False) for _ in range(rounds))
        finally:
            disk.close()
    return clean, crashed


def opening(disk: FileDisk, end: int, *, clean: bool) -> float:
    """Seconds to open the log once."""
    started = time.perf_counter()
    log = Log.open(disk, FOLDER, LogConfig(), NOW, recovery_point=end if clean else 0, clean=clean)
    seconds = time.perf_counter() - started
    assert log.log_end_offset == end
    return seconds
