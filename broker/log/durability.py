"""How much of a log is on the platter, and what must be synced to make it all of it.

A sync takes milliseconds, and a broker that waited for one with each record would serve a few
hundred a second. Kafka therefore leaves it to the operating system to write the pages of a file
when it likes, and syncs a log only when a segment is full and when the broker stops; what a
single machine may lose is on others. `flush.messages` and `flush.ms` ask for more.

Durable up to the *recovery point* means: nothing before it has to be read again after a crash.
So whatever recovery would otherwise have to make anew is synced with the records: the indexes,
the producers' snapshot, the leader epochs, and the names of all those files in their folder.
"""

from __future__ import annotations

from broker.events import Now
from broker.log import names
from broker.log.checkpoints import write_epochs
from broker.log.config import FOREVER, LogConfig
from broker.log.disk.interface import split
from broker.log.recovery import Recovery
from broker.log.segments import Segments

SNAPSHOT_EVERY_BYTES = 1 << 20
"""A sync within a segment takes a producer snapshot once this much was appended since the last:
recovery begins there, so it never reads much of what is durable."""


class Durability:
    """What of one log is durable, and which syncs are under way."""

    def __init__(self, segments: Segments, recovered: Recovery) -> None:
        self.recovery_point = recovered.recovery_point
        self._disk = recovered.disk
        self._segments = segments
        self._producers = recovered.producers
        self._snapshots = recovered.snapshots
        self._epochs = recovered.epochs
        self._under_way: list[int] = []
        self._waiting_since_us: int | None = None
        self._bytes_since_snapshot = 0

    # -- when -----------------------------------------------------------------------------------

    def appended(self, size: int, now: Now) -> None:
        """Something was written that is in no sync yet."""
        self._bytes_since_snapshot += size
        if self._waiting_since_us is None:
            self._waiting_since_us = now.mono_us

    def due_us(self, config: LogConfig) -> int | None:
        """The monotonic time at which `flush.ms` asks for a sync, None if nothing does."""
        if self._waiting_since_us is None or config.flush_ms == FOREVER:
            return None
        return self._waiting_since_us + config.flush_ms * 1000

    def is_due(self, log_end_offset: int, config: LogConfig, now: Now) -> bool:
        """Whether to sync now: for `flush.messages`, `flush.ms`, or since a segment is full."""
        begun = self._under_way[-1] if self._under_way else self.recovery_point
        if log_end_offset - begun >= config.flush_messages:
            return True
        if begun < self._segments.active.base_offset:
            return True
        if config.flush_ms == FOREVER:
            return False
        due_us = self.due_us(config)
        return due_us is not None and due_us <= now.mono_us

    # -- what -----------------------------------------------------------------------------------

    def begin(self, log_end_offset: int) -> list[str]:
        """A sync begins. What it has to make durable, the content of files before their names."""
        folder = self._snapshots.folder
        if self._epochs.changed:
            # Once in a leader's term, so this one is synced on the spot.
            write_epochs(self._disk, folder, self._epochs.entries)
            self._epochs.changed = False
        if self._bytes_since_snapshot >= SNAPSHOT_EVERY_BYTES:
            self.take_snapshot()
            self._snapshots.remove_strays({segment.base_offset for segment in self._segments})
        self._segments.active.write_indexes()
        unsynced = self._segments.since(self.recovery_point)
        paths = self._snapshots.unsynced_since(self.recovery_point)
        names_are_new = bool(paths) or unsynced[-1].base_offset >= self.recovery_point
        for segment in unsynced:
            paths += [segment.file(s) for s in (names.LOG, names.INDEX, names.TIME_INDEX)]
        if names_are_new:
            paths.append(folder)
        if self.recovery_point <= self._segments.first.base_offset:
            # Nothing of this log is known to be durable: its folder itself may be new.
            paths.append(split(folder)[0])
        self._under_way.append(log_end_offset)
        self._waiting_since_us = None
        return paths

    def take_snapshot(self) -> None:
        """Write down what is known of the producers."""
        self._snapshots.take(self._producers)
        self._bytes_since_snapshot = 0

    def done(self, offset: int, log_end_offset: int) -> int:
        """A sync was done that began when the log ended at `offset`."""
        if self._under_way:
            offset = min(offset, self._under_way.pop(0))
        self.recovery_point = max(self.recovery_point, min(offset, log_end_offset))
        return self.recovery_point

    def all_done(self, log_end_offset: int) -> None:
        """Everything was synced, whatever else was under way."""
        self._under_way.clear()
        self.recovery_point = log_end_offset

    def nothing_to_do(self, log_end_offset: int) -> bool:
        """Whether a log may be closed as it is: all is durable, in the form of a clean close.

        What little there is of a log that never had a record is made anew by the next start.
        """
        return not log_end_offset or (
            self.recovery_point == log_end_offset == self._snapshots.latest
            and self._segments.active.is_sealed
            and not self._epochs.changed
        )

    # -- when the log itself changes ------------------------------------------------------------

    def cut(self, offset: int) -> None:
        """The log was cut. A sync under way says nothing about what will be written there anew."""
        self.recovery_point = min(self.recovery_point, offset)
        self._under_way = [min(begun, offset) for begun in self._under_way]

    def starts_at(self, offset: int) -> None:
        """What came before an offset was deleted, and needs no durability."""
        self.recovery_point = max(self.recovery_point, offset)
