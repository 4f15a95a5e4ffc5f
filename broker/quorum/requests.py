"""What the other nodes ask, and who among the parts answers it.

A request names its cluster and its topic; one that means others is refused. Requests that tell of
an epoch or a leader are news first, whatever else they want.
"""

from __future__ import annotations

from broker.events import Now, RequestArrived
from broker.quorum.election_state import NOBODY
from broker.quorum.elections import Elections
from broker.quorum.following import Following
from broker.quorum.leading import Leading
from broker.quorum.member import Member
from broker.quorum.reporting import Reporting
from broker.quorum.singletons import begin_response, end_response, partition_of
from broker.wire.errors import ErrorCode, invariant
from broker.wire.messages import fetch, fetch_snapshot, vote
from broker.wire.messages.begin_quorum_epoch import (
    BeginQuorumEpochRequest,
    BeginQuorumEpochResponse,
)
from broker.wire.messages.describe_quorum import DescribeQuorumRequest
from broker.wire.messages.end_quorum_epoch import EndQuorumEpochRequest, EndQuorumEpochResponse
from broker.wire.schema import Message


class Requests:
    """The part of a member that is asked."""

    def __init__(
        self, member: Member, elections: Elections, leading: Leading, following: Following
    ) -> None:
        self.member = member
        self.elections = elections
        self.leading = leading
        self.following = following
        self.reporting = Reporting(member, leading)

    def answer(self, request: RequestArrived, body: Message, now: Now) -> Message | None:
        """The answer; None if it comes later."""
        if isinstance(body, DescribeQuorumRequest):
            return self.reporting.describe(body, now)
        if isinstance(body, fetch.FetchRequest):
            if self._other_cluster(body.cluster_id):
                return fetch.FetchResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID)
            return self.leading.fetch(request, body, now)
        if isinstance(body, vote.VoteRequest):
            if self._other_cluster(body.cluster_id):
                return vote.VoteResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID)
            return self.elections.answer(body, now)
        if isinstance(body, fetch_snapshot.FetchSnapshotRequest):
            if self._other_cluster(body.cluster_id):
                error = ErrorCode.INCONSISTENT_CLUSTER_ID
                return fetch_snapshot.FetchSnapshotResponse(error_code=error)
            return self.reporting.fetch_snapshot(body, now)
        if isinstance(body, BeginQuorumEpochRequest):
            return self._begin_epoch(body, now)
        invariant(isinstance(body, EndQuorumEpochRequest), "the quorum was asked something else")
        return self._end_epoch(body, now) if isinstance(body, EndQuorumEpochRequest) else None

    def _other_cluster(self, cluster_id: str | None) -> bool:
        """Who names no cluster means this one."""
        return cluster_id is not None and cluster_id != self.member.config.cluster_id

    def _begin_epoch(self, request: BeginQuorumEpochRequest, now: Now) -> BeginQuorumEpochResponse:
        """A new leader tells that it leads."""
        if self._other_cluster(request.cluster_id):
            return BeginQuorumEpochResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID)
        partition = partition_of(request.topics)
        if partition is None:
            return BeginQuorumEpochResponse(error_code=ErrorCode.INVALID_REQUEST)
        error = self._news(partition.leader_id, partition.leader_epoch, now)
        if not error and request.voter_id not in (NOBODY, self.member.node_id):
            error = ErrorCode.INVALID_VOTER_KEY
        return begin_response(error, self.member.leader_id, self.member.epoch)

    def _end_epoch(self, request: EndQuorumEpochRequest, now: Now) -> EndQuorumEpochResponse:
        """A leader tells that it leads no more."""
        if self._other_cluster(request.cluster_id):
            return EndQuorumEpochResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID)
        partition = partition_of(request.topics)
        if partition is None:
            return EndQuorumEpochResponse(error_code=ErrorCode.INVALID_REQUEST)
        error = self._news(partition.leader_id, partition.leader_epoch, now)
        if not error:
            self.following.leader_ends(partition, now)
        return end_response(error, self.member.leader_id, self.member.epoch)

    def _news(self, leader_id: int, epoch: int, now: Now) -> ErrorCode:
        """Somebody says that it leads an epoch."""
        if epoch < self.member.epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if leader_id < 0 or not self.member.learn(leader_id, epoch, now):
            return ErrorCode.INVALID_REQUEST
        return ErrorCode.NONE
