"""Elections: who asks for votes, and who gets one.

    follower ──(fetch timeout)──> prospective ──(a majority would)──> candidate ──(votes)──> leader
                                   asks first                          epoch + 1

A voter gives one vote in an epoch, for ever, and only to a log that holds at least what its own
holds: the later last epoch, or the same one and no smaller end. A committed record is on a
majority, so each majority that elects has a voter that would refuse a log without it (Raft,
section 5.4.1). Pre-votes bind nobody, and are given by all but those who hear their leader.
"""

from __future__ import annotations

import logging

from broker.events import Now
from broker.quorum.election_state import NOBODY
from broker.quorum.member import Member
from broker.quorum.metadata_log import METADATA_TOPIC
from broker.quorum.singletons import partition_of, vote_response
from broker.quorum.snapshots import OffsetAndEpoch
from broker.quorum.states import Candidate, Prospective, Unattached
from broker.quorum.transitions import Cause
from broker.wire.errors import ErrorCode
from broker.wire.messages import vote

_LOG = logging.getLogger("broker.quorum")


class Elections:
    """The part of a member that votes and stands for election."""

    def __init__(self, member: Member) -> None:
        self.member = member

    # -- being asked ------------------------------------------------------------------------------

    def answer(self, request: vote.VoteRequest, now: Now) -> vote.VoteResponse:
        """Give a vote or not (KafkaRaftClient.handleVoteRequest)."""
        partition = partition_of(request.topics)
        if partition is None:
            return vote.VoteResponse(error_code=ErrorCode.INVALID_REQUEST)
        error = self._error_of(request.voter_id, partition)
        if error:
            return self._answer(error)
        member, epoch, candidate = self.member, partition.replica_epoch, partition.replica_id
        theirs = OffsetAndEpoch(partition.last_offset, partition.last_offset_epoch)
        up_to_date = theirs.rank >= member.log.end.rank
        if epoch > member.epoch:
            grants = up_to_date and not partition.pre_vote
            voted_id = candidate if grants else NOBODY
            member.become_unattached(Cause.HIGHER_EPOCH, epoch, now, voted_id=voted_id)
        granted = member.state.may_grant(candidate, up_to_date, partition.pre_vote)
        if granted and not partition.pre_vote and member.state.voted_id == NOBODY:
            if isinstance(member.state, Prospective):
                member.become_prospective(Cause.VOTED, now, voted_id=candidate)
            else:
                member.become_unattached(Cause.VOTED, epoch, now, voted_id=candidate)
        _LOG.debug(
            "node %d %s node %d its %s in epoch %d",
            *(member.node_id, "gives" if granted else "refuses", candidate),
            *("pre-vote" if partition.pre_vote else "vote", epoch),
        )
        return self._answer(ErrorCode.NONE, granted)

    def _error_of(self, voter_id: int, partition: vote.PartitionData) -> ErrorCode:
        """Why a request for a vote makes no sense.

        Who stands for election is in an epoch that nobody has led, so there is no record of it;
        who only asks is still in the last one.
        """
        epoch, last_epoch = partition.replica_epoch, partition.last_offset_epoch
        impossible = last_epoch > epoch or (last_epoch == epoch and not partition.pre_vote)
        if partition.last_offset < 0 or last_epoch < 0 or impossible:
            return ErrorCode.INVALID_REQUEST
        if epoch < self.member.epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if partition.replica_id < 0 or partition.replica_id == self.member.node_id:
            return ErrorCode.INVALID_REQUEST
        if voter_id not in (NOBODY, self.member.node_id):
            return ErrorCode.INVALID_VOTER_KEY
        return ErrorCode.NONE

    def _answer(self, error: ErrorCode, granted: bool = False) -> vote.VoteResponse:
        return vote_response(error, self.member.leader_id, self.member.epoch, granted)

    # -- asking -----------------------------------------------------------------------------------

    def voted(self, voter: int, response: vote.VoteResponse) -> bool:
        """A voter has answered, in this epoch and without an error."""
        state = self.member.state
        result = partition_of(response.topics)
        if result is not None and isinstance(state, Prospective | Candidate):
            state.ballot.record(voter, result.vote_granted)
        return True

    def no_pre_votes(self, now: Now) -> None:
        """A voter does not know pre-votes: all must do without, or it could never be elected."""
        if isinstance(self.member.state, Prospective):
            self.member.become_candidate(Cause.NO_PRE_VOTE, now)

    def run_prospective(self, state: Prospective, now: Now) -> None:
        """Go on once the ballot or the time decides it, else ask who has not answered."""
        member, timed_out = self.member, self.member.is_due(state.deadline)
        if state.ballot.is_won:
            member.become_candidate(Cause.PRE_VOTES, now)
        elif (timed_out or state.ballot.is_lost) and state.leader_id != NOBODY:
            member.become_follower(Cause.LOST_KNOWING_LEADER, state.epoch, state.leader_id, now)
        elif timed_out or state.ballot.is_lost:
            member.become_unattached(Cause.LOST_KNOWING_NOBODY, state.epoch, now)
        else:
            self._ask(state, now)

    def run_candidate(self, state: Candidate, now: Now) -> None:
        """A lost election is not given up before its time: nobody else is in a hurry, either."""
        if self.member.is_due(state.deadline) and not self.member.stopping:
            self.member.become_prospective(Cause.ELECTION_TIMEOUT, now)
        elif not state.ballot.is_lost:
            self._ask(state, now)

    def _ask(self, state: Prospective | Candidate, now: Now) -> None:
        peers = self.member.peers
        for voter in state.ballot.unrecorded:
            if peers.ready(voter):
                peers.send(voter, self._request(voter, isinstance(state, Prospective)), now)

    def _request(self, voter: int, pre_vote: bool) -> vote.VoteRequest:
        member, end = self.member, self.member.log.end
        partition = vote.PartitionData(
            replica_epoch=member.epoch,
            replica_id=member.node_id,
            replica_directory_id=member.config.directory_id,
            last_offset_epoch=end.epoch,
            last_offset=end.offset,
            pre_vote=pre_vote,
        )
        return vote.VoteRequest(
            cluster_id=member.config.cluster_id,
            voter_id=voter,
            topics=[vote.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])],
        )

    # -- waiting ----------------------------------------------------------------------------------

    def run_unattached(self, state: Unattached, now: Now) -> bool:
        """Whether the time has come to ask for an election."""
        if not self.member.is_due(state.deadline) or self.member.stopping:
            return False
        self.member.become_prospective(Cause.ELECTION_TIMEOUT, now)
        return True
