"""The metadata log of one node: a log like any other, and the snapshots that shorten it.

    snapshot 4711-3        log start                            high watermark     log end
         |                     |                                       |              |
         v                     v                                       v              v
    [ what 0..4710 say ]    ...[ 4700 ......... 4711 ................................. )

What lies below the high watermark is on a majority of the voters, and is never taken back. What
lies above may be cut off again: a follower whose log went another way than the leader's is told
where they part, by epoch and offset, and goes back to there (KIP-595; as KIP-101 for partitions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from broker.events import Now
from broker.log.checkpoints import read_partition_metadata, write_partition_metadata
from broker.log.config import LogConfig
from broker.log.disk import Buffer, Disk
from broker.log.log import Log
from broker.log.producer_state import Origin
from broker.quorum import snapshots
from broker.quorum.config import QuorumConfig
from broker.quorum.record_versions import record_version
from broker.quorum.snapshots import OffsetAndEpoch, SnapshotFile, SnapshotId
from broker.wire.codec import decode_metadata_record, encode_metadata_record
from broker.wire.errors import StorageError, invariant
from broker.wire.records import build_batch, iter_batches, read_records
from broker.wire.schema import Message

METADATA_TOPIC = "__cluster_metadata"
METADATA_FOLDER = "__cluster_metadata-0"
METADATA_TOPIC_ID = bytes(15) + b"\1"
"""The one topic id that is fixed (Kafka's `Uuid.METADATA_TOPIC_ID`)."""

READ_BYTES = 1 << 20
MAX_BATCH_BYTES = 64 << 20


class CommittedBatch(NamedTuple):
    """Metadata records that were committed together: all of them are applied, or none."""

    last_offset: int
    epoch: int
    timestamp_ms: int
    records: Iterable[Message]
    """They are decoded one by one as they are asked for, once: a batch may have thousands."""
    size_bytes: int
    """On the disk: snapshots are due by bytes."""


class Fit(Enum):
    """How a follower's log fits its leader's."""

    VALID = "it is a beginning of the leader's"
    DIVERGING = "it went another way, and must be cut"
    SNAPSHOT = "it is so far behind that it needs a snapshot"


class MetadataLog:
    """The records, their snapshots and the high watermark (Kafka's KafkaRaftLog)."""

    def __init__(self, disk: Disk, config: QuorumConfig, now: Now) -> None:
        self.disk = disk
        self.config = config
        settings = LogConfig(
            segment_bytes=config.segment_bytes,
            segment_ms=config.segment_ms,
            retention_ms=-1,
            max_message_bytes=MAX_BATCH_BYTES,
        )
        self.log = Log.open(disk, METADATA_FOLDER, settings, now, recovery_point=0, clean=False)
        if read_partition_metadata(disk, METADATA_FOLDER) is None:
            write_partition_metadata(disk, METADATA_FOLDER, METADATA_TOPIC_ID)
            disk.sync_now([""])
        self.snapshots = self._recover_snapshots()
        self.truncate_to_latest_snapshot()
        self.high_watermark = max(self.log.log_start_offset, self._snapshot_end)
        self._own: dict[int, tuple[int, tuple[Message, ...]]] = {}
        """What was appended here as a leader and nobody has read yet, with its epoch, by offset:
        a leader need not decode again what it has just encoded."""

    # -- where it ends ----------------------------------------------------------------------------

    @property
    def end_offset(self) -> int:
        """One more than the last offset."""
        return self.log.log_end_offset

    @property
    def last_epoch(self) -> int:
        """The epoch of the last record, be it in a snapshot; 0 before the first."""
        if self.log.last_epoch >= 0:
            return self.log.last_epoch
        return self.snapshots[-1].epoch if self.snapshots else 0

    @property
    def end(self) -> OffsetAndEpoch:
        """The place that tells how much a voter has."""
        return OffsetAndEpoch(self.end_offset, self.last_epoch)

    @property
    def synced_offset(self) -> int:
        """Everything before it is on this disk, whatever happens."""
        return self.log.recovery_point

    @property
    def unsynced(self) -> bool:
        """Whether the disk is behind."""
        log = self.log
        return log.durability.recovery_point < log.log_end_offset

    # -- growing ----------------------------------------------------------------------------------

    def append(
        self,
        values: Sequence[tuple[bytes | None, bytes]],
        epoch: int,
        now: Now,
        control: bool = False,
    ) -> None:
        """Append one batch as the leader of an epoch."""
        batch = build_batch(
            ((now.wall_ms, key, value, ()) for key, value in values), control=control
        )
        self.log.append(batch, epoch, now, Origin.QUORUM)

    def append_records(self, records: Sequence[Message], epoch: int, now: Now) -> None:
        """Append metadata records as one batch: a batch is torn as a whole."""
        values = [(None, encode_metadata_record(r, record_version(r))) for r in records]
        offset = self.end_offset
        self.append(values, epoch, now)
        self._own[offset] = (epoch, tuple(records))

    def append_fetched(self, records: Buffer, epoch: int, now: Now) -> None:
        """Append what the leader of an epoch has sent, as it is."""
        self._own.clear()
        self.log.append_as_follower(records, now, epoch)

    def advance_high_watermark(self, offset: int) -> bool:
        """Everything before an offset is committed; False if that was known."""
        offset = min(offset, self.end_offset)
        if offset <= self.high_watermark:
            return False
        self.high_watermark = offset
        return True

    # -- being compared, and cut ------------------------------------------------------------------

    def fits(self, offset: int, epoch: int) -> tuple[Fit, OffsetAndEpoch]:
        """Is a log that ends at this place a beginning of this one? If not, where to go on from
        (RaftLog.validateOffsetAndEpoch).

        Who has nothing gets the newest snapshot if there is one: that is always less to send.
        """
        place = OffsetAndEpoch(offset, epoch)
        if not offset and self.snapshots:
            return Fit.SNAPSHOT, self.snapshots[-1]
        if not offset and not self.log.log_start_offset:
            return Fit.VALID, place
        if self.snapshots:
            first, start = self.snapshots[0], self.log.log_start_offset
            if offset < start or epoch < first.epoch or (offset == start and epoch != first.epoch):
                return Fit.SNAPSHOT, self.snapshots[-1]
        end = self.end_for_epoch(epoch)
        if end.epoch != epoch or end.offset < offset:
            return Fit.DIVERGING, end
        return Fit.VALID, place

    def end_for_epoch(self, epoch: int) -> OffsetAndEpoch:
        """The largest epoch up to this one, and where it ends here."""
        found, offset = self.log.end_offset_for_epoch(epoch)
        if offset < 0:
            return self.end
        if self.snapshots and found == epoch and offset == self.snapshots[0].offset:
            return self.snapshots[0]
        return OffsetAndEpoch(offset, found)

    def truncate_to(self, diverging: OffsetAndEpoch) -> int:
        """Cut off what the leader does not have (RaftLog.truncateToEndOffset)."""
        offset, epoch = diverging
        if epoch:
            own = self.end_for_epoch(epoch)
            offset = min(own.offset, offset) if own.epoch == epoch else own.offset
        offset = min(offset, self.end_offset)
        invariant(offset >= self.high_watermark, "what is committed is never cut off")
        self.log.truncate_to(offset)
        return offset

    # -- what is committed ------------------------------------------------------------------------

    def committed_since(self, offset: int) -> Iterator[CommittedBatch]:
        """The committed batches from `offset` on, in order; control batches come empty."""
        while offset < self.high_watermark:
            data = self.log.read(offset, READ_BYTES, self.high_watermark)
            for header, batch in iter_batches(data):
                epoch, own = self._own.pop(header.base_offset, (-1, ()))
                records: Iterable[Message] = own
                if header.is_control:
                    records = ()
                elif epoch != header.leader_epoch:
                    records = _decoded(batch)
                offset = header.next_offset
                yield CommittedBatch(
                    header.last_offset,
                    header.leader_epoch,
                    header.max_timestamp,
                    records,
                    header.size,
                )

    # -- snapshots --------------------------------------------------------------------------------

    @property
    def _snapshot_end(self) -> int:
        return self.snapshots[-1].offset if self.snapshots else 0

    def snapshot_path(self, snapshot: SnapshotId) -> str:
        """The file of a snapshot."""
        return f"{METADATA_FOLDER}/{snapshots.file_name(snapshot)}"

    def may_snapshot(self, snapshot: SnapshotId) -> bool:
        """Whether a snapshot could end here: at a committed place of this log, at the beginning of
        a batch, and newer than those there are (KafkaRaftLog.createNewSnapshot)."""
        offset, epoch = snapshot
        if not max(self._snapshot_end, self.log.log_start_offset) < offset <= self.high_watermark:
            return False
        if self.log.epochs.epoch_at(offset - 1) != epoch:
            return False
        data = self.log.read(offset, 1, self.end_offset)
        return not data or next(iter_batches(data))[0].base_offset == offset

    def add_snapshot(self, snapshot: SnapshotId) -> None:
        """A snapshot lies on the disk."""
        self.snapshots = sorted({*self.snapshots, snapshot}, key=lambda each: each.rank)
        self.advance_high_watermark(snapshot.offset)

    def truncate_to_latest_snapshot(self) -> bool:
        """Begin the log anew behind a snapshot that goes beyond it. False if none does.

        The snapshot is there first. A crash in between leaves both, and opening comes here again.
        """
        if not self.snapshots:
            return False
        latest = self.snapshots[-1]
        if latest.rank <= (max(self.log.last_epoch, 0), self.end_offset):
            return False
        self.log.truncate_fully_and_start_at(latest.offset)
        self._forget_before(latest)
        self.high_watermark = latest.offset
        return True

    def clean(self, now: Now) -> None:
        """Let go of the oldest snapshots, and the records before the next one, while all together
        is too much, or they are too old. The newest always stays."""
        while len(self.snapshots) > 1 and self._oldest_may_go(now):
            first = self.snapshots[1]
            self.log.advance_log_start(first.offset, self.high_watermark)
            while self.log.delete_old_segments(now, self.high_watermark):
                pass
            self._forget_before(first)

    def _oldest_may_go(self, now: Now) -> bool:
        config, paths = self.config, [self.snapshot_path(each) for each in self.snapshots]
        age_ms = now.wall_ms - snapshots.header_timestamp_ms(self.disk, paths[0])
        if 0 <= config.retention_ms < age_ms:
            return True
        size = self.log.size_bytes + sum(self.disk.size(path) for path in paths)
        return 0 <= config.retention_bytes < size

    def _forget_before(self, first: SnapshotId) -> None:
        for snapshot in [each for each in self.snapshots if each.rank < first.rank]:
            self.snapshots.remove(snapshot)
            self.disk.delete(self.snapshot_path(snapshot))

    def _recover_snapshots(self) -> list[SnapshotId]:
        """What snapshots there are. What was not finished goes, and what is older than the log."""
        found: list[SnapshotId] = []
        for name in self.disk.list(METADATA_FOLDER):
            snapshot = snapshots.parse_name(name)
            if snapshot is not None and snapshot.offset >= self.log.log_start_offset:
                found.append(snapshot)
            elif snapshot is not None or name.endswith(snapshots.CHECKPOINT + snapshots.PART):
                self.disk.delete(f"{METADATA_FOLDER}/{name}")
        start = self.log.log_start_offset
        if start and not found:
            raise StorageError(f"{METADATA_FOLDER} begins at {start}, and no snapshot ends there")
        return sorted(found, key=lambda each: each.rank)


class SnapshotWriter(SnapshotFile):
    """A snapshot of what the records of a log have led to. The owner fills it in slices."""

    def __init__(self, log: MetadataLog, snapshot: SnapshotId, timestamp_ms: int) -> None:
        super().__init__(log.disk, METADATA_FOLDER, snapshot, timestamp_ms)
        self._log = log

    def finish(self, now: Now) -> None:
        """It is whole. What it makes superfluous goes, if there is too much of it."""
        if self._log.may_snapshot(self.id):
            self.freeze()
            self._log.add_snapshot(self.id)
            self._log.clean(now)
        else:
            self.discard()


def _decoded(batch: Buffer) -> Iterator[Message]:
    """The metadata records of a batch, one by one."""
    for record in read_records(batch):
        yield decode_metadata_record(record.value or b"")[0]
