"""What a leader does: append, serve those who fetch, and count how far the majority has come.

    leader      | 0 | 1 | 2 | 3 | 4 | 5 |        synced up to 6
    follower 2  | 0 | 1 | 2 | 3 | 4 |            fetches from 5: it has 0..4 on its disk
    follower 3  | 0 | 1 | 2 |                    fetches from 3
                                    ^ high watermark 5: two of three voters have all before it

A fetch is at once a question and a report. The leader counts its own disk like any other. It counts
only as soon as a record of its own epoch is among what the majority has: records of earlier epochs
are committed along with that one, and never alone (Raft, section 5.4.2).

A leader that the majority does not hear any more could go on for ever, and answer nobody. So it
resigns when no majority has fetched for a while (KAFKA-15489).
"""

from __future__ import annotations

import logging

from broker.events import Now, RequestArrived
from broker.log.disk import Buffer
from broker.quorum.member import Member
from broker.quorum.metadata_log import METADATA_TOPIC, Fit
from broker.quorum.progress import Progress
from broker.quorum.singletons import fetch_partition, fetch_response, refused_fetch
from broker.quorum.snapshots import OffsetAndEpoch
from broker.quorum.states import Leader
from broker.quorum.transitions import Cause
from broker.quorum.waiting import WaitingFetch
from broker.wire.codec import encode
from broker.wire.errors import ErrorCode, StorageError
from broker.wire.messages import begin_quorum_epoch
from broker.wire.messages.control_records import LeaderChangeMessage, Voter
from broker.wire.messages.fetch import (
    EpochEndOffset,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    PartitionData,
    SnapshotId,
)
from broker.wire.primitives import ZERO_UUID
from broker.wire.records import ControlType, control_key
from broker.wire.schema import Message

_LOG = logging.getLogger("broker.quorum")

_NOT_DIVERGING, _NO_SNAPSHOT = EpochEndOffset(), SnapshotId()


