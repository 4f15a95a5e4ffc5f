"""Where logs part, and how they come together again: KIP-101, KIP-279, KIP-320, as stories.

Each begins with records that one broker wrote and the others never saw, and ends with logs that are
equal and have everything that was acknowledged.
"""

from __future__ import annotations

from broker.wire.errors import ErrorCode
from tests.replication.table import Table


def alone(table: Table, broker_id: int) -> None:
    for other in table.desks:
        if other != broker_id:
            table.cut(broker_id, other)


def test_an_old_leader_cuts_off_what_nobody_copied() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    alone(table, 1)
    table.deaf.add(1)
    lost = table.send("orders", "never seen", at=1)
    table.elect("orders", 2)
    table.produce("orders", "b", acks=1)
    table.heal()
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    assert table.logs() == [["a", "b"]] * 3
    assert table.result(lost).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_who_was_cut_learns_what_is_committed_though_nothing_happens_after_that() -> None:
    """The answer that says where to cut also says what is committed, which counts for nothing
    before the log is cut; so it has to be said again."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    alone(table, 1)
    table.deaf.add(1)
    table.send("orders", "never seen", at=1)
    table.crash(1)
    table.elect("orders", 2, isr=[2, 3])
    table.wait(1000)
    table.heal()
    table.deaf.clear()
    table.restart(1)
    assert (table.log(1), table.at(1).high_watermark) == (["a", "never seen"], 0)
    table.wait(1000)
    assert table.log(1) == ["a"]
    assert table.watermarks() == [1, 1, 1]


def test_a_restart_does_not_cut_to_its_own_high_watermark() -> None:
    """KAFKA-1211, KIP-101: the follower has the record and not yet the news that it is committed.
    It restarts; the leader dies before it was asked. The record must still be there."""
    table = Table(brokers=2)
    table.create("orders", replicas=(1, 2))
    assert table.produce("orders", "acknowledged").error_code == 0
    assert table.watermarks(brokers=(1, 2)) == [1, 0]
    table.crash(2)
    table.crash(1)
    table.restart(2)
    assert table.log(2) == ["acknowledged"]
    table.elect("orders", 2, isr=[2])
    table.restart(1)
    table.wait(1000)
    assert table.logs() == [["acknowledged"]] * 2


def test_logs_with_different_records_at_one_offset_are_told_apart_by_their_epochs() -> None:
    """KIP-101, the second story: both lose power, and the one that comes back first writes on."""
    table = Table(brokers=2, unclean_leader_election_enable="true")
    table.create("orders", replicas=(1, 2))
    table.produce("orders", "a")
    table.cut(1, 2)
    table.send("orders", "only at 1", at=1)
    table.crash(1)
    table.elect("orders", 2, isr=[2])
    table.produce("orders", "b", acks=1)
    table.heal()
    table.restart(1)
    table.wait(1000)
    assert table.logs() == [["a", "b"]] * 2
    assert table.at(1).log.epochs.entries == table.at(2).log.epochs.entries


def test_after_two_fast_elections_logs_still_come_together() -> None:
    """KAFKA-6361, KIP-279: the third missed an epoch altogether, and has one that its new leader
    has never heard of."""
    table = Table()
    table.create("orders", min_insync_replicas=1)
    table.produce("orders", "a")
    alone(table, 1)
    # Epoch 0 goes on at 1 alone; 2 leads epoch 1 alone; 3 leads epoch 2.
    table.deaf.add(1)
    table.send("orders", "x", "y", "z", at=1, acks=1)
    alone(table, 2)
    table.elect("orders", 2)
    table.settle()
    table.deaf.add(2)
    table.send("orders", "p", "q", at=2, acks=1)
    table.elect("orders", 3)
    table.send("orders", "b", at=3, acks=1)
    assert table.logs() == [["a", "x", "y", "z"], ["a", "p", "q"], ["a", "b"]]
    table.heal()
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    assert table.logs() == [["a", "b"]] * 3
    assert {tuple(table.at(i).log.epochs.entries) for i in (1, 2, 3)} == {((0, 0), (2, 1))}


def test_an_epoch_without_records_is_known_all_the_same() -> None:
    """KAFKA-7415: a leader notes the start of its epoch on election. It has to tell a follower that
    wrote in a later epoch than any of its own records where they part."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    alone(table, 2)
    table.elect("orders", 2)
    table.deaf.add(2)
    table.send("orders", "only at 2", at=2, acks=1)
    table.elect("orders", 1)
    table.heal()
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    assert table.logs() == [["a"]] * 3


