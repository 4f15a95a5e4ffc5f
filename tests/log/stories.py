"""Words to tell stories of a log with: a moment, a batch, a log and what it holds."""

from __future__ import annotations

from typing import Any

from broker.events import Now
from broker.log.config import LogConfig
from broker.log.disk import Disk
from broker.log.log import Log
from broker.wire.records import build_batch, check_batch, iter_batches, read_records

T0 = 1_700_000_000_000
"""The moment at which these stories begin, in milliseconds."""


def at(ms: int = 0) -> Now:
    """A moment, counted from the beginning of the story."""
    return Now((T0 + ms) * 1000, ms * 1000)


def batch(*values: str, ms: int = 0, key: str | None = None, **header: Any) -> bytearray:
    """A batch of records with these values, all of the same time."""
    k = key.encode() if key is not None else None
    return build_batch([(T0 + ms, k, value.encode(), ()) for value in values], **header)


def numbered(sequence: int, count: int = 1, producer: int = 7, epoch: int = 0) -> bytearray:
    """A batch of an idempotent producer."""
    values = [f"{producer}.{epoch}.{sequence + n}" for n in range(count)]
    return batch(*values, producer_id=producer, producer_epoch=epoch, base_sequence=sequence)


def open_log(
    disk: Disk,
    *,
    recovery_point: int = 0,
    clean: bool = False,
    ms: int = 0,
    log_start_offset: int = 0,
    **config: Any,
) -> Log:
    """The log of the partition orders-0."""
    return Log.open(
        disk, "orders-0", LogConfig(**config), at(ms), recovery_point, clean, log_start_offset
    )


def append(log: Log, *values: str, ms: int = 0, epoch: int = 0, **header: Any) -> int:
    """Append a batch, and return the offset it got."""
    return log.append(batch(*values, ms=ms, **header), epoch, at(ms)).base_offset


def fill(log: Log, count: int, size: int = 10, ms_between: int = 1) -> None:
    """Append batches of one record each, whose values are their offsets, padded."""
    for _ in range(count):
        offset = log.log_end_offset
        append(log, f"{offset}".ljust(size, "."), ms=offset * ms_between)


def contents(log: Log, start: int | None = None, max_bytes: int = 1000) -> dict[int, str]:
    """All records of a log by offset, read as consumers do: with a look at each checksum."""
    found: dict[int, str] = {}
    offset = log.log_start_offset if start is None else start
    while offset < log.log_end_offset:
        data = log.read(offset, max_bytes, log.log_end_offset)
        if not data:
            break
        for header, view in iter_batches(data):
            check_batch(view, header)
            for record in read_records(view):
                if record.offset >= offset:
                    found[record.offset] = (record.value or b"").decode().rstrip(".")
            offset = header.next_offset
    return found


def offsets(data: bytes) -> list[tuple[int, int]]:
    """First and last offset of each batch in what a read returned; nothing may be left over."""
    batches = list(iter_batches(data))
    assert sum(header.size for header, _ in batches) == len(data)
    return [(header.base_offset, header.last_offset) for header, _ in batches]


def sync(log: Log, disk: Disk) -> None:
    """What a host does for a log that wants to be flushed."""
    end = log.log_end_offset
    disk.sync(log.paths_to_sync())
    log.mark_flushed(end)
