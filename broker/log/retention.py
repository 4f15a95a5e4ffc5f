"""What a log forgets: old segments, and the folders of deleted topics.

A log keeps records for a time or up to a size, and forgets them in whole segments, oldest first.
A record therefore lives at least as long as promised, and often a good while longer: until all of
its segment is old. What is not yet committed is never deleted, so the log start offset cannot
pass the high watermark.

Deleting a large file can take a file system long. So a segment is only renamed at first, which
takes it out of the log, and its files are removed one by one later (`file.delete.delay.ms`). In
the same way the folder of a deleted topic gets a name ending in `-delete`, which frees the old
one at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from broker.log import names
from broker.log.config import LogConfig
from broker.log.disk import Disk
from broker.log.segment import Segment


def expired(
    segments: Sequence[Segment],
    config: LogConfig,
    now_ms: int,
    log_start_offset: int,
    high_watermark: int,
) -> int:
    """How many of the oldest segments may go (UnifiedLog.deleteOldSegments).

    A last, empty segment is never among them, a last one with records may be.
    """
    size = sum(segment.size for segment in segments)
    count = 0
    for segment in segments:
        is_last = segment is segments[-1]
        if high_watermark < segment.next_offset or (is_last and not segment.size):
            break
        below_start = not is_last and segment.next_offset <= log_start_offset
        too_large = config.retention_bytes >= 0 and size - segment.size >= config.retention_bytes
        too_old = config.retention_ms >= 0 and now_ms - age_mark(segment) > config.retention_ms
        if not (below_start or (config.delete and (too_large or too_old))):
            break
        size -= segment.size
        count += 1
    return count


def age_mark(segment: Segment) -> int:
    """The moment from which a segment's age counts: its latest record's, in that record's time.

    Records without a timestamp age from when the segment was opened here (Kafka takes the file's
    time of modification, which a disk does not tell us).
    """
    return segment.latest.timestamp if segment.latest.timestamp >= 0 else segment.created_ms


class DoomedFiles:
    """Files that are out of the log and will be removed when their time has come."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._files: deque[tuple[int, str]] = deque()

    def doom(self, path: str, due_us: int) -> None:
        """Take a file out of the log by its name; it is removed at `due_us` (monotonic)."""
        if self._disk.exists(path):
            self._disk.rename(path, path + names.DELETED)
            self._files.append((due_us, path + names.DELETED))

    def doom_segment(self, segment: Segment, due_us: int) -> None:
        """All files of a segment."""
        for suffix in names.SEGMENT_FILES:
            self.doom(segment.file(suffix), due_us)

    @property
    def next_due_us(self) -> int | None:
        """When there is something to remove."""
        return self._files[0][0] if self._files else None

    def remove(self, now_us: int, limit: int) -> int:
        """Remove at most `limit` files whose time has come."""
        removed = 0
        while self._files and self._files[0][0] <= now_us and removed < limit:
            self._disk.delete(self._files.popleft()[1])
            removed += 1
        return removed

    def move(self, old: str, new: str) -> None:
        """The folder was renamed."""
        self._files = deque((due, new + path.removeprefix(old)) for due, path in self._files)


class FolderRemoval:
    """Removes a folder that is marked for deletion, a few files at a time."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self.folder = folder
        self._disk = disk
        self._names = deque(disk.list(folder))

    def step(self, limit: int = 16) -> bool:
        """Remove some files; True once the folder is gone."""
        for _ in range(min(limit, len(self._names))):
            self._disk.delete(f"{self.folder}/{self._names.popleft()}")
        if not self._names:
            self._disk.delete_folder(self.folder)
        return not self._names


def mark_for_deletion(disk: Disk, topic: str, partition: int, unique: bytes) -> str:
    """Rename a partition's folder to one that is to be removed, and return that name."""
    folder = names.deletion_name(topic, partition, unique)
    disk.rename_folder(names.folder_name(topic, partition), folder)
    return folder