def test_a_leader_that_wrote_nothing_leaves_no_trace_of_its_epoch_in_a_follower() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.elect("orders", 2)
    table.elect("orders", 3)
    table.settle()
    table.produce("orders", "b", acks=1)
    assert table.logs() == [["a", "b"]] * 3
    assert {tuple(table.at(i).log.epochs.entries) for i in (1, 2, 3)} == {((0, 0), (2, 1))}


def test_what_was_cut_does_not_come_back_when_the_power_fails() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    alone(table, 1)
    table.deaf.add(1)
    table.send("orders", "x", "y", at=1, acks=1)
    log = table.at(1).log
    table.desks[1].disk.sync(log.paths_to_sync())
    log.mark_flushed(3)
    table.desks[1].replicas.write_checkpoints()
    table.elect("orders", 2)
    table.heal()
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    table.produce("orders", "b", "c", acks=1)
    for seed in range(5):
        table.crash(1, seed)
        table.restart(1)
        table.wait(1000)
        assert table.logs() == [["a", "b", "c"]] * 3


# -- fencing --------------------------------------------------------------------------------------


def test_every_request_is_held_against_the_leader_epoch() -> None:
    """KIP-320: who believes in an older leader is fenced, who knows a newer one has to wait."""
    table = Table()
    table.create("orders")
    table.elect("orders", 1)
    for epoch, code in (
        (0, ErrorCode.FENCED_LEADER_EPOCH),
        (1, ErrorCode.NONE),
        (2, ErrorCode.UNKNOWN_LEADER_EPOCH),
    ):
        assert table.consume(1, "orders", current_leader_epoch=epoch).error_code == code


def test_a_follower_with_old_metadata_waits_for_newer_ones() -> None:
    table = Table()
    table.create("orders")
    table.deaf.add(3)
    table.elect("orders", 1)
    table.produce("orders", "a", acks=1)
    table.wait(5000)
    assert table.log(3) == []
    fenced = [body for sender, body in table.fetches if sender == 3]
    assert len(fenced) <= 3, "a follower that was fenced does not ask again"
    table.deaf.clear()
    table.tell()
    table.wait(100)
    assert table.log(3) == ["a"]


def test_a_follower_that_knows_more_than_the_leader_asks_again_soon() -> None:
    table = Table()
    table.create("orders")
    table.deaf.add(2)
    table.elect("orders", 2)
    table.wait(1000)
    table.deaf.clear()
    table.tell()
    table.wait(150)
    assert table.produce("orders", "a").error_code == 0


def test_a_consumer_learns_that_what_it_read_is_gone() -> None:
    """Fetch tells of a divergence to consumers, too (KIP-320, KIP-595)."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    alone(table, 1)
    table.deaf.add(1)
    table.send("orders", "x", "y", at=1, acks=1)
    table.elect("orders", 2)
    table.produce("orders", "b", acks=1)
    found = table.consume(2, "orders", 3, last_fetched_epoch=0, current_leader_epoch=1)
    assert (found.diverging_epoch.epoch, found.diverging_epoch.end_offset) == (0, 1)


# -- out of range ---------------------------------------------------------------------------------


def test_a_follower_that_fell_behind_the_start_begins_anew_there() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.cut(1, 3)
    table.send("orders", "b", acks=1)
    table.send("orders", "c", acks=1)
    table.settle()
    leader = table.at(1)
    table.wait(31_000)
    assert leader.high_watermark == 3
    leader.log.advance_log_start(2, 3)
    table.heal()
    table.wait(1000)
    third = table.at(3).log
    assert (third.log_start_offset, third.log_end_offset) == (2, 3)
    assert table.log(3) == ["c"]
    assert table.isr() == (1, 2, 3)


def test_a_leader_that_starts_within_a_batch_can_be_followed_from_nothing() -> None:
    """KAFKA-6975: whole batches come, and this one begins before the leader's log does."""
    table = Table()
    table.cut(1, 3)
    table.create("orders", isr=(1, 2))
    table.produce("orders", "a", "b", "c")
    table.wait(600)
    table.at(1).log.advance_log_start(2, 3)
    table.heal()
    table.wait(1000)
    third = table.at(3).log
    assert (third.log_start_offset, third.log_end_offset) == (2, 3)
    assert table.isr() == (1, 2, 3)


def test_followers_forget_what_their_leader_forgot() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a", "b")
    table.produce("orders", "c")
    table.wait(1000)
    table.at(1).log.advance_log_start(2, 3)
    table.desks[1].replicas.log_start_moved(table.at(1))
    table.wait(1000)
    assert [table.at(i).log.log_start_offset for i in (1, 2, 3)] == [2, 2, 2]
