"""What KRaft adds to Raft, or does in another way: KIP-595, one test each, and KIP-996's pre-votes.

The sections are those of KIP-595; the rules are told in our words.
"""

from __future__ import annotations

import pytest

from broker.events import HangUp
from broker.quorum.singletons import end_response
from broker.wire.codec import decode_control_value
from broker.wire.errors import ErrorCode
from broker.wire.messages.begin_quorum_epoch import BeginQuorumEpochRequest
from broker.wire.messages.control_records import LeaderChangeMessage
from broker.wire.messages.end_quorum_epoch import EndQuorumEpochRequest
from broker.wire.messages.fetch import FetchRequest, FetchResponse
from broker.wire.messages.vote import VoteRequest, VoteResponse
from broker.wire.records import ControlType, iter_batches, read_records
from tests.quorum.stories import ELECTION_MS, FETCH_MS, Node, data_of, feature, offsets, records

# -- Vote -----------------------------------------------------------------------------------------


def test_a_vote_that_cannot_be_meant_is_refused() -> None:
    """Vote: INVALID_REQUEST where the last epoch is not older than that of the election."""
    node = Node()
    assert node.vote(2, epoch=3, last_epoch=3).error_code == ErrorCode.INVALID_REQUEST
    assert node.vote(2, epoch=3, last_offset=-1).error_code == ErrorCode.INVALID_REQUEST
    assert node.vote(-1, epoch=3).error_code == ErrorCode.INVALID_REQUEST
    assert node.vote(1, epoch=3).error_code == ErrorCode.INVALID_REQUEST, "one's own id"
    assert node.vote(2, epoch=3, voter=7).error_code == ErrorCode.INVALID_VOTER_KEY
    assert node.quorum.epoch == 0


def test_another_cluster_has_no_say() -> None:
    """INCONSISTENT_CLUSTER_ID: two clusters that share an address do not mix."""
    node = Node()
    for request in (VoteRequest, FetchRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest):
        answer = node.ask(request(cluster_id="another"))
        assert answer is not None
        assert answer.error_code == ErrorCode.INCONSISTENT_CLUSTER_ID


def test_other_topics_are_not_ours() -> None:
    """Only the one partition of the metadata has a quorum."""
    answer = Node().ask(VoteRequest(cluster_id="c"))
    assert isinstance(answer, VoteResponse)
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    fetched = Node().ask(FetchRequest(cluster_id="c"))
    assert isinstance(fetched, FetchResponse)
    assert fetched.error_code == ErrorCode.INVALID_REQUEST


def test_a_voter_that_follows_refuses_its_vote_in_that_epoch() -> None:
    """Vote: who knows the leader of an epoch elects no other in it."""
    assert not Node().follow(2, epoch=3).quorum.is_leader
    assert not Node().follow(2, epoch=3).vote(3, epoch=3).vote_granted


def test_an_answer_tells_who_leads() -> None:
    """Every answer bears the epoch and its leader, and who asked learns from it."""
    answer = Node().follow(2, epoch=3).vote(3, epoch=1)
    assert (answer.leader_id, answer.leader_epoch) == (2, 3)


# -- pre-votes (KIP-996) --------------------------------------------------------------------------


def test_who_only_asks_raises_no_epoch() -> None:
    """A voter behind a broken link asks for ever, and the others stay in their epoch."""
    node = Node().follow(2, epoch=3).stand().wait(20_000)
    assert node.quorum.epoch == 3
    requests = node.sent(VoteRequest).values()
    assert all(request.topics[0].partitions[0].pre_vote for request in requests)


def test_a_follower_that_hears_its_leader_would_not_vote_for_another() -> None:
    """A pre-vote is refused by followers that have fetched from their leader."""
    node = Node().follow(2, epoch=3)
    assert node.vote(3, epoch=3, pre_vote=True).vote_granted, "it has not heard node 2 yet"
    node.leader_says()
    assert not node.vote(3, epoch=3, pre_vote=True).vote_granted


def test_a_leader_would_not_vote_for_another() -> None:
    assert (
        not Node().lead().vote(3, epoch=1, last_offset=9, last_epoch=1, pre_vote=True).vote_granted
    )


def test_a_pre_vote_binds_nobody() -> None:
    """It may be given to all, and again, and does not count as the vote."""
    node = Node()
    assert node.vote(2, epoch=0, pre_vote=True).vote_granted
    assert node.vote(3, epoch=0, pre_vote=True).vote_granted
    assert node.vote(3, epoch=1).vote_granted


def test_a_pre_vote_only_for_a_log_that_could_win() -> None:
    node = Node().follow(2, epoch=2).leader_says(records(0, 3, epoch=2)).sync().wait(FETCH_MS)
    assert node.role == "prospective"
    assert not node.vote(3, epoch=2, last_offset=2, last_epoch=2, pre_vote=True).vote_granted
    assert node.vote(3, epoch=2, last_offset=3, last_epoch=2, pre_vote=True).vote_granted


def test_who_would_not_be_elected_goes_back_to_its_leader() -> None:
    node = Node().follow(2, epoch=1).stand()
    node.votes(2, granted=False).votes(3, granted=False)
    assert (node.role, node.quorum.leader_id) == ("follower", 2)


def test_a_quorum_that_is_being_upgraded_does_without_pre_votes() -> None:
    """UNSUPPORTED_VERSION: a voter is of before KIP-996, and elections go as they went then."""
    node = Node().stand().answer(2, VoteResponse(error_code=ErrorCode.UNSUPPORTED_VERSION))
    assert (node.role, node.quorum.epoch) == ("candidate", 1)


# -- BeginQuorumEpoch -----------------------------------------------------------------------------


def test_a_leader_of_an_older_epoch_is_told_so() -> None:
    """BeginQuorumEpoch: FENCED_LEADER_EPOCH, with the epoch and the leader there are."""
    answer = Node().follow(2, epoch=3).begin(3, epoch=2)
    assert answer.error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert (answer.leader_id, answer.leader_epoch) == (2, 3)


def test_two_leaders_in_an_epoch_are_not_believed() -> None:
    node = Node().follow(2, epoch=3)
    assert node.begin(3, epoch=3).error_code == ErrorCode.INVALID_REQUEST
    assert node.quorum.leader_id == 2


def test_nobody_else_knows_that_this_node_leads() -> None:
    """What it does not know itself was another life's: it would follow itself."""
    node = Node()
    assert node.begin(1, epoch=5).error_code == ErrorCode.INVALID_REQUEST
    assert node.quorum.leader_id == -1


def test_the_epoch_begins_with_a_record_that_names_leader_and_voters() -> None:
    """LeaderChangeMessage: the first record of an epoch; it commits what came before."""
    node = Node().lead()
    _, batch = next(iter_batches(node.quorum.log.read(0, 1 << 20, node.end)))
    (record,) = read_records(batch)
    change = decode_control_value(ControlType.LEADER_CHANGE, record.value or b"")
    assert isinstance(change, LeaderChangeMessage)
    assert change.leader_id == 1
    assert [voter.voter_id for voter in change.voters] == [1, 2, 3]
    assert [voter.voter_id for voter in change.granting_voters] == [1, 2]


# -- EndQuorumEpoch -------------------------------------------------------------------------------


def test_a_leader_that_stops_names_those_first_who_have_the_most() -> None:
    """EndQuorumEpoch: the preferred successors, in the order of their log ends."""
    node = Node().lead()
    node.quorum.append([feature(1)], node.now)
    node.fetch(2, 1, 1)
    node.fetch(3, 2, 1)
    node.quorum.resign(node.now)
    assert node.role == "resigned"
    for request in node.sent(EndQuorumEpochRequest).values():
        candidates = request.topics[0].partitions[0].preferred_candidates
        assert [each.candidate_id for each in candidates] == [3, 2]


def test_the_first_successor_stands_at_once_the_others_a_little_later() -> None:
    """EndQuorumEpoch: each place in the list doubles the wait, so that not all stand together."""
    waits = []
    for successors in [(1, 2, 3), (2, 1, 3), (2, 3, 1), (2, 3)]:
        node = Node().wait(10).follow(2, epoch=1)
        node.ends(2, 1, successors)
        waited = 0
        while node.role == "follower":
            node.wait(5)
            waited += 5
        waits.append(waited)
    assert waits == [0, 75, 150, 300]


def test_nobody_refuses_a_pre_vote_for_the_sake_of_a_leader_that_goes() -> None:
    node = Node().follow(2, epoch=1).leader_says()
    assert not node.vote(3, epoch=1, pre_vote=True).vote_granted
    node.ends(2, 1, (3, 1))
    assert node.vote(3, epoch=1, pre_vote=True).vote_granted


def test_only_its_own_leader_can_resign() -> None:
    node = Node().follow(2, epoch=3)
    assert node.ends(2, 2, (1,)).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert node.ends(3, 3, (1,)).error_code == ErrorCode.INVALID_REQUEST
    assert node.role == "follower"


def test_a_node_that_stops_is_free_once_the_others_know() -> None:
    node = Node().lead()
    node.quorum.resign(node.now)
    assert not node.quorum.may_stop
    for peer in (2, 3):
        node.answer(peer, end_response(ErrorCode.NONE, 1, 1))
    assert node.quorum.may_stop
    node.wait(10_000)
    assert node.role == "resigned", "it stands for nothing any more"


def test_a_follower_that_stops_asks_for_no_election() -> None:
    node = Node().follow(2, epoch=1)
    node.quorum.resign(node.now)
    assert node.quorum.may_stop
    assert node.wait(10_000).role == "follower"


# -- Fetch ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "error"),
    [(0, ErrorCode.FENCED_LEADER_EPOCH), (2, ErrorCode.UNKNOWN_LEADER_EPOCH)],
)
def test_a_fetch_of_another_epoch_is_refused(epoch: int, error: ErrorCode) -> None:
    answer = Node().lead().fetch(2, 0, 0, epoch=epoch)
    assert answer is not None
    assert answer.error_code == error
    assert (answer.current_leader.leader_id, answer.current_leader.leader_epoch) == (1, 1)


def test_who_does_not_lead_says_who_does() -> None:
    """Fetch: NOT_LEADER_OR_FOLLOWER with the leader: so observers find it."""
    answer = Node().follow(2, epoch=3).fetch(4, 0, 0)
    assert answer is not None
    assert answer.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert answer.current_leader.leader_id == 2


@pytest.mark.parametrize(
    ("replica", "offset", "last_epoch"), [(2, -1, 0), (2, 0, -1), (2, 0, 2), (1, 0, 0)]
)
def test_a_fetch_from_nowhere_is_refused(replica: int, offset: int, last_epoch: int) -> None:
    answer = Node().lead().fetch(replica, offset, last_epoch)
    assert answer is not None
    assert answer.error_code == ErrorCode.INVALID_REQUEST


def test_a_log_that_went_another_way_does_not_count() -> None:
    """Fetch: the offset is checked against the epoch before it says anything about the log."""
    node = Node().lead()
    node.quorum.append([feature(1)], node.now)
    node.sync()
    node.fetch(3, offset=9, last_epoch=1)
    assert node.quorum.high_watermark == 1


def test_a_waiting_fetch_is_answered_after_its_time() -> None:
    node = Node().lead()
    assert node.fetch(2, 1, 1, wait_ms=300) is None
    assert not node.wait(299).answered()
    (answer,) = node.wait(1).answered()
    assert not data_of(answer).records


def test_a_waiting_fetch_is_answered_when_the_high_watermark_moves() -> None:
    """A follower learns without delay what is committed (KIP-1166)."""
    node = Node().lead()
    node.quorum.append([feature(1)], node.now)
    node.sync()
    assert node.fetch(4, 2, 1, wait_ms=300, high_watermark=1) is None
    first = node.fetch(2, 2, 1, wait_ms=300, high_watermark=1)
    assert first is not None
    assert first.high_watermark == 2, "whoever moves it hears of it at once"
    (answer,) = node.answered()
    assert data_of(answer).high_watermark == 2, "and so do those who wait"


def test_a_waiting_fetch_is_sent_on_when_the_leader_goes() -> None:
    node = Node().lead()
    assert node.fetch(2, 1, 1, wait_ms=300) is None
    node.begin(3, epoch=5)
    (answer,) = node.answered()
    assert data_of(answer).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert data_of(answer).current_leader.leader_id == 3


def test_who_hung_up_does_not_wait_any_more() -> None:
    node = Node().lead()
    node.fetch(2, 1, 1, wait_ms=300, connection=7)
    node.quorum.disconnected(7)
    assert not node.wait(300).answered()


def test_observers_fetch_and_do_not_count() -> None:
    """Only voters move the high watermark."""
    node = Node().lead()
    end = node.quorum.append([feature(1)], node.now)
    node.sync()
    answer = node.fetch(4, 1, 1)
    assert answer is not None
    assert offsets(answer) == [1]
    node.fetch(4, end, 1)
    assert node.quorum.high_watermark == 1