class Leading:
    """The part of a member that leads."""

    def __init__(self, member: Member) -> None:
        self.member = member

    # -- the beginning of an epoch ----------------------------------------------------------------

    def begin(self, granting: list[int], now: Now) -> None:
        """The election is won. The first record of the epoch says so, and commits what it finds."""
        member = self.member
        config, log = member.config, member.log
        quorum_us = None if member.is_only_voter else now.mono_us + config.check_quorum_us
        member.become_leader(
            Leader(
                epoch=member.epoch,
                leader_id=member.node_id,
                first_offset=log.end_offset,
                voters={voter: Progress(voter) for voter in config.voters},
                observers={},
                deadline=quorum_us,
                announce_deadline=now.mono_us,
            )
        )
        log.log.assign_epoch(member.epoch)
        change = LeaderChangeMessage(
            version=0,
            leader_id=member.node_id,
            voters=[Voter(voter_id=voter) for voter in config.voters],
            granting_voters=[Voter(voter_id=voter) for voter in granting],
        )
        key = control_key(ControlType.LEADER_CHANGE)
        log.append([(key, encode(change, 0))], member.epoch, now, control=True)

    def append(self, state: Leader, records: list[Message], now: Now) -> None:
        """New records go to whoever waits for some; that the disk is slower does not matter."""
        self.member.log.append_records(records, state.epoch, now)
        self._wake(state)

    # -- being fetched from -----------------------------------------------------------------------

    def fetch(
        self, arrived: RequestArrived, request: FetchRequest, now: Now
    ) -> FetchResponse | None:
        """Serve a fetch, or let it wait (KafkaRaftClient.handleFetchRequest)."""
        partition = fetch_partition(request)
        if partition is None:
            return FetchResponse(error_code=ErrorCode.INVALID_REQUEST)
        member, state = self.member, self.member.state
        offset, epoch = partition.fetch_offset, partition.last_fetched_epoch
        error = self.leader_only(partition.current_leader_epoch)
        replica_id = max(request.replica_state.replica_id, request.replica_id)
        nonsense = min(request.max_wait_ms, offset, epoch) < 0 or replica_id == member.node_id
        if nonsense or epoch > partition.current_leader_epoch:
            error = ErrorCode.INVALID_REQUEST
        if error or not isinstance(state, Leader):
            return refused_fetch(error, member.leader_id, member.epoch)
        if member.log.fits(offset, epoch)[0] is Fit.VALID:
            # A log that went another way says nothing about how much of this one it has.
            self._fetched(state, replica_id, partition, now)
        answer = self._read(state, partition, request.max_bytes)
        if self._says_something(answer, partition) or not request.max_wait_ms:
            return fetch_response(answer)
        deadline = now.mono_us + request.max_wait_ms * 1000
        state.waiting.append(
            WaitingFetch(arrived, partition, replica_id, request.max_bytes, deadline)
        )
        return None

    def leader_only(self, epoch: int) -> ErrorCode:
        """Why a request is refused that only the leader of its epoch can answer."""
        if epoch < self.member.epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if epoch > self.member.epoch:
            return ErrorCode.UNKNOWN_LEADER_EPOCH
        if not isinstance(self.member.state, Leader):
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        return ErrorCode.NONE

    def _read(self, state: Leader, partition: FetchPartition, max_bytes: int) -> PartitionData:
        """What there is for a replica that stands where it says."""
        log, offset = self.member.log, partition.fetch_offset
        fit, place = log.fits(offset, partition.last_fetched_epoch)
        records: Buffer = b""
        if fit is Fit.VALID:
            records = log.log.read(offset, max_bytes, log.end_offset)
        return _answer(state, fit, place, records, log.log.log_start_offset)

    @staticmethod
    def _says_something(answer: PartitionData, partition: FetchPartition) -> bool:
        """Whether an answer is worth sending at once: records, a place, a higher watermark."""
        return bool(
            answer.records
            or answer.diverging_epoch.epoch >= 0
            or answer.snapshot_id.epoch >= 0
            or partition.high_watermark < answer.high_watermark
        )

    # -- those who wait ---------------------------------------------------------------------------

    def _wake(self, state: Leader) -> None:
        """There is something new: whoever waits is answered, in the order they came."""
        waiting = list(state.waiting)
        state.waiting.clear()
        for each in waiting:
            self._answer(state, each)

    def _answer(self, state: Leader, waiting: WaitingFetch) -> None:
        """Tell one who waited what there is now.

        If that cannot be read, it is told so, and nobody else: what has just been appended stands,
        whoever appended it. If its next fetch cannot be read either, that ends this node.
        """
        try:
            answer = fetch_response(self._read(state, waiting.partition, waiting.max_bytes))
        except StorageError as error:
            answer = refused_fetch(error.code, state.leader_id, self.member.epoch)
        self.member.respond(waiting.request, answer)

    def forget(self, connection: int) -> None:
        """A connection is gone, and nobody waits on it any more."""
        state = self.member.state
        if isinstance(state, Leader):
            for each in [w for w in state.waiting if w.request.connection == connection]:
                state.waiting.remove(each)

    def _time_out(self, state: Leader, now: Now) -> None:
        for each in [each for each in state.waiting if each.deadline <= now.mono_us]:
            state.waiting.remove(each)
            self._answer(state, each)

    # -- counting ---------------------------------------------------------------------------------

    def _fetched(self, state: Leader, replica_id: int, partition: FetchPartition, now: Now) -> None:
        """A replica has everything before the offset that it fetches from, and hears us."""
        if replica_id < 0:
            return
        progress = state.voters.get(replica_id)
        if progress is None:
            progress = state.observers.setdefault(replica_id, Progress(replica_id))
        progress.directory_id = partition.replica_directory_id
        progress.fetched(partition.fetch_offset, self.member.log.end_offset, now)
        if replica_id in state.voters:
            self.heard(state, replica_id, now)
            self._count(state, now)

    def heard(self, state: Leader, voter: int, now: Now) -> None:
        """A voter hears its leader: with a majority of them, all is well for a while."""
        if voter not in state.voters or state.deadline is None:
            return
        if voter not in state.heard:
            state.heard.append(voter)
        if len(state.heard) >= len(state.voters) // 2:
            state.heard.clear()
            state.deadline = now.mono_us + self.member.config.check_quorum_us
            state.held_up = False

    def synced(self, state: Leader, now: Now) -> None:
        """The own disk has come further."""
        state.voters[self.member.node_id].log_end_offset = self.member.log.synced_offset
        self._count(state, now)

    def _count(self, state: Leader, now: Now) -> None:
        """Advance the high watermark to what the majority has."""
        ends = sorted((each.log_end_offset for each in state.voters.values()), reverse=True)
        offset = min(ends[len(ends) // 2], self.member.log.end_offset)
        if offset <= max(state.first_offset, state.high_watermark):
            return
        state.high_watermark = offset
        self.member.log.advance_high_watermark(offset)
        self.member.changes += 1
        self._wake(state)

    # -- time -------------------------------------------------------------------------------------

    def run(self, state: Leader, now: Now) -> None:
        """Resign if nobody listens, announce the epoch to those who do not fetch."""
        if self.member.gives_up(state, now):
            _LOG.warning(
                "node %d leads no more: no majority of the voters fetches", state.leader_id
            )
            self.member.become_resigned(Cause.NOT_HEARD, successors(state), now)
            return
        self._time_out(state, now)
        if state.announce_deadline <= now.mono_us and not self.member.is_only_voter:
            self._announce(state, now)

    def _announce(self, state: Leader, now: Now) -> None:
        """Tell the voters that do not fetch who leads (BeginQuorumEpoch), and look again later."""
        every_us = self.member.config.fetch_timeout_ms * 500
        state.announce_deadline = now.mono_us + every_us
        waiting = {each.replica_id for each in state.waiting}
        for voter, progress in state.voters.items():
            silent = progress.last_fetch_us is None or (
                voter not in waiting and now.mono_us - progress.last_fetch_us >= every_us
            )
            if voter != self.member.node_id and silent and self.member.peers.ready(voter):
                self.member.peers.send(voter, self._begin_epoch(voter), now)

    def _begin_epoch(self, voter: int) -> begin_quorum_epoch.BeginQuorumEpochRequest:
        partition = begin_quorum_epoch.PartitionData(
            voter_directory_id=ZERO_UUID,
            leader_id=self.member.node_id,
            leader_epoch=self.member.epoch,
        )
        topic = begin_quorum_epoch.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        return begin_quorum_epoch.BeginQuorumEpochRequest(
            cluster_id=self.member.config.cluster_id, voter_id=voter, topics=[topic]
        )

    def deadline(self, state: Leader) -> int | None:
        """When a leader has something to do though nothing happens."""
        first = state.deadline
        if first is not None and state.announce_deadline < first:
            first = state.announce_deadline
        for each in state.waiting:
            if first is None or each.deadline < first:
                first = each.deadline
        return first


def successors(state: Leader) -> list[int]:
    """The other voters, the one that has the most first."""
    others = [each for each in state.voters.values() if each.replica_id != state.leader_id]
    others.sort(key=lambda each: (-each.log_end_offset, each.replica_id))
    return [each.replica_id for each in others]


def _answer(
    state: Leader, fit: Fit, place: OffsetAndEpoch, records: Buffer, log_start_offset: int
) -> PartitionData:
    diverging, snapshot = _NOT_DIVERGING, _NO_SNAPSHOT
    if fit is Fit.DIVERGING:
        diverging = EpochEndOffset(epoch=place.epoch, end_offset=place.offset)
    elif fit is Fit.SNAPSHOT:
        snapshot = SnapshotId(end_offset=place.offset, epoch=place.epoch)
    return PartitionData(
        high_watermark=state.high_watermark,
        log_start_offset=log_start_offset,
        diverging_epoch=diverging,
        current_leader=LeaderIdAndEpoch(leader_id=state.leader_id, leader_epoch=state.epoch),
        snapshot_id=snapshot,
        aborted_transactions=[],
        records=records,
    )
