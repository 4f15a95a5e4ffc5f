"""Records written to this machine's disk: appended to a file, or scattered across one.

A log only ever writes at its end. What is that worth? The honest answer needs three rows,
because "written" means three things:

* **left to the operating system**: `write` returns when the bytes are in the page cache,
  in memory. Nothing has touched a disk yet.
* **flushed every 1,000 records**: `fsync` waits until the device has them. A thousand
  appended records of 100 bytes fill 25 blocks of 4 KiB; a thousand scattered ones dirty
  about a thousand blocks, and a disk cannot write less than a block.
* **flushed after every record**: one trip to the device for each record, wherever it lies.
  The trip is all that is measured, and the order no longer matters.

Kafka lives in the first row (its flush settings are "never" by default) and lets replicas
carry the promise that a record is safe; the operating system then writes back in the
second row's fashion, many records at a time.

The measurement is bounded: a file of 32 MiB, 100 bytes a record (the size in LinkedIn's
benchmark of 2014), 0.4 s a bar, the best of three turns each. It writes to the folder
it is given and tidies up.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Literal

from lessons.chart import Pair, pairs_chart

RECORD_BYTES = 100
FILE_BYTES = 32 << 20
SECONDS_A_BAR = 0.4
RECORDS_AT_MOST = 300_000

TURNS = 3

Order = Literal["appended", "scattered"]
ORDERS: tuple[Order, ...] = ("appended", "scattered")
Clock = Callable[[], float]


@dataclass(frozen=True)
class Flush:
    """When records are forced out of memory: after every `every` records; 0 means never."""

    name: str
    every: int


FLUSHES = (
    Flush("left to the operating system", 0),
    Flush("flushed every 1,000 records", 1_000),
    Flush("flushed after every record", 1),
)


@dataclass(frozen=True)
class Speed:
    """Records a second in one way of flushing, in both orders."""

    flush: Flush
    appended: float
    scattered: float

    @property
    def ratio(self) -> float:
        """How many times faster appending was."""
        return self.appended / self.scattered


@dataclass(frozen=True)
class DiskReport:
    """What was measured, where, and what it means. A notebook shows it as a chart."""

    speeds: tuple[Speed, ...]
    filesystem: str
    seconds: float

    def ratio(self, every: int) -> float:
        """How many times faster appending was when flushed after `every` records."""
        return next(speed.ratio for speed in self.speeds if speed.flush.every == every)

    def range(self, every: int = 1_000) -> str:
        """The ratio in the words of the prediction."""
        return ratio_range(self.ratio(every))

    def why(self, every: int = 1_000) -> str:
        """The reason to give with the answer to the prediction."""
        return (
            f"It was {self.ratio(every):.1f} times as fast on this disk. A disk writes whole "
            "blocks: a thousand appended records fill 25 of them, a thousand scattered ones touch "
            "about a thousand."
        )

    def __str__(self) -> str:
        lines = [
            f"{speed.flush.name:<30}appended {speed.appended:>11,.0f} a second"
            f"   scattered {speed.scattered:>11,.0f} a second   {times(speed.ratio)}"
            for speed in self.speeds
        ]
        return "\n".join([*lines, *self.meaning()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        pairs = [
            Pair(speed.flush.name, times(speed.ratio), speed.appended, speed.scattered)
            for speed in self.speeds
        ]
        return pairs_chart(
            title="Records a second on this disk",
            subtitle=f"100 bytes each, {self.filesystem}, measured in {self.seconds:.1f} s",
            first="appended",
            second="scattered",
            pairs=pairs,
            notes=self.meaning(),
        )

    def meaning(self) -> list[str]:
        """What these numbers say, and what they do not."""
        if self.filesystem in IN_MEMORY:
            return [
                f"This folder is {self.filesystem}: it lives in memory, so no row touched a disk. "
                "Run the cell in a folder on a real disk to see the gap open."
            ]
        return [
            _meaning_of_memory(self.ratio(0)),
            _meaning_of_blocks(self.ratio(1_000)),
            _meaning_of_trips(self.ratio(1)),
        ]


IN_MEMORY = frozenset({"tmpfs", "ramfs", "the browser's memory"})
RANGES = ("about the same", "2 to 5 times", "5 to 20 times", "more than 20 times")


def ratio_range(ratio: float) -> str:
    """The answer to "how many times faster?" as one of RANGES."""
    bounds = (2, 5, 20)
    return RANGES[sum(ratio >= bound for bound in bounds)]


def times(ratio: float) -> str:
    """A ratio as people say it: "appended: 9.8 times as fast"."""
    if 0.67 <= ratio < 1.5:
        return "about the same"
    faster, factor = ("appended", ratio) if ratio > 1 else ("scattered", 1 / ratio)
    return f"{faster}: {factor:.{0 if factor >= 10 else 1}f} times as fast"


def _meaning_of_memory(ratio: float) -> str:
    if ratio < 1.5:
        return "Left to the operating system, both orders only fill memory: no disk was measured."
    return (
        "Left to the operating system, both orders only fill memory, and even memory likes order: "
        "40 neighbours share a page."
    )


def _meaning_of_blocks(ratio: float) -> str:
    if ratio < 2:
        return (
            "Flushed every 1,000 records, this device hides the difference well. It still had to "
            "write almost 40 times as many blocks for the scattered ones."
        )
    return (
        "Flushed every 1,000 records, the order shows: 25 blocks for a thousand appended records, "
        "about a thousand blocks for the scattered ones."
    )


def _meaning_of_trips(ratio: float) -> str:
    if ratio < 0.67:
        return (
            "Flushed after every record, order buys nothing. Appending is even slower here: the "
            "file grows, and its new length has to reach the disk as well."
        )
    if ratio < 1.5:
        return (
            "Flushed after every record, one trip to the device is all there is to see, and order "
            "buys nothing. Batching does."
        )
    return (
        "Flushed after every record, the trip to the device is all there is to see. It was longer "
        "when each went to another place: a disk with a moving head does that. So does a machine "
        "that was busy with something else; measure again."
    )


def measure_this_disk(
    folder: str | Path = ".", *, seconds_a_bar: float = SECONDS_A_BAR, clock: Clock | None = None
) -> DiskReport:
    """Write 100-byte records in `folder`, appended and scattered, and say how fast each was.

    Each way gets several short turns and its best one counts, because something else on the
    machine can only make a turn slower.
    """
    clock = clock or time.perf_counter
    began = clock()
    best: dict[tuple[Flush, Order], float] = {}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".disk-") as place:
        files = {"scattered": _open_filled(Path(place) / "old"), "appended": -1}
        try:
            for way in product(range(TURNS), FLUSHES, ORDERS):
                _, flush, order = way
                if order == "appended":
                    files["appended"] = _open_new(files["appended"], Path(place) / "log")
                rate = _records_a_second(order, files[order], flush, seconds_a_bar / TURNS, clock)
                best[flush, order] = max(rate, best.get((flush, order), 0.0))
        finally:
            for file in files.values():
                os.close(file)
    speeds = [Speed(f, best[f, "appended"], best[f, "scattered"]) for f in FLUSHES]
    return DiskReport(tuple(speeds), filesystem_of(folder), clock() - began)


def _records_a_second(order: Order, file: int, flush: Flush, seconds: float, clock: Clock) -> float:
    record = b"r" * RECORD_BYTES
    positions = iter(_positions(order))
    batch = flush.every or 1_000
    written = 0
    began = now = clock()
    while now - began < seconds and written < RECORDS_AT_MOST:
        for _ in range(batch):
            os.pwrite(file, record, next(positions))
        if flush.every:
            force_to_device(file)
        written += batch
        now = clock()
    if not flush.every:
        force_to_device(file)  # off the clock: the next turn must not pay for this one
    return written / max(now - began, 1e-9)


def _positions(order: Order) -> list[int]:
    """Where each record goes. Both orders get a ready-made list, so neither pays for it."""
    if order == "appended":
        return [n * RECORD_BYTES for n in range(RECORDS_AT_MOST)]
    shuffled = Random(7)
    slots = FILE_BYTES // RECORD_BYTES
    return [shuffled.randrange(slots) * RECORD_BYTES for _ in range(RECORDS_AT_MOST)]


def _open_filled(path: Path) -> int:
    """A file that has all its blocks already, as a database's has: only their content changes."""
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    megabyte = bytes(1 << 20)
    for _ in range(FILE_BYTES >> 20):
        os.write(file, megabyte)
    force_to_device(file)
    return file


def _open_new(old: int, path: Path) -> int:
    """An empty log, in place of the one of the turn before."""
    if old >= 0:
        os.close(old)
        path.unlink()
    return os.open(path, os.O_RDWR | os.O_CREAT)


def force_to_device(file: int) -> None:
    """fsync that means it. On macOS plain fsync stops at the drive's own cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fsync(file)


def filesystem_of(folder: str | Path, mounts: str | None = None) -> str:
    """The kind of file system under `folder` ("ext4", "tmpfs"), as far as the system tells."""
    if sys.platform == "emscripten":
        return "the browser's memory"
    if mounts is None:
        table = Path("/proc/mounts")
        mounts = table.read_text() if table.exists() else ""
    where = Path(folder).resolve()
    kind, longest = "", -1
    for line in mounts.splitlines():
        _, mount_point, fs_type, *_ = line.split(" ")
        if where.is_relative_to(mount_point) and len(mount_point) >= longest:
            kind, longest = fs_type, len(mount_point)
    return kind or "an unnamed file system"
