"""The states of a voter, and all ways from one to another.

    unattached    knows an epoch and no leader in it; may have given its vote there
    prospective   has missed its leader, and asks whether it would be elected (KIP-996)
    candidate     stands for election in an epoch of its own, and has voted for itself
    leader        was elected: it appends, and the others fetch
    follower      knows the leader of its epoch, and fetches from it
    resigned      led this epoch and does so no more: it tells the others, and votes for nobody

Each epoch has at most one leader, since each voter gives one vote in it. A prospective voter has
not raised its epoch: whoever sits behind a broken link can ask for ever, and disturbs nobody.

An observer (a broker that does not vote) is only ever unattached or a follower.

What moves a node is a `Cause`; the table below says where to. It is the machine: a node that would
go another way breaks an invariant, and a test finds each of these in use. The picture in the
documentation is drawn from it. (The rows are those of Kafka's `QuorumState`.)
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """Where a node stands in its epoch."""

    UNATTACHED = "unattached"
    PROSPECTIVE = "prospective"
    CANDIDATE = "candidate"
    LEADER = "leader"
    FOLLOWER = "follower"
    RESIGNED = "resigned"


class Cause(Enum):
    """What moves a node from one state to another."""

    HIGHER_EPOCH = "hears of a higher epoch"
    LEADER_FOUND = "hears of the epoch's leader"
    VOTED = "gives its vote"
    ELECTION_TIMEOUT = "election timeout"
    FETCH_TIMEOUT = "fetch timeout"
    ONLY_VOTER = "votes alone"
    PRE_VOTES = "a majority would vote for it"
    NO_PRE_VOTE = "a voter knows no pre-votes"
    LOST_KNOWING_LEADER = "no majority would, and the leader is known"
    LOST_KNOWING_NOBODY = "no majority would, and no leader is known"
    VOTES = "a majority of votes"
    NOT_HEARD = "no majority fetches"
    RESIGNS = "shuts down"


class Transition(NamedTuple):
    """One row of the table."""

    state: State
    cause: Cause
    to: State


_ROWS: dict[State, dict[Cause, State]] = {
    State.UNATTACHED: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.VOTED: State.UNATTACHED,
        Cause.ELECTION_TIMEOUT: State.PROSPECTIVE,
        Cause.ONLY_VOTER: State.PROSPECTIVE,
        Cause.LEADER_FOUND: State.FOLLOWER,
    },
    State.PROSPECTIVE: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.VOTED: State.PROSPECTIVE,
        Cause.PRE_VOTES: State.CANDIDATE,
        Cause.NO_PRE_VOTE: State.CANDIDATE,
        Cause.LEADER_FOUND: State.FOLLOWER,
        Cause.LOST_KNOWING_LEADER: State.FOLLOWER,
        Cause.LOST_KNOWING_NOBODY: State.UNATTACHED,
    },
    State.CANDIDATE: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.VOTES: State.LEADER,
        Cause.ELECTION_TIMEOUT: State.PROSPECTIVE,
        Cause.LEADER_FOUND: State.FOLLOWER,
    },
    State.LEADER: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.LEADER_FOUND: State.FOLLOWER,
        Cause.NOT_HEARD: State.RESIGNED,
        Cause.RESIGNS: State.RESIGNED,
    },
    State.FOLLOWER: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.LEADER_FOUND: State.FOLLOWER,
        Cause.FETCH_TIMEOUT: State.PROSPECTIVE,
    },
    State.RESIGNED: {
        Cause.HIGHER_EPOCH: State.UNATTACHED,
        Cause.LEADER_FOUND: State.FOLLOWER,
        Cause.ELECTION_TIMEOUT: State.UNATTACHED,
        Cause.ONLY_VOTER: State.PROSPECTIVE,
    },
}

TRANSITIONS = tuple(
    Transition(state, cause, to) for state, row in _ROWS.items() for cause, to in row.items()
)
"""All of them, in the order of the table."""

FIRST_STATES = (State.UNATTACHED, State.FOLLOWER, State.RESIGNED)
"""Where a node begins: as what it was in its `quorum-state`, or less, for what it had appended and
not synced may be gone. So a leader begins as resigned: nothing is written anew in its epoch. And a
candidate begins as unattached, its vote given to itself: it asks nobody again in that epoch, for
who granted it a vote has looked at a longer log. (Kafka's goes on: it never asks before a sync.)
"""

_ALLOWED = frozenset(TRANSITIONS)


def allowed(state: State, cause: Cause, to: State) -> bool:
    """Whether the table has this row."""
    return Transition(state, cause, to) in _ALLOWED
