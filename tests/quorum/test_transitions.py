"""The table of transitions is the machine: each row has an example here, and there is no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.log.disk import MemoryDisk
from broker.quorum.election_state import ElectionState, write_election_state
from broker.quorum.member import ELECTION_STATE, Member
from broker.quorum.metadata_log import METADATA_FOLDER
from broker.quorum.states import QuorumState, Unattached
from broker.quorum.transitions import FIRST_STATES, TRANSITIONS, Cause, State, Transition
from broker.wire.errors import ErrorCode, InvariantError
from broker.wire.messages.vote import VoteResponse
from tests.quorum.stories import ELECTION_MS, FETCH_MS, Node

S, C = State, Cause


def node_that_was(state: ElectionState, voters: tuple[int, ...] = (1, 2, 3)) -> Node:
    """A node that starts with this in its quorum-state."""
    disk = MemoryDisk()
    disk.make_folder(METADATA_FOLDER)
    write_election_state(disk, ELECTION_STATE, state)
    return Node(voters=voters, disk=disk)


def prospective() -> Node:
    return Node().stand()


def prospective_with_leader() -> Node:
    return Node().follow(2, 1).stand()


def candidate() -> Node:
    return prospective().votes(2)


def leader() -> Node:
    return candidate().votes(2)


def resigned() -> Node:
    node = leader().sync()
    node.quorum.resign(node.now)
    return node


def resigned_for_silence() -> Node:
    return leader().wait(FETCH_MS * 2)


def no_pre_votes() -> Node:
    return prospective().answer(2, VoteResponse(error_code=ErrorCode.UNSUPPORTED_VERSION))


EXAMPLES: dict[Transition, Callable[[], object]] = {
    Transition(S.UNATTACHED, C.HIGHER_EPOCH, S.UNATTACHED): lambda: Node().vote(2, epoch=7),
    Transition(S.UNATTACHED, C.VOTED, S.UNATTACHED): lambda: [
        node := Node(),
        node.vote(2, 7, pre_vote=True),
        node.vote(2, 7),
    ],
    Transition(S.UNATTACHED, C.ELECTION_TIMEOUT, S.PROSPECTIVE): prospective,
    Transition(S.UNATTACHED, C.ONLY_VOTER, S.PROSPECTIVE): lambda: Node(voters=(1,)),
    Transition(S.UNATTACHED, C.LEADER_FOUND, S.FOLLOWER): lambda: Node().begin(2, 1),
    Transition(S.PROSPECTIVE, C.HIGHER_EPOCH, S.UNATTACHED): lambda: prospective().vote(2, 7),
    Transition(S.PROSPECTIVE, C.VOTED, S.PROSPECTIVE): lambda: [
        node := node_that_was(ElectionState(epoch=7)).stand(),
        node.vote(2, 7),
    ],
    Transition(S.PROSPECTIVE, C.PRE_VOTES, S.CANDIDATE): candidate,
    Transition(S.PROSPECTIVE, C.NO_PRE_VOTE, S.CANDIDATE): no_pre_votes,
    Transition(S.PROSPECTIVE, C.LEADER_FOUND, S.FOLLOWER): lambda: prospective().begin(2, 1),
    Transition(S.PROSPECTIVE, C.LOST_KNOWING_LEADER, S.FOLLOWER): lambda: (
        prospective_with_leader().votes(2, False).votes(3, False)
    ),
    Transition(S.PROSPECTIVE, C.LOST_KNOWING_NOBODY, S.UNATTACHED): lambda: prospective().wait(
        ELECTION_MS
    ),
    Transition(S.CANDIDATE, C.HIGHER_EPOCH, S.UNATTACHED): lambda: candidate().vote(2, 7),
    Transition(S.CANDIDATE, C.VOTES, S.LEADER): leader,
    Transition(S.CANDIDATE, C.ELECTION_TIMEOUT, S.PROSPECTIVE): lambda: candidate().wait(
        ELECTION_MS
    ),
    Transition(S.CANDIDATE, C.LEADER_FOUND, S.FOLLOWER): lambda: candidate().begin(2, 1),
    Transition(S.LEADER, C.HIGHER_EPOCH, S.UNATTACHED): lambda: leader().vote(2, 7),
    Transition(S.LEADER, C.LEADER_FOUND, S.FOLLOWER): lambda: leader().begin(2, 7),
    Transition(S.LEADER, C.NOT_HEARD, S.RESIGNED): resigned_for_silence,
    Transition(S.LEADER, C.RESIGNS, S.RESIGNED): resigned,
    Transition(S.FOLLOWER, C.HIGHER_EPOCH, S.UNATTACHED): lambda: Node().follow().vote(3, 7),
    Transition(S.FOLLOWER, C.LEADER_FOUND, S.FOLLOWER): lambda: Node().follow().begin(3, 7),
    Transition(S.FOLLOWER, C.FETCH_TIMEOUT, S.PROSPECTIVE): prospective_with_leader,
    Transition(S.RESIGNED, C.HIGHER_EPOCH, S.UNATTACHED): lambda: resigned().vote(2, 7),
    Transition(S.RESIGNED, C.LEADER_FOUND, S.FOLLOWER): lambda: resigned().begin(2, 7),
    Transition(S.RESIGNED, C.ELECTION_TIMEOUT, S.UNATTACHED): lambda: resigned_for_silence().wait(
        2 * ELECTION_MS
    ),
    Transition(S.RESIGNED, C.ONLY_VOTER, S.PROSPECTIVE): lambda: node_that_was(
        ElectionState(epoch=3, leader_id=1), voters=(1,)
    ),
}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Transition]:
    """The transitions that nodes take."""
    seen: list[Transition] = []
    move = Member._move

    def note(self: Member, cause: Cause, state: QuorumState) -> None:
        seen.append(Transition(self.state.kind, cause, state.kind))
        move(self, cause, state)

    monkeypatch.setattr(Member, "_move", note)
    return seen


@pytest.mark.parametrize("row", TRANSITIONS, ids=str)
def test_each_row_has_an_example(row: Transition, taken: list[Transition]) -> None:
    EXAMPLES[row]()
    assert row in taken


def test_there_is_no_example_of_another_way() -> None:
    assert set(EXAMPLES) == set(TRANSITIONS)


def test_a_node_that_would_go_another_way_breaks_an_invariant() -> None:
    node = leader()
    with pytest.raises(InvariantError, match="leader does not become unattached"):
        node.quorum.member._move(Cause.VOTED, Unattached(1, -1, None))


@pytest.mark.parametrize(
    ("known", "first"),
    [
        (ElectionState(), State.UNATTACHED),
        (ElectionState(epoch=3, voted_id=2), State.UNATTACHED),
        (ElectionState(epoch=3, voted_id=1), State.UNATTACHED),
        (ElectionState(epoch=3, leader_id=2), State.FOLLOWER),
        (ElectionState(epoch=3, leader_id=1), State.RESIGNED),
        (ElectionState(epoch=3, leader_id=9), State.UNATTACHED),
    ],
)
def test_a_node_begins_as_what_it_was_and_never_as_the_leader(
    known: ElectionState, first: State
) -> None:
    node = node_that_was(known)
    assert node.state.kind is first
    assert node.state.kind in FIRST_STATES
    assert node.quorum.epoch == known.epoch


def test_an_observer_stands_for_no_election() -> None:
    node = Node(node_id=4)
    node.wait(10_000)
    assert (node.state.kind, node.role) == (State.UNATTACHED, "observer")
    node.follow(2, 5).wait(10_000)
    assert (node.state.kind, node.role) == (State.FOLLOWER, "observer")
