"""The metadata log and its leader, in a quorum of one voter.

    append ──> log end ──(sync)──> high watermark ──> committed, may be applied

A node that starts elects itself in a new epoch: it writes the epoch down, then appends a
`LeaderChange` record, as each leader of a Raft quorum does (KIP-595). The epochs of past leaders
stay in the log, so that nothing of an earlier life is ever mistaken for the present one.

This object asks for nothing by itself. `unsynced` says that the disk is behind; its owner lets the
host sync and reports back with `synced(offset)`, which moves the high watermark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from broker.events import Effect, Entropy, Now
from broker.log.checkpoints import read_partition_metadata, write_partition_metadata
from broker.log.config import LogConfig
from broker.log.disk import Disk
from broker.log.log import Log
from broker.log.producer_state import Origin
from broker.quorum.config import QuorumConfig
from broker.quorum.election_state import (
    ElectionState,
    read_election_state,
    write_election_state,
)
from broker.quorum.record_versions import record_version
from broker.wire.codec import decode_metadata_record, encode, encode_metadata_record
from broker.wire.errors import invariant
from broker.wire.messages.control_records import LeaderChangeMessage, Voter
from broker.wire.records import build_batch, iter_batches, read_records
from broker.wire.schema import Message

METADATA_TOPIC = "__cluster_metadata"
METADATA_FOLDER = "__cluster_metadata-0"
METADATA_TOPIC_ID = bytes(15) + b"\1"
"""The one topic id that is fixed (Kafka's `Uuid.METADATA_TOPIC_ID`)."""
LEADER_CHANGE_KEY = bytes.fromhex("00000002")
"""A control record's key: version 0, type 2 (`ControlRecordType.LEADER_CHANGE`)."""

METADATA_LOG = LogConfig(segment_bytes=1 << 30, retention_ms=-1, max_message_bytes=64 << 20)
READ_BYTES = 1 << 20


class CommittedBatch(NamedTuple):
    """Metadata records that were committed together: all of them are applied, or none."""

    last_offset: int
    epoch: int
    timestamp_ms: int
    records: tuple[Message, ...]


class Quorum:
    """The metadata log of one node, and its place in the quorum."""

    def __init__(self, node_id: int, disk: Disk, log: Log, state: ElectionState) -> None:
        self.node_id = node_id
        self.disk = disk
        self.log = log
        self.state = state
        self.high_watermark = log.log_start_offset
        self._first_of_epoch = log.log_end_offset

    @classmethod
    def open(
        cls,
        disk: Disk,
        config: QuorumConfig,
        now: Now,
        entropy: Entropy,
        effects: list[Effect],
    ) -> Quorum:
        """Read the node's metadata log. It is read from its start: the image is made from it."""
        log = Log.open(disk, METADATA_FOLDER, METADATA_LOG, now, recovery_point=0, clean=False)
        if read_partition_metadata(disk, METADATA_FOLDER) is None:
            write_partition_metadata(disk, METADATA_FOLDER, METADATA_TOPIC_ID)
            disk.sync_now([""])
        state = read_election_state(disk, f"{METADATA_FOLDER}/quorum-state")
        return cls(config.node_id, disk, log, state)

    @property
    def epoch(self) -> int:
        """The epoch of the leader, counted up by each election."""
        return self.state.epoch

    @property
    def leader_id(self) -> int:
        """The leader of the epoch, -1 while there is none."""
        return self.state.leader_id

    @property
    def is_leader(self) -> bool:
        """Whether this node may append."""
        return self.state.leader_id == self.node_id

    @property
    def unsynced(self) -> bool:
        """Whether appended records are not known to be durable yet."""
        return self.high_watermark < self.log.log_end_offset

    @property
    def epoch_is_committed(self) -> bool:
        """Whether the leader has committed a record of its own epoch (Raft, section 5.4.2)."""
        return self.is_leader and self.high_watermark > self._first_of_epoch

    def start(self, now: Now) -> None:
        """Win the election that one's own vote decides, and open the epoch in the log."""
        epoch = max(self.state.epoch, self.log.last_epoch) + 1
        self.state = ElectionState(epoch, self.node_id, voters=(self.node_id,))
        write_election_state(self.disk, f"{METADATA_FOLDER}/quorum-state", self.state)
        self._first_of_epoch = self.log.log_end_offset
        voter = Voter(voter_id=self.node_id)
        change = LeaderChangeMessage(
            version=0, leader_id=self.node_id, voters=[voter], granting_voters=[voter]
        )
        self._append([(LEADER_CHANGE_KEY, encode(change, 0))], now, control=True)

    def append(self, records: Sequence[Message], now: Now) -> int:
        """Append records that stand or fall together, and return the offset after the last.

        They go into one batch, and a batch is torn as a whole. They count once the high watermark
        has reached that offset.
        """
        invariant(self.is_leader, "only the leader of the quorum appends metadata")
        if records:
            values = [
                (None, encode_metadata_record(record, record_version(record))) for record in records
            ]
            self._append(values, now)
        return self.log.log_end_offset

    def _append(
        self, values: Sequence[tuple[bytes | None, bytes]], now: Now, control: bool = False
    ) -> None:
        batch = build_batch(
            ((now.wall_ms, key, value, ()) for key, value in values), control=control
        )
        self.log.append(batch, self.epoch, now, Origin.QUORUM)

    def synced(self, offset: int, now: Now) -> None:
        """The log is durable up to `offset`: with one voter that is a majority."""
        invariant(offset <= self.log.log_end_offset, "a log is not durable beyond its end")
        self.log.mark_flushed(offset)
        self.high_watermark = max(self.high_watermark, offset)

    def committed_since(self, offset: int) -> Iterator[CommittedBatch]:
        """The committed batches from `offset` on, in order; control batches come empty."""
        while offset < self.high_watermark:
            data = self.log.read(offset, READ_BYTES, self.high_watermark)
            for header, batch in iter_batches(data):
                records: tuple[Message, ...] = ()
                if not header.is_control:
                    records = tuple(
                        decode_metadata_record(record.value or b"")[0]
                        for record in read_records(batch)
                    )
                offset = header.next_offset
                yield CommittedBatch(
                    header.last_offset, header.leader_epoch, header.max_timestamp, records
                )
