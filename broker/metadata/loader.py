"""From the metadata log to the image: what is committed is applied, in order, slice by slice.

    snapshot, if the log begins later        then batch by batch up to the high watermark
    (Kafka's `MetadataLoader`)               (its `MetadataDeltaPublisher`s get image and delta)

A node that starts has it all to read, and one that was away for long gets a snapshot in place of
records that are no more. Neither may keep requests waiting, so a slice is some hundred records. A
batch counts as a whole, whatever its size: until its last record the image stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from broker.metadata.image import ClusterImage, Delta
from broker.quorum.quorum import CommittedBatch, Quorum, SnapshotId
from broker.wire.errors import StorageError
from broker.wire.schema import Message

RECORDS_A_SLICE = 500


class MetadataLoader:
    """Keeps one image up with the log."""

    def __init__(self, quorum: Quorum) -> None:
        self.quorum = quorum
        self.image = ClusterImage()
        self.timestamp_ms = -1
        """When the last record that was applied was written."""
        self.applied_bytes = 0
        """How much has been applied of the log since the start, for whoever counts snapshots."""
        self._draft = ClusterImage()
        """The image that a batch or a snapshot will lead to, once all of it is replayed."""
        self._batch: CommittedBatch | None = None
        self._records: Iterator[Message] = iter(())
        self._delta: Delta | None = None
        """What the slices of that batch have touched by now, if it takes several."""
        self._snapshot: Iterator[tuple[Message, ...]] | None = None
        self._snapshot_id = SnapshotId(-1, -1)

    @property
    def behind(self) -> bool:
        """Whether something is committed and not applied yet."""
        return self.image.offset + 1 < self.quorum.high_watermark

    def load(self) -> Delta:
        """Apply a slice; returns what it touched, which is nothing while a snapshot is read."""
        if self._snapshot is None and self._batch is None:
            found = self.quorum.snapshot_for(self.image.offset + 1)
            if found is not None:
                self._begin_snapshot(found)
        if self._snapshot is not None:
            return self._read_snapshot(self._snapshot)
        return self._read_log()

    # -- the log ----------------------------------------------------------------------------------

    def _read_log(self) -> Delta:
        delta, left = Delta(), RECORDS_A_SLICE
        batches: Iterator[CommittedBatch] | None = None
        while left > 0:
            if self._batch is None:
                batches = batches or self.quorum.committed_since(self.image.offset + 1)
                batch = next(batches, None)
                if batch is None:
                    break
                self._batch, self._records = batch, iter(batch.records)
                self._draft, self._delta = self.image, None
            left -= self._replay(self._batch, left, delta)
        return delta

    def _replay(self, batch: CommittedBatch, most: int, delta: Delta) -> int:
        """Replay some records of a batch; only when it is complete they make a new image."""
        records = tuple(islice(self._records, most))
        whole = len(records) < most
        offset = batch.last_offset if whole else self._draft.offset + len(records)
        self._draft, step = self._draft.replay(records, offset, batch.epoch)
        if self._delta is not None:
            self._delta.merge(step)
            step = self._delta
        self._delta = None if whole else step
        if whole:
            self.image = self._draft
            delta.merge(step)
            self.timestamp_ms = batch.timestamp_ms
            self.applied_bytes += batch.size_bytes
            self._batch = None
        return len(records) + 1

    # -- snapshots --------------------------------------------------------------------------------

    def _begin_snapshot(self, snapshot: SnapshotId) -> None:
        self._snapshot_id = snapshot
        self._snapshot = self.quorum.read_snapshot(snapshot)
        self._draft = ClusterImage()

    def _read_snapshot(self, batches: Iterator[tuple[Message, ...]]) -> Delta:
        left = RECORDS_A_SLICE
        try:
            for records in batches:
                self._draft, _ = self._draft.replay(records)
                left -= len(records) + 1
                if left <= 0:
                    return Delta()
        except StorageError:
            self._snapshot = None
            if self.quorum.latest_snapshot != self._snapshot_id:
                return Delta()  # a newer one has come, and this one is gone
            raise
        offset, epoch = self._snapshot_id
        before, self._snapshot = self.image, None
        self.image, _ = self._draft.replay((), offset - 1, epoch)
        self._draft = ClusterImage()
        return Delta.between(before, self.image)
