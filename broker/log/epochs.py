"""Whose word is this? The leader epochs of a log.

Every leader of a partition serves one *epoch*, counted up by each election, and stamps it on
the batches that it takes in. This cache remembers at which offset each epoch began:

    epoch   start offset
      0          0
      2        134          (epoch 1 took in nothing)
      3        201

Two replicas that agree on epoch and offset of a record agree on all that came before. So after an
election a follower asks its leader where the follower's last epoch ended there, and cuts its own
log to that point (KIP-101, KIP-279). Cutting to one's own high watermark instead, as Kafka once
did, loses acknowledged records.

The file `leader-epoch-checkpoint` lags behind the cache: it is written when the log is flushed.
What it lacks after a crash stands in the batches behind the recovery point, which are read anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

NO_EPOCH = -1
NO_OFFSET = -1


class LeaderEpochs:
    """Epochs and their start offsets, both ascending (Kafka's LeaderEpochFileCache)."""

    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        self.entries: list[tuple[int, int]] = []
        for epoch, start in entries:
            self.assign(epoch, start)
        self.changed = False
        """Whether the file is out of date."""

    @property
    def latest(self) -> int:
        """The current epoch, -1 if the log has seen none."""
        return self.entries[-1][0] if self.entries else NO_EPOCH

    def assign(self, epoch: int, start: int) -> None:
        """An epoch begins at an offset. What contradicts it was written by a leader that lost."""
        if epoch < 0:
            return
        if self.entries and self.entries[-1][0] == epoch and self.entries[-1][1] <= start:
            return
        while self.entries and (self.entries[-1][0] >= epoch or self.entries[-1][1] >= start):
            self.entries.pop()
        self.entries.append((epoch, start))
        self.changed = True

    def end_offset_for(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """The largest epoch up to the one asked for, and the offset at which it ended.

        An epoch older than any in the log ended where the log begins; (-1, -1) if it is unknown
        here, as a newer one than our latest would be (`endOffsetFor`).
        """
        if epoch == NO_EPOCH or epoch > self.latest:
            return NO_EPOCH, NO_OFFSET
        if epoch == self.latest:
            return epoch, log_end_offset
        found = epoch
        for known, start in self.entries:
            if known > epoch:
                return found, start
            found = known
        return NO_EPOCH, NO_OFFSET

    def epoch_at(self, offset: int) -> int:
        """The epoch in which the record at an offset was written, -1 if that is not known."""
        found = NO_EPOCH
        for epoch, start in self.entries:
            if start > offset:
                break
            found = epoch
        return found

    def truncate_from_end(self, end_offset: int) -> None:
        """The log was cut to `end_offset`: forget epochs that began there or later."""
        while self.entries and self.entries[-1][1] >= end_offset:
            self.entries.pop()
            self.changed = True

    def truncate_from_start(self, start_offset: int) -> None:
        """The log now starts at `start_offset`: of what came before, one epoch reaches into it."""
        before = [entry for entry in self.entries if entry[1] <= start_offset]
        if before and before != [(before[-1][0], start_offset)]:
            self.entries[: len(before)] = [(before[-1][0], start_offset)]
            self.changed = True

    def clear(self) -> None:
        """Forget everything: the log begins anew."""
        self.entries.clear()
        self.changed = True
