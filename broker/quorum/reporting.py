"""What a leader gives out besides records: its snapshots, and what it knows of the quorum."""

from __future__ import annotations

from broker.events import Now
from broker.quorum.leading import Leading
from broker.quorum.member import Member
from broker.quorum.progress import Progress
from broker.quorum.singletons import (
    describe_response,
    partition_of,
    snapshot_partition,
    snapshot_response,
)
from broker.quorum.snapshots import OffsetAndEpoch
from broker.quorum.states import Leader
from broker.wire.errors import ErrorCode
from broker.wire.messages import describe_quorum
from broker.wire.messages.fetch_snapshot import (
    FetchSnapshotRequest,
    FetchSnapshotResponse,
    LeaderIdAndEpoch,
    PartitionSnapshotResult,
    SnapshotId,
)
from broker.wire.primitives import ZERO_UUID

OBSERVER_SESSION_US = 300_000_000
"""How long an observer that does not fetch is still named."""


class Reporting:
    """The part of a leader that answers other questions than fetches."""

    def __init__(self, member: Member, leading: Leading) -> None:
        self.member = member
        self.leading = leading

    # -- snapshots --------------------------------------------------------------------------------

    def fetch_snapshot(self, request: FetchSnapshotRequest, now: Now) -> FetchSnapshotResponse:
        """A piece of a snapshot, from a position on (KafkaRaftClient.handleFetchSnapshotRequest).

        Pieces are cut anywhere. Fetching them counts as hearing the leader.
        """
        asked, state = snapshot_partition(request), self.member.state
        if asked is None:
            return FetchSnapshotResponse(error_code=ErrorCode.INVALID_REQUEST)
        error = self.leading.leader_only(asked.current_leader_epoch)
        if error or not isinstance(state, Leader):
            return self._no_piece(error)
        log, disk = self.member.log, self.member.disk
        snapshot = OffsetAndEpoch(asked.snapshot_id.end_offset, asked.snapshot_id.epoch)
        if snapshot not in log.snapshots:
            return self._no_piece(ErrorCode.SNAPSHOT_NOT_FOUND)
        path = log.snapshot_path(snapshot)
        size = disk.size(path)
        if not 0 <= asked.position < size:
            return self._no_piece(ErrorCode.POSITION_OUT_OF_RANGE)
        self.leading.heard(state, request.replica_id, now)
        length = max(1, min(request.max_bytes, self.member.config.fetch_snapshot_max_bytes))
        return snapshot_response(
            PartitionSnapshotResult(
                snapshot_id=SnapshotId(end_offset=snapshot.offset, epoch=snapshot.epoch),
                current_leader=self._leader(),
                size=size,
                position=asked.position,
                unaligned_records=disk.read(path, asked.position, length),
            )
        )

    def _no_piece(self, error: ErrorCode) -> FetchSnapshotResponse:
        nothing = PartitionSnapshotResult(
            error_code=error,
            snapshot_id=SnapshotId(end_offset=-1, epoch=-1),
            current_leader=self._leader(),
            unaligned_records=b"",
        )
        return snapshot_response(nothing)

    def _leader(self) -> LeaderIdAndEpoch:
        return LeaderIdAndEpoch(leader_id=self.member.leader_id, leader_epoch=self.member.epoch)

    # -- the quorum -------------------------------------------------------------------------------

    def describe(
        self, request: describe_quorum.DescribeQuorumRequest, now: Now
    ) -> describe_quorum.DescribeQuorumResponse:
        """Who has how much of the log, as the leader knows it (KIP-642, KIP-836)."""
        state = self.member.state
        asked = partition_of(request.topics)
        if asked is None or asked.partition_index != 0:
            return _not_described(request)
        if not isinstance(state, Leader):
            error = describe_quorum.PartitionResult(
                error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER,
                error_message=ErrorCode.NOT_LEADER_OR_FOLLOWER.text,
            )
            return describe_response(error)
        self._forget_silent_observers(state, now)
        partition = describe_quorum.PartitionResult(
            leader_id=state.leader_id,
            leader_epoch=state.epoch,
            high_watermark=state.high_watermark,
            current_voters=[self._voter(each, now) for each in state.voters.values()],
            observers=[_replica(each, each.directory_id) for each in state.observers.values()],
        )
        return describe_response(partition, self._nodes())

    def _voter(self, progress: Progress, now: Now) -> describe_quorum.ReplicaState:
        """A voter; while voters are static (kraft.version 0), nobody asks on which disk it is."""
        if progress.replica_id != self.member.node_id:
            return _replica(progress, ZERO_UUID)
        return describe_quorum.ReplicaState(
            replica_id=progress.replica_id,
            log_end_offset=self.member.log.end_offset,
            last_fetch_timestamp=now.wall_ms,
            last_caught_up_timestamp=now.wall_ms,
        )

    def _nodes(self) -> list[describe_quorum.Node]:
        return [
            describe_quorum.Node(
                node_id=each.node_id,
                listeners=[
                    describe_quorum.Listener(name=each.listener, host=each.host, port=each.port)
                ],
            )
            for each in self.member.config.endpoints
        ]

    def _forget_silent_observers(self, state: Leader, now: Now) -> None:
        since = now.mono_us - OBSERVER_SESSION_US
        for observer in [o for o, p in state.observers.items() if (p.last_fetch_us or 0) < since]:
            del state.observers[observer]


def _replica(progress: Progress, directory_id: bytes) -> describe_quorum.ReplicaState:
    return describe_quorum.ReplicaState(
        replica_id=progress.replica_id,
        replica_directory_id=directory_id,
        log_end_offset=progress.log_end_offset,
        last_fetch_timestamp=progress.last_fetch_ms,
        last_caught_up_timestamp=progress.last_caught_up_ms,
    )


def _not_described(
    request: describe_quorum.DescribeQuorumRequest,
) -> describe_quorum.DescribeQuorumResponse:
    error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return describe_quorum.DescribeQuorumResponse(
        topics=[
            describe_quorum.TopicResult(
                topic_name=topic.topic_name,
                partitions=[
                    describe_quorum.PartitionResult(
                        partition_index=partition.partition_index,
                        error_code=error,
                        error_message=error.text,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )
