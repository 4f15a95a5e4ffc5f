"""The rules of Raft, one test each: Figure 2 of the extended paper (Ongaro and Ousterhout, 2014).

A term is an epoch here, and an index an offset. Followers fetch, so "AppendEntries" is the answer
to a Fetch, "nextIndex" is what the follower asks for, and what it asks for is its "matchIndex".
"""

from __future__ import annotations

from broker.quorum.election_state import read_election_state
from broker.quorum.member import ELECTION_STATE
from broker.wire.errors import ErrorCode
from broker.wire.messages.begin_quorum_epoch import BeginQuorumEpochRequest
from broker.wire.messages.fetch import FetchRequest
from broker.wire.messages.vote import VoteRequest
from tests.quorum.stories import ELECTION_MS, FETCH_MS, Node, data_of, feature, offsets, records

# -- state ----------------------------------------------------------------------------------------


def test_what_is_persistent_is_on_stable_storage_before_an_answer_goes_out() -> None:
    """Persistent state on all servers, "updated on stable storage before responding to RPCs":
    currentTerm, votedFor, log[]."""
    node = Node()
    assert node.vote(2, epoch=5).vote_granted
    node = node.again()
    assert node.quorum.epoch == 5
    assert not node.vote(3, epoch=5).vote_granted, "the vote of epoch 5 is given, crash or not"
    assert node.vote(2, epoch=5).vote_granted


def test_a_follower_reports_records_only_once_they_are_on_its_disk() -> None:
    """... and log[]: it asks for what comes next, and so says that it holds what came before."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 3, epoch=1))
    assert not node.sent(FetchRequest), "not while the disk is behind"
    node.sync()
    (request,) = node.sent(FetchRequest).values()
    assert request.topics[0].partitions[0].fetch_offset == 3


def test_the_epoch_grows_and_never_shrinks() -> None:
    """currentTerm: "latest term server has seen (initialized to 0 on first boot, increases
    monotonically)"."""
    node = Node()
    assert node.quorum.epoch == 0
    node.vote(2, epoch=5)
    node.vote(3, epoch=4)
    node.begin(3, epoch=3)
    assert node.quorum.epoch == 5


def test_what_is_committed_and_applied_grows_and_never_shrinks() -> None:
    """commitIndex and lastApplied: volatile, and increase monotonically."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 3, epoch=1), high_watermark=2).sync()
    node.leader_says(high_watermark=1)
    assert node.quorum.high_watermark == 2


# -- RequestVote ----------------------------------------------------------------------------------


def test_no_vote_in_an_older_epoch() -> None:
    """RequestVote 1: "Reply false if term < currentTerm"."""
    node = Node()
    node.vote(2, epoch=5)
    answer = node.vote(3, epoch=4)
    assert not answer.vote_granted
    assert (answer.error_code, answer.leader_epoch) == (ErrorCode.FENCED_LEADER_EPOCH, 5)


def test_one_vote_in_an_epoch() -> None:
    """RequestVote 2: "If votedFor is null or candidateId ... grant vote"."""
    node = Node()
    assert node.vote(2, epoch=5).vote_granted
    assert not node.vote(3, epoch=5).vote_granted
    assert node.vote(2, epoch=5).vote_granted, "the same one may ask again"
    assert node.vote(3, epoch=6).vote_granted, "another epoch, another vote"


def with_log() -> Node:
    """A node whose log ends at 3, in epoch 2."""
    node = Node().follow(2, epoch=2)
    return node.leader_says(records(0, 3, epoch=2)).sync()


def test_a_vote_only_for_a_log_at_least_as_up_to_date() -> None:
    """RequestVote 2: "... and candidate's log is at least as up-to-date as receiver's log". The
    later last term is more up-to-date, then the longer log (section 5.4.1)."""
    assert not with_log().vote(3, epoch=5, last_offset=2, last_epoch=2).vote_granted
    assert with_log().vote(3, epoch=5, last_offset=3, last_epoch=2).vote_granted
    assert not with_log().vote(3, epoch=5, last_offset=9, last_epoch=1).vote_granted
    assert with_log().vote(3, epoch=5, last_offset=1, last_epoch=3).vote_granted


# -- AppendEntries --------------------------------------------------------------------------------


def test_records_of_an_older_leader_are_not_taken() -> None:
    """AppendEntries 1: "Reply false if term < currentTerm"."""
    node = Node().follow(2, epoch=1)
    node.sent(FetchRequest)
    node.leader_says(records(0, 3, epoch=1), epoch=0, leader=2)
    assert node.end == 0


def test_a_log_without_the_record_before_is_not_appended_to() -> None:
    """AppendEntries 2: "Reply false if log doesn't contain an entry at prevLogIndex whose term
    matches prevLogTerm". Here the leader finds out, for the follower says both."""
    leader = Node().lead()
    leader.quorum.append([feature(1)], leader.now)
    answer = leader.fetch(3, offset=2, last_epoch=0)
    assert answer is not None
    assert not answer.records
    assert (answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset) == (0, 0)


def test_what_conflicts_is_deleted_and_all_that_follows() -> None:
    """AppendEntries 3: "If an existing entry conflicts with a new one (same index but different
    terms), delete the existing entry and all that follow it"."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 2, epoch=1), high_watermark=2).sync()
    node.leader_says(records(2, 3, epoch=1)).sync()
    node.follow(3, epoch=2)
    node.leader_says(diverging=(1, 2))
    assert node.end == 2
    (request,) = node.sent(FetchRequest).values()
    assert request.topics[0].partitions[0].fetch_offset == 2


def test_what_is_new_is_appended() -> None:
    """AppendEntries 4: "Append any new entries not already in the log"."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 2, epoch=1)).sync()
    node.leader_says(records(2, 3, epoch=1)).sync()
    assert node.end == 5
    assert node.quorum.log.last_epoch == 1


def test_a_follower_knows_as_committed_what_it_has_at_most() -> None:
    """AppendEntries 5: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index
    of last new entry)"."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 2, epoch=1), high_watermark=9)
    assert node.quorum.high_watermark == 2


# -- rules for all servers ------------------------------------------------------------------------


def test_what_is_committed_is_applied_in_order() -> None:
    """All servers: "If commitIndex > lastApplied: increment lastApplied, apply
    log[lastApplied]"."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 2, epoch=1) + records(2, 2, epoch=1), high_watermark=2)
    assert [batch.last_offset for batch in node.quorum.committed_since(0)] == [1]
    node.sync().leader_says(high_watermark=4)
    assert [batch.last_offset for batch in node.quorum.committed_since(2)] == [3]


def test_a_higher_epoch_in_a_request_deposes() -> None:
    """All servers: "If RPC request or response contains term T > currentTerm: set currentTerm = T,
    convert to follower"."""
    leader = Node().lead()
    leader.vote(3, epoch=9, last_offset=0)
    assert (leader.role, leader.quorum.epoch) == ("unattached", 9)


def test_a_higher_epoch_in_a_response_deposes() -> None:
    """The same in an answer."""
    node = Node().stand().votes(2)
    node.leader_says(error=ErrorCode.FENCED_LEADER_EPOCH, leader=3, epoch=9, peer=2)
    assert (node.role, node.quorum.epoch, node.quorum.leader_id) == ("follower", 9, 3)


# -- followers ------------------------------------------------------------------------------------


def test_followers_answer_candidates_and_leaders() -> None:
    """Followers: "Respond to RPCs from candidates and leaders"."""
    node = Node().follow(2, epoch=3)
    assert node.vote(3, epoch=4).leader_epoch == 4
    assert node.begin(3, epoch=4).leader_id == 3


def test_a_follower_that_hears_nothing_stands_for_election() -> None:
    """Followers: "If election timeout elapses without receiving AppendEntries RPC from current
    leader ... convert to candidate". (First it asks whether it would be elected: KIP-996.)"""
    node = Node().follow(2, epoch=1).wait(FETCH_MS - 1)
    assert node.role == "follower"
    assert node.wait(1).role == "prospective"


def test_an_answer_of_the_leader_starts_the_time_anew() -> None:
    """... "without receiving AppendEntries RPC"."""
    node = Node().follow(2, epoch=1).wait(FETCH_MS - 1)
    node.leader_says().wait(FETCH_MS - 1)
    assert node.role == "follower"


def test_a_voter_that_gave_its_vote_waits_anew() -> None:
    """... "or granting vote to candidate"."""
    node = Node().wait(ELECTION_MS - 1)
    node.vote(2, epoch=1)
    assert node.wait(ELECTION_MS - 1).role == "unattached"
    assert node.wait(1).role == "prospective"


# -- candidates -----------------------------------------------------------------------------------


def test_a_candidate_goes_to_the_next_epoch_votes_for_itself_and_asks_all_others() -> None:
    """Candidates: "Increment currentTerm. Vote for self. Reset election timer. Send RequestVote
    RPCs to all other servers"."""
    node = Node().stand()
    node.votes(2)
    assert (node.role, node.quorum.epoch) == ("candidate", 1)
    assert read_election_state(node.disk, ELECTION_STATE).voted_id == 1
    requests = node.sent(VoteRequest)
    assert sorted(requests) == [2, 3]
    assert not any(request.topics[0].partitions[0].pre_vote for request in requests.values())
    assert node.wait(ELECTION_MS - 1).role == "candidate"


def test_a_majority_of_votes_makes_a_leader() -> None:
    """Candidates: "If votes received from majority of servers: become leader"."""
    node = Node(voters=(1, 2, 3, 4, 5)).stand().votes(2).votes(3)
    assert node.role == "candidate"
    assert node.votes(2).role == "candidate"
    assert node.votes(2).role == "candidate", "who votes twice has one vote"
    assert node.votes(4, granted=False).role == "candidate"
    assert node.votes(3).role == "leader"


def test_a_candidate_follows_a_leader_that_was_elected() -> None:
    """Candidates: "If AppendEntries RPC received from new leader: convert to follower"."""
    node = Node().stand().votes(2)
    node.begin(3, epoch=1)
    assert (node.role, node.quorum.leader_id) == ("follower", 3)


def test_an_election_without_an_outcome_is_followed_by_another() -> None:
    """Candidates: "If election timeout elapses: start new election"."""
    node = Node().stand().votes(2).wait(ELECTION_MS)
    assert node.role == "prospective"
    assert node.votes(3).quorum.epoch == 2


# -- leaders --------------------------------------------------------------------------------------


def test_a_new_leader_tells_the_others_and_goes_on_telling_who_does_not_fetch() -> None:
    """Leaders: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server;
    repeat during idle periods". Who fetches needs no heartbeat: its fetch waits at the leader."""
    node = Node().stand().votes(2).votes(2)
    assert sorted(node.sent(BeginQuorumEpochRequest)) == [2, 3]
    node.lose(2).lose(3).sync()
    node.fetch(2, 0, 0)
    node.fetch(2, 1, 1, wait_ms=500)
    node.wait(FETCH_MS // 2)
    assert sorted(node.sent(BeginQuorumEpochRequest)) == [3]


def test_records_are_answered_for_once_they_are_committed() -> None:
    """Leaders: "If command received from client: append entry to local log, respond after entry
    applied to state machine". Whoever appends waits for the offset that it is given."""
    node = Node().lead()
    offset = node.quorum.append([feature(1)], node.now)
    node.sync()
    assert node.quorum.high_watermark < offset
    node.fetch(2, offset, last_epoch=1)
    assert node.quorum.high_watermark == offset


def test_followers_are_sent_what_they_lack() -> None:
    """Leaders: "If last log index >= nextIndex for a follower: send AppendEntries RPC with log
    entries starting at nextIndex"."""
    node = Node().lead()
    node.quorum.append([feature(1), feature(2)], node.now)
    answer = node.fetch(3, offset=1, last_epoch=1)
    assert answer is not None
    assert offsets(answer) == [1, 2]


def test_a_follower_that_waits_is_sent_what_is_new() -> None:
    """The same, when the follower has come first."""
    node = Node().lead()
    assert node.fetch(3, offset=1, last_epoch=1, wait_ms=500) is None
    node.quorum.append([feature(1)], node.now)
    (answer,) = node.answered()
    assert offsets(data_of(answer)) == [1]


def test_what_is_appended_stands_though_who_waits_for_it_cannot_be_told() -> None:
    """Leaders: "append entry to local log": a controller that is told of an error has taken its
    decision back, and the next one would contradict what may be committed all the same."""
    node = Node().lead()
    assert node.fetch(3, offset=1, last_epoch=1, wait_ms=500) is None
    node.disk.fail_next("read")
    assert node.quorum.append([feature(1)], node.now) == 2
    (refusal,) = node.answered()
    assert data_of(refusal).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    answer = node.fetch(3, offset=1, last_epoch=1)
    assert answer is not None
    assert offsets(answer) == [1]


def test_where_logs_differ_the_leader_looks_further_back() -> None:
    """Leaders: "If AppendEntries fails because of log inconsistency: decrement nextIndex and
    retry". One step goes back by a whole epoch (section 5.3, and KIP-101)."""
    node = Node().follow(2, epoch=2)
    node.leader_says(records(0, 3, epoch=1) + records(3, 2, epoch=2)).sync()
    node.stand().votes(2).votes(2).sync()
    assert node.quorum.epoch == 3
    answer = node.fetch(3, offset=9, last_epoch=1)
    assert answer is not None
    assert (answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset) == (1, 3)


def test_committed_is_what_a_majority_has() -> None:
    """Leaders: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N
    ... set commitIndex = N". The leader's own disk counts like the others."""
    node = Node(voters=(1, 2, 3, 4, 5)).stand().votes(2).votes(3).votes(2).votes(3)
    end = node.quorum.append([feature(1), feature(2)], node.now)
    node.fetch(2, end, 1)
    node.fetch(3, 1, 1)
    assert node.quorum.high_watermark == 0, "two of five, and not the leader's disk"
    node.sync()
    assert node.quorum.high_watermark == 1, "three have the first record"
    node.fetch(4, end, 1)
    assert node.quorum.high_watermark == end


def test_records_of_earlier_epochs_are_committed_with_one_of_its_own() -> None:
    """... "and log[N].term == currentTerm" (section 5.4.2, Figure 8): an old record on a majority
    can still be overwritten, until a record of the leader's own epoch follows it there."""
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 3, epoch=1)).sync()
    node.stand().votes(2).votes(2)
    node.fetch(3, 3, last_epoch=1)
    assert node.quorum.high_watermark == 0, "0..2 are on two of three disks, and not committed"
    assert not node.quorum.epoch_is_committed
    node.sync()
    node.fetch(3, 4, last_epoch=2)
    assert node.quorum.high_watermark == 4
    assert node.quorum.epoch_is_committed
