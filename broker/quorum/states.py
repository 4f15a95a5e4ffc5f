"""What a node remembers in each of its states; what moves it is in `transitions`.

A state is replaced when the node moves, and what belonged to it is gone with it. Times are in
monotonic microseconds; a deadline of None never comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from broker.quorum.election_state import NOBODY
from broker.quorum.progress import Progress
from broker.quorum.snapshots import SnapshotReceiver
from broker.quorum.transitions import State
from broker.quorum.waiting import WaitingFetch


class Ballot:
    """Who was asked for a vote, and what they said (Kafka's EpochElection)."""

    def __init__(self, voters: Sequence[int], own_id: int) -> None:
        self._votes: dict[int, bool | None] = dict.fromkeys(voters)
        self._votes[own_id] = True
        self._majority = len(voters) // 2 + 1

    def record(self, voter: int, granted: bool) -> None:
        """A voter has answered."""
        if voter in self._votes:
            self._votes[voter] = granted

    @property
    def granting(self) -> list[int]:
        """Who said yes."""
        return [voter for voter, vote in self._votes.items() if vote]

    @property
    def unrecorded(self) -> list[int]:
        """Who has not answered."""
        return [voter for voter, vote in self._votes.items() if vote is None]

    @property
    def is_won(self) -> bool:
        """A majority said yes."""
        return len(self.granting) >= self._majority

    @property
    def is_lost(self) -> bool:
        """No majority can be reached any more."""
        return len(self.granting) + len(self.unrecorded) < self._majority


@dataclass(slots=True)
class Unattached:
    """Knows an epoch, and no leader in it."""

    kind: ClassVar[State] = State.UNATTACHED
    leader_id: ClassVar[int] = NOBODY
    epoch: int
    voted_id: int
    deadline: int | None
    """When it asks for an election; an observer never does."""

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """One vote in an epoch, to a log that holds at least what this one holds."""
        if not pre_vote and self.voted_id != NOBODY:
            return self.voted_id == candidate
        return up_to_date


@dataclass(slots=True)
class Prospective:
    """Asks whether it would be elected. Its epoch is still the old one, with the leader it knew."""

    kind: ClassVar[State] = State.PROSPECTIVE
    epoch: int
    leader_id: int
    voted_id: int
    deadline: int
    ballot: Ballot

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """As unattached; but who knows the leader of an epoch elects no second one in it."""
        if not pre_vote:
            if self.voted_id != NOBODY:
                return self.voted_id == candidate
            if self.leader_id != NOBODY:
                return False
        return up_to_date


@dataclass(slots=True)
class Candidate:
    """Stands for election, and has voted for itself."""

    kind: ClassVar[State] = State.CANDIDATE
    leader_id: ClassVar[int] = NOBODY
    epoch: int
    voted_id: int
    deadline: int
    ballot: Ballot

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """Its one vote is given."""
        return pre_vote and up_to_date


@dataclass(slots=True)
class Leader:
    """Leads its epoch. What it knows of the others stands in `voters` and `observers`."""

    kind: ClassVar[State] = State.LEADER
    voted_id: ClassVar[int] = NOBODY
    epoch: int
    leader_id: int
    first_offset: int
    """Where its epoch begins in the log."""
    voters: dict[int, Progress]
    """All voters, itself among them."""
    observers: dict[int, Progress]
    deadline: int | None
    """When it resigns, if no majority fetches until then; None with one voter."""
    announce_deadline: int
    """When it next looks who does not fetch, and tells them that it leads."""
    high_watermark: int = -1
    """-1 until a record of its own epoch is on a majority. It does not take over what it knew as a
    follower: only so can nobody see the high watermark of the quorum go back."""
    held_up: bool = False
    """Whether the deadline was put off, since this node itself was late."""
    heard: list[int] = field(default_factory=list)
    """Which followers have fetched since the deadline was set."""
    waiting: deque[WaitingFetch] = field(default_factory=deque)
    """The fetches for which there is nothing yet."""

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """The election of its epoch is over."""
        return False


@dataclass(slots=True)
class Follower:
    """Fetches from the leader of its epoch."""

    kind: ClassVar[State] = State.FOLLOWER
    epoch: int
    leader_id: int
    voted_id: int
    deadline: int | None
    """When it has waited too long for an answer. Not for an observer."""
    held_up: bool = False
    """Whether the deadline was put off, since this node itself was late."""
    has_fetched: bool = False
    """Whether this leader has answered it, and the connection has held since."""
    lost_leader: bool = False
    """Whether the connection to a leader that had answered has broken."""
    snapshot: SnapshotReceiver | None = None
    """What it loads instead of records that the leader does not have any more."""

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """It has a leader. Only while it has never heard it, it would not mind another."""
        return pre_vote and up_to_date and not self.has_fetched


@dataclass(slots=True)
class Resigned:
    """Led this epoch, and tells the others that they may elect somebody else."""

    kind: ClassVar[State] = State.RESIGNED
    voted_id: ClassVar[int] = NOBODY
    epoch: int
    leader_id: int
    deadline: int | None
    """When it takes part again, in a higher epoch. None: it is about to stop."""
    unacknowledged: list[int]
    """Which voters have not been told."""
    successors: tuple[int, ...] = ()
    """Who should stand first: the voters in the order of their log ends."""

    def may_grant(self, candidate: int, up_to_date: bool, pre_vote: bool) -> bool:
        """It was elected in this epoch itself."""
        return pre_vote and up_to_date


QuorumState = Unattached | Prospective | Candidate | Leader | Follower | Resigned
