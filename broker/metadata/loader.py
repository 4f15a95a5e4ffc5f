"""From the metadata log to the image: what is committed is applied, in order, slice by slice.

    snapshot, if the log begins later        then batch by batch up to the high watermark
    (Kafka's `MetadataLoader`)               (its `MetadataDeltaPublisher`s get image and delta)

A node that starts has it all to read, and one that was away for long gets a snapshot in place of
records that are no more. Neither may keep requests waiting, so a slice is a thousand records.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.metadata.image import ClusterImage, Delta
from broker.quorum.quorum import CommittedBatch, Quorum, SnapshotId
from broker.wire.schema import Message

RECORDS_A_SLICE = 1000


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
        self._snapshot: Iterator[tuple[Message, ...]] | None = None
        self._snapshot_id = SnapshotId(-1, -1)

    @property
    def behind(self) -> bool:
        """Whether something is committed and not applied yet."""
        return self.image.offset + 1 < self.quorum.high_watermark

    def load(self) -> Delta:
        """Apply a slice; returns what it touched, which is nothing while a snapshot is read."""
        if self._snapshot is None:
            found = self.quorum.snapshot_for(self.image.offset + 1)
            if found is not None:
                self._begin_snapshot(found)
        if self._snapshot is not None:
            return self._read_snapshot(self._snapshot)
        return self._read_log()

    # -- the log ----------------------------------------------------------------------------------

    def _read_log(self) -> Delta:
        image, delta, left = self.image, Delta(), RECORDS_A_SLICE
        for batch in self.quorum.committed_since(image.offset + 1):
            image, step = image.replay(batch.records, batch.last_offset, batch.epoch)
            delta.merge(step)
            self._count(batch)
            left -= len(batch.records) + 1
            if left <= 0:
                break
        self.image = image
        return delta

    def _count(self, batch: CommittedBatch) -> None:
        self.timestamp_ms = batch.timestamp_ms
        self.applied_bytes += batch.size_bytes

    # -- snapshots --------------------------------------------------------------------------------

    def _begin_snapshot(self, snapshot: SnapshotId) -> None:
        self._snapshot_id = snapshot
        self._snapshot = self.quorum.read_snapshot(snapshot)
        self._draft = ClusterImage()

    def _read_snapshot(self, batches: Iterator[tuple[Message, ...]]) -> Delta:
        left = RECORDS_A_SLICE
        for records in batches:
            self._draft, _ = self._draft.replay(records)
            left -= len(records) + 1
            if left <= 0:
                return Delta()
        offset, epoch = self._snapshot_id
        before, self._snapshot = self.image, None
        self.image, _ = self._draft.replay((), offset - 1, epoch)
        self._draft = ClusterImage()
        return Delta.between(before, self.image)
