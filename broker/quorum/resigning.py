"""How a leader goes: it tells the others, and names those first that have the most (KIP-595).

Without a word its followers would find out by their fetch timeout. Told, the first of them stands
at once, and a controller that shuts down is missed for some milliseconds only.
"""

from __future__ import annotations

from broker.events import Now
from broker.quorum.leading import successors
from broker.quorum.member import Member
from broker.quorum.metadata_log import METADATA_TOPIC
from broker.quorum.states import Leader, Resigned
from broker.quorum.transitions import Cause
from broker.wire.messages import end_quorum_epoch
from broker.wire.primitives import ZERO_UUID


class Resigning:
    """The part of a member that leads no more."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def resign(self, now: Now) -> None:
        """Stand for nothing any more; a leader of others lets one of them take over."""
        self.member.stopping = True
        state = self.member.state
        if isinstance(state, Leader) and not self.member.is_only_voter:
            self.member.become_resigned(Cause.RESIGNS, successors(state), now)

    def run(self, state: Resigned, now: Now) -> None:
        """Tell the voters, until each has heard it; take part again in a higher epoch, for in this
        one it was elected itself."""
        if self.member.is_due(state.deadline):
            if not self.member.stopping:
                epoch = state.epoch + 1
                self.member.become_unattached(Cause.ELECTION_TIMEOUT, epoch, now)
                return
            state.deadline = None
        for voter in state.unacknowledged:
            if self.member.peers.ready(voter):
                self.member.peers.send(voter, self._end_epoch(state), now)

    def acknowledged(self, voter: int) -> bool:
        """A voter has heard that the leader goes."""
        state = self.member.state
        if isinstance(state, Resigned) and voter in state.unacknowledged:
            state.unacknowledged.remove(voter)
        return True

    def _end_epoch(self, state: Resigned) -> end_quorum_epoch.EndQuorumEpochRequest:
        candidates = [
            end_quorum_epoch.ReplicaInfo(candidate_id=voter, candidate_directory_id=ZERO_UUID)
            for voter in state.successors
        ]
        partition = end_quorum_epoch.PartitionData(
            leader_id=state.leader_id, leader_epoch=state.epoch, preferred_candidates=candidates
        )
        topic = end_quorum_epoch.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        return end_quorum_epoch.EndQuorumEpochRequest(
            cluster_id=self.member.config.cluster_id, topics=[topic]
        )
