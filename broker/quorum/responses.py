"""What all answers of the quorum have in common: an error, an epoch, and perhaps its leader.

Whatever was asked, the answer may bring news: a higher epoch, or the leader of this one. Only an
answer from the same epoch and without an error goes on to who asked.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from broker.events import Now, ResponseArrived
from broker.quorum.election_state import NOBODY
from broker.quorum.elections import Elections
from broker.quorum.following import Following
from broker.quorum.member import Member
from broker.quorum.resigning import Resigning
from broker.quorum.singletons import fetched_partition, partition_of, snapshot_piece
from broker.wire.errors import ErrorCode
from broker.wire.messages import begin_quorum_epoch, end_quorum_epoch, fetch, fetch_snapshot, vote
from broker.wire.messages.begin_quorum_epoch import BeginQuorumEpochResponse
from broker.wire.messages.end_quorum_epoch import EndQuorumEpochResponse
from broker.wire.schema import Message

_LOG = logging.getLogger("broker.quorum")


class Verdict(NamedTuple):
    """The common part of an answer."""

    error_code: int
    leader_id: int = NOBODY
    epoch: int = -1
    for_all: bool = False
    """The error is about the request as a whole, and nothing else was said."""


class Responses:
    """The part of a member that hears answers."""

    def __init__(
        self, member: Member, elections: Elections, following: Following, resigning: Resigning
    ) -> None:
        self.member = member
        self.elections = elections
        self.following = following
        self.resigning = resigning

    def take_in(self, event: ResponseArrived, now: Now) -> bool:
        """First the news that any answer may bring, then the rest, if it fits this epoch
        (KafkaRaftClient.maybeHandleCommonResponse). Whether it was of use."""
        body, verdict = event.body, read_response(event.body)
        if verdict is None:
            return False
        error, before = verdict.error_code, self.member.state
        if verdict.for_all:
            if error == ErrorCode.UNSUPPORTED_VERSION and isinstance(body, vote.VoteResponse):
                self.elections.no_pre_votes(now)
            _LOG.warning(
                "node %d: node %d answers error %d", self.member.node_id, event.peer, error
            )
            return False
        if verdict.epoch < self.member.epoch:
            return False
        if not self.member.learn(verdict.leader_id, verdict.epoch, now):
            _LOG.error(
                "node %d hears of leader %d in epoch %d, and knows leader %d",
                *(self.member.node_id, verdict.leader_id, verdict.epoch, self.member.leader_id),
            )
            return False
        if error and error != ErrorCode.SNAPSHOT_NOT_FOUND:
            return self.member.state is not before
        return self._use(event.peer, body, now)

    def _use(self, peer: int, body: Message, now: Now) -> bool:
        """An answer without an error, from this epoch."""
        if isinstance(body, fetch.FetchResponse):
            return self.following.fetched(body, now)
        if isinstance(body, fetch_snapshot.FetchSnapshotResponse):
            return self.following.fetched_snapshot(body, now)
        if isinstance(body, vote.VoteResponse):
            return self.elections.voted(peer, body)
        if isinstance(body, EndQuorumEpochResponse):
            return self.resigning.acknowledged(peer)
        return True


def read_response(body: Message) -> Verdict | None:
    """The common part; None if the answer is about something else."""
    if not isinstance(body, _ANSWERS):
        return None
    if body.error_code:
        return Verdict(body.error_code, for_all=True)
    if isinstance(body, fetch.FetchResponse):
        data = fetched_partition(body)
        return None if data is None else _verdict(data.error_code, data.current_leader)
    if isinstance(body, fetch_snapshot.FetchSnapshotResponse):
        piece = snapshot_piece(body)
        return None if piece is None else _verdict(piece.error_code, piece.current_leader)
    return _beside(body)


_Leader = fetch.LeaderIdAndEpoch | fetch_snapshot.LeaderIdAndEpoch
_ANSWERS = (
    fetch.FetchResponse,
    fetch_snapshot.FetchSnapshotResponse,
    vote.VoteResponse,
    BeginQuorumEpochResponse,
    EndQuorumEpochResponse,
)


def _verdict(error_code: int, leader: _Leader) -> Verdict:
    return Verdict(error_code, leader.leader_id, leader.leader_epoch)


def _beside(
    body: vote.VoteResponse | BeginQuorumEpochResponse | EndQuorumEpochResponse,
) -> Verdict | None:
    """These name the leader beside the error."""
    if isinstance(body, vote.VoteResponse):
        voted = partition_of(body.topics)
        return None if voted is None else _flat(voted)
    if isinstance(body, BeginQuorumEpochResponse):
        begun = partition_of(body.topics)
        return None if begun is None else _flat(begun)
    ended = partition_of(body.topics)
    return None if ended is None else _flat(ended)


def _flat(
    result: vote.PartitionResult
    | begin_quorum_epoch.PartitionResult
    | end_quorum_epoch.PartitionResult,
) -> Verdict:
    return Verdict(result.error_code, result.leader_id, result.leader_epoch)
