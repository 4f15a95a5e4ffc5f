"""Files that an earlier life left half way, by their last suffix.

    .deleted   was out of the log already: remove it
    .tmp       a checkpoint that never took its place: remove it
    .cleaned   compaction was still writing it: remove it, the old segments are all there
    .swap      compaction had finished it, and was replacing the old segments: go on with that

Compaction writes what it keeps of some segments into new ones beside them, and then swaps: it
renames `.cleaned` to `.swap`, deletes the old segments, and drops `.swap` from the names. A crash
at any point leaves enough to know how far it came. (The steps are those of Kafka's `LogLoader`; a
directory that Kafka has written may hold such files.)
"""

from __future__ import annotations

from broker.log import names
from broker.log.disk import Disk
from broker.wire.records import BATCH_OVERHEAD, read_header

_SWAPPED_LOG = names.LOG + names.SWAP


def clear_up(disk: Disk, folder: str) -> None:
    """Leave only files that belong to the log."""
    cleaned = [_offset(name) for name in disk.list(folder) if name.endswith(names.CLEANED)]
    for name in disk.list(folder):
        # A swap that began while others were still being written belongs to a split that failed.
        unfinished = name.endswith(names.SWAP) and cleaned and _offset(name) >= min(cleaned)
        if unfinished or name.endswith((names.DELETED, names.CLEANED, ".tmp")):
            disk.delete(f"{folder}/{name}")
    _finish_swap(disk, folder)
    present = set(disk.list(folder))
    for suffix in (names.INDEX, names.TIME_INDEX, names.TXN_INDEX):
        for name in sorted(present):
            offset = names.offset_of(name, suffix)
            if offset is not None and f"{offset:020d}{names.LOG}" not in present:
                disk.delete(f"{folder}/{name}")


def _finish_swap(disk: Disk, folder: str) -> None:
    """The segments whose place the swapped ones take go first, then the names change."""
    swapped = [name for name in disk.list(folder) if name.endswith(names.SWAP)]
    logs = [name for name in swapped if name.endswith(_SWAPPED_LOG)]
    if logs:
        start = min(_offset(name) for name in logs)
        end = max(_end_of(disk, f"{folder}/{name}", _offset(name)) for name in logs)
        for name in disk.list(folder):
            if name[:1].isdigit() and name not in swapped and start <= _offset(name) < end:
                disk.delete(f"{folder}/{name}")
    for name in swapped:
        disk.rename(f"{folder}/{name}", f"{folder}/{name.removesuffix(names.SWAP)}")


def _offset(name: str) -> int:
    """The offset that a name begins with, -1 if it begins with none."""
    digits = name.partition(".")[0]
    return int(digits) if digits.isdecimal() else -1


def _end_of(disk: Disk, path: str, base_offset: int) -> int:
    """One more than the last offset in a `.log` file."""
    position, end = 0, base_offset
    while position < disk.size(path):
        header = read_header(disk.read(path, position, BATCH_OVERHEAD))
        position += header.size
        end = header.next_offset
    return end