def test_a_leader_that_the_majority_does_not_hear_resigns() -> None:
    """Check quorum (KAFKA-15489): after one and a half fetch time-outs without a majority."""
    node = Node().lead().wait(FETCH_MS)
    node.fetch(3, 1, 1)
    node.wait(FETCH_MS * 3 // 2 - 1)
    assert node.quorum.is_leader
    assert not node.wait(1).quorum.is_leader
    assert node.role == "resigned"
    assert node.wait(2 * ELECTION_MS).quorum.epoch == 2, "it comes back in a higher epoch"


def test_a_restarted_leader_does_not_lead_on() -> None:
    """What it had not synced is gone, and must not be written anew in the same epoch."""
    node = Node().lead().again()
    assert (node.role, node.quorum.epoch) == ("resigned", 1)
    assert not node.vote(2, epoch=1, last_offset=9).vote_granted


def test_a_restarted_candidate_does_not_ask_again_in_its_epoch() -> None:
    """Whoever gave it a vote has looked at records that it may have lost with the power."""
    node = Node().follow(2, epoch=1).leader_says(records(0, 3, epoch=1))
    node.stand().votes(3, granted=True)
    assert (node.role, node.quorum.epoch) == ("candidate", 2)
    node = node.again()
    assert (node.role, node.quorum.epoch, node.end) == ("unattached", 2, 0)
    assert not node.vote(3, epoch=2, last_offset=9, last_epoch=1).vote_granted
    assert node.stand().votes(3).quorum.epoch == 3


def test_a_follower_whose_leader_does_not_answer_asks_around() -> None:
    node = Node().follow(2, epoch=1)
    assert list(node.sent(FetchRequest)) == [2]
    node.lose(2)
    assert list(node.sent(FetchRequest)) == [3], "node 3 may know another leader"
    node.leader_says(error=ErrorCode.FENCED_LEADER_EPOCH, leader=3, epoch=2, peer=3)
    assert node.quorum.leader_id == 3


def test_a_leader_whose_process_is_gone_is_not_waited_for() -> None:
    """Its connection breaks, and no other can be made: its followers ask each other soon."""
    node = Node().follow(2, epoch=1).leader_says().lose(2)
    assert node.vote(3, epoch=1, pre_vote=True).vote_granted, "it does not hear node 2 any more"
    node.wait(50).lose(3).lose(2)
    assert node.wait(ELECTION_MS // 4).role == "prospective"


def test_a_leader_that_was_never_heard_gets_all_of_its_time() -> None:
    node = Node().follow(2, epoch=1).lose(2).wait(50).lose(3).lose(2)
    assert node.wait(FETCH_MS - 51).role == "follower"


def test_an_answer_that_does_not_come_costs_the_connection() -> None:
    """A request that is overdue is asked again on a new connection: no late answer comes."""
    node = Node(node_id=4).follow(2, epoch=1)
    node.wait(1000)
    assert HangUp(2, "quorum") in node.effects
    assert 1 in node.sent(FetchRequest)


def test_an_observer_finds_the_leader_by_asking_any_voter() -> None:
    node = Node(node_id=4)
    (voter,) = node.sent(FetchRequest)
    node.leader_says(error=ErrorCode.FENCED_LEADER_EPOCH, leader=3, epoch=7, peer=voter)
    assert (node.quorum.leader_id, node.quorum.epoch) == (3, 7)
    assert list(node.sent(FetchRequest)) == [3]


# -- time -----------------------------------------------------------------------------------------


def stand_still(node: Node, ms: int) -> Node:
    """The whole process is held up; then its timers go off."""
    node.time += ms * 1000
    return node


def test_a_follower_that_was_held_up_reads_its_letters_first() -> None:
    """The leader's answer has come meanwhile: it is looked at before any deadline is."""
    node = stand_still(Node().follow(2, epoch=1), 5 * FETCH_MS)
    node.leader_says(records(0, 2, epoch=1))
    assert node.wait(1).role == "follower"


def test_who_was_held_up_itself_gives_the_others_a_little_more_time() -> None:
    """Once: if they are silent then, too, it goes on as usual."""
    node = stand_still(Node().follow(2, epoch=1), 5 * FETCH_MS)
    assert node.wait(0).role == "follower"
    assert node.wait(FETCH_MS // 3).role == "prospective"
    leader = stand_still(Node().lead(), 5 * FETCH_MS)
    assert leader.wait(0).role == "leader"
    leader.fetch(2, 1, 1)
    assert stand_still(leader, 5 * FETCH_MS).wait(0).role == "leader"
    assert leader.wait(FETCH_MS // 3).role == "resigned"
