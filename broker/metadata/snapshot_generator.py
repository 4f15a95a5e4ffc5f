"""When a snapshot of the metadata is written, and how: in slices (Kafka's `SnapshotGenerator`).

Every node writes its own, of the image that it has: after so many bytes of records
(`metadata.log.max.record.bytes.between.snapshots`), or when the last one is so old that something
was written since (`metadata.log.max.snapshot.interval.ms`). With it the log may forget its
beginning. The image is immutable, so it can be written while the next records are applied.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from broker.events import Now
from broker.metadata.configs import BrokerConfig
from broker.metadata.loader import MetadataLoader
from broker.metadata.snapshot import snapshot_records
from broker.quorum.quorum import Quorum, SnapshotWriter
from broker.wire.errors import StorageError
from broker.wire.schema import Message

_LOG = logging.getLogger("broker.metadata")

RECORDS_A_SLICE = 500


class SnapshotGenerator:
    """Writes one snapshot after the other, each when its time has come."""

    def __init__(self, config: BrokerConfig, quorum: Quorum, loader: MetadataLoader) -> None:
        self.quorum = quorum
        self.loader = loader
        self._max_bytes = config.metadata_log_max_record_bytes_between_snapshots
        # A node alone has nobody who would have to catch up: there only the log's size counts.
        alone = len(config.voter_ids) < 2
        self._interval_us = 0 if alone else config.metadata_log_max_snapshot_interval_ms * 1000
        self._counted_bytes = 0
        self._first_us: int | None = None
        """When the first record was applied that no snapshot has."""
        self._writer: SnapshotWriter | None = None
        self._records: Iterator[list[Message]] = iter(())

    def applied(self, now: Now) -> None:
        """The image has changed: is it time?"""
        if self._first_us is None:
            self._first_us = now.mono_us

    def deadline(self) -> int | None:
        """When there is something to write."""
        if self._writer is not None or self._grown:
            return 0
        if self._first_us is None or not self._interval_us:
            return None
        return self._first_us + self._interval_us

    def run(self, now: Now) -> None:
        """Begin a snapshot if it is due, or write the next slice."""
        try:
            if self._writer is not None:
                self._write(self._writer, now)
            elif self._grown or self._old(now):
                self._begin()
        except StorageError as error:
            # The log is still there: nothing is lost, and the next time it may go better.
            _LOG.warning("a snapshot of the metadata could not be written: %s", error.message)
            self._writer = None

    @property
    def _grown(self) -> bool:
        return self.loader.applied_bytes - self._counted_bytes >= self._max_bytes

    def _old(self, now: Now) -> bool:
        due_us = self.deadline()
        return due_us is not None and due_us <= now.mono_us

    def _begin(self) -> None:
        image = self.loader.image
        self._counted_bytes, self._first_us = self.loader.applied_bytes, None
        timestamp_ms = self.loader.timestamp_ms
        self._writer = self.quorum.begin_snapshot(image.offset + 1, image.epoch, timestamp_ms)
        self._records = snapshot_records(image, RECORDS_A_SLICE)

    def _write(self, writer: SnapshotWriter, now: Now) -> None:
        records = next(self._records, None)
        if records is not None:
            writer.append(records)
            return
        self._writer = None
        writer.finish(now)
