"""The batches of a log as they lie on a disk, read from outside, past the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from broker.sim.disk import SimulatedDisk
from broker.wire.errors import ApiError
from broker.wire.records import (
    BATCH_OVERHEAD,
    BatchHeader,
    Record,
    check_batch,
    read_header,
    read_records,
)


class StoredBatch(NamedTuple):
    """Where a batch lies."""

    path: str
    position: int
    header: BatchHeader

    def durable(self, disk: SimulatedDisk) -> bool:
        """Whether it would survive the loss of power for certain."""
        return self.position + self.header.size <= disk.synced_size(self.path)

    def whole(self, disk: SimulatedDisk) -> bool:
        """Whether it is undamaged."""
        with disk.looking():
            try:
                check_batch(disk.read(self.path, self.position, self.header.size), self.header)
            except ApiError:
                return False
        return True

    def records(self, disk: SimulatedDisk) -> list[Record]:
        """What is in it; nothing if it is damaged."""
        with disk.looking():
            try:
                return read_records(disk.read(self.path, self.position, self.header.size))
            except ApiError:
                return []


def stored_batches(disk: SimulatedDisk, folder: str) -> Iterator[StoredBatch]:
    """The batches of a log in order, up to the first that is no whole batch."""
    names = disk.list(folder) if disk.exists(folder) else []
    for path in [f"{folder}/{name}" for name in names if name.endswith(".log")]:
        position = 0
        while position < disk.size(path):
            with disk.looking():
                start = disk.read(path, position, BATCH_OVERHEAD)
            try:
                header = read_header(start)
            except ApiError:
                return
            yield StoredBatch(path, position, header)
            position += header.size


def readable(disk: SimulatedDisk, folder: str) -> Iterator[StoredBatch]:
    """The batches of a log up to the first that is damaged."""
    for stored in stored_batches(disk, folder):
        if not stored.whole(disk):
            return
        yield stored
