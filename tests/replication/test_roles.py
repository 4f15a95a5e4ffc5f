"""Roles that change: reassignments, topics that come and go, failing disks, lanes that are lost."""

from __future__ import annotations

from broker.wire.errors import ErrorCode
from tests.replication.table import Table

# -- reassignment ---------------------------------------------------------------------------------


def test_a_new_replica_copies_everything_and_joins() -> None:
    table = Table(brokers=4)
    table.create("orders")
    table.produce("orders", "a", "b")
    table.change("orders", replicas=[1, 2, 3, 4], adding_replicas=[4])
    table.wait(1000)
    assert table.log(4) == ["a", "b"]
    assert table.isr() == (1, 2, 3, 4)


def test_a_new_replica_may_hear_of_itself_before_the_leader_does() -> None:
    """It is refused as unknown, and asks again (UNKNOWN_LEADER_EPOCH, not an error for good)."""
    table = Table(brokers=4)
    table.create("orders")
    table.produce("orders", "a")
    table.deaf.add(1)
    table.change("orders", replicas=[1, 2, 3, 4], adding_replicas=[4])
    table.wait(1000)
    assert table.log(4) == []
    table.deaf.clear()
    table.tell()
    table.wait(200)
    assert table.log(4) == ["a"]


def test_a_replica_that_is_ours_no_longer_is_deleted() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.change("orders", replicas=[1, 2], isr=[1, 2])
    table.settle()
    desk = table.desks[3]
    assert desk.replicas.partitions == {}
    assert not desk.disk.exists("orders-0")
    table.wait(61_000)
    assert [name for name in desk.disk.list("") if name.startswith("orders")] == []
    assert table.produce("orders", "b").error_code == 0


def test_a_replica_that_comes_back_starts_from_nothing() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.change("orders", replicas=[1, 2], isr=[1, 2])
    table.settle()
    table.change("orders", replicas=[1, 2, 3], adding_replicas=[3])
    table.wait(1000)
    assert table.log(3) == ["a"]


def test_the_leader_moves_away() -> None:
    table = Table(brokers=4)
    table.create("orders")
    table.produce("orders", "a")
    table.change("orders", replicas=[1, 2, 3, 4], adding_replicas=[4], removing_replicas=[1])
    table.wait(1000)
    waits = table.send("orders", "b")
    table.change(
        "orders", replicas=[2, 3, 4], isr=[2, 3, 4], leader=2, adding_replicas=[],
        removing_replicas=[],
    )  # fmt: skip
    table.settle()
    assert table.result(waits).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert ("orders", 0) not in table.desks[1].replicas.partitions
    assert table.produce("orders", "c").error_code == 0
    assert table.log(2) == table.log(3) == table.log(4)


# -- topics that come and go ----------------------------------------------------------------------


def test_a_topic_created_anew_is_followed_anew() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "old")
    table.delete("orders")
    table.create("orders")
    assert table.produce("orders", "new").error_code == 0
    assert table.logs() == [["new"]] * 3


def test_a_follower_that_missed_the_deletion_does_not_mix_the_two() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "old")
    table.deaf.add(3)
    table.delete("orders")
    table.create("orders")
    table.produce("orders", "new", acks=1)
    table.wait(1000)
    assert table.log(3) == ["old"]
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    assert table.logs() == [["new"]] * 3


def test_who_waited_at_a_topic_that_is_deleted_is_not_answered_for_its_namesake() -> None:
    table = Table()
    table.create("orders")
    table.cut(1, 2)
    table.cut(1, 3)
    sent = table.send("orders", "old")
    table.deaf.update((1, 2, 3))
    table.delete("orders")
    table.create("orders")
    table.deaf.clear()
    table.heal()
    table.tell()
    table.settle()
    assert table.result(sent).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_a_new_partition_does_not_wait_for_the_end_of_a_long_poll() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.wait(50)
    table.create("clicks")
    sent = table.send("clicks", "x")
    table.wait(20)
    assert table.result(sent).error_code == 0


def test_thousands_of_partitions_are_opened_in_slices_and_found_at_once() -> None:
    table = Table(brokers=1)
    table.create("orders", replicas=(1,), partitions=1000)
    desk = table.desks[1]
    assert len(desk.replicas.partitions) < 100
    assert desk.deadline() == 0
    assert table.produce("orders", "a", index=999).error_code == 0
    slices = 0
    while desk.replicas.assignment.changed:
        desk.replicas.run(table.now)
        slices += 1
    assert len(desk.replicas.partitions) == 1000
    assert 10 < slices < 100
    table.delete("orders")
    assert desk.replicas.partitions
    assert table.result(table.send("orders", "b", at=1, index=0)) is not None
    while desk.replicas.assignment.changed:
        desk.replicas.run(table.now)
    assert not desk.replicas.partitions
    assert not desk.disk.exists("orders-0")


# -- disks ----------------------------------------------------------------------------------------


def test_a_follower_whose_disk_fails_stops_and_harms_nobody() -> None:
    table = Table()
    table.create("orders", min_insync_replicas=2)
    table.produce("orders", "a")
    table.desks[3].replicas.take_offline(table.at(3), "the disk is gone")
    sent = table.send("orders", "b", timeout_ms=60_000)
    table.wait(32_000)
    assert table.isr() == (1, 2)
    assert table.result(sent).error_code == 0


def test_a_leader_whose_disk_fails_tells_nobody_that_all_is_well() -> None:
    table = Table()
    table.create("orders")
    table.cut(1, 3)
    sent = table.send("orders", "a")
    table.settle()
    table.desks[1].replicas.take_offline(table.at(1), "the disk is gone")
    table.heal()
    table.wait(2000)
    assert table.result(sent).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert table.at(1).high_watermark == 0
    assert table.consume(1, "orders").error_code == ErrorCode.KAFKA_STORAGE_ERROR


def test_flush_messages_on_a_follower_counts_what_is_durable() -> None:
    """Its next fetch vouches for the records; so it does not leave before they are synced."""
    table = Table()
    table.create("orders", flush_messages=1)
    table.hold_syncs.add(3)
    sent = table.send("orders", "a")
    table.wait(700)
    assert table.log(3) == ["a"]
    assert table.result(sent) is None
    table.hold_syncs.clear()
    table.sync(3)
    table.settle()
    assert table.result(sent).error_code == 0


def test_a_log_that_is_never_synced_holds_up_no_other_once_it_is_given_up() -> None:
    """All that is followed at one leader is asked for together, and so waits for one disk."""
    table = Table()
    table.create("slow", flush_messages=1)
    table.create("orders")
    table.hold_syncs.add(3)
    table.send("slow", "a")
    table.settle()
    desk = table.desks[3]
    desk.replicas.wants_sync.clear()
    desk.replicas.take_offline(table.at(3, "slow"), "the disk failed to make it durable")
    table.send("orders", "b")
    table.wait(1000)
    assert table.log(3) == ["b"]


def test_records_from_before_flush_messages_was_set_are_synced_as_well() -> None:
    """Nobody vouches for them from then on; without a sync no fetch could leave any more."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.configure("orders", flush_messages=1)
    table.elect("orders", 2)
    sent = table.send("orders", "b", at=2)
    table.wait(1000)
    assert table.result(sent).error_code == 0
    assert table.logs() == [["a", "b"]] * 3


# -- lanes ----------------------------------------------------------------------------------------


def test_an_idle_follower_asks_once_in_a_long_poll() -> None:
    table = Table()
    table.create("orders")
    table.wait(100)
    del table.fetches[:]
    table.wait(5000)
    assert len(table.fetches) == 2 * 10


def test_one_fetch_goes_to_each_leader_and_names_only_what_has_changed() -> None:
    """KIP-227: all partitions once, then those with another offset."""
    table = Table()
    table.create("orders", partitions=5)
    table.create("clicks", replicas=(2, 3, 1), partitions=5)
    table.wait(1000)
    first = [body for sender, body in table.fetches if sender == 3 and body.session_epoch == 0]
    assert [sum(len(t.partitions) for t in body.topics) for body in first] == [5, 5]
    del table.fetches[:]
    table.produce("orders", "a", index=4)
    asked = [
        [(topic.topic_id, part.partition, part.fetch_offset) for topic in body.topics
         for part in topic.partitions]
        for sender, body in table.fetches if sender == 3
    ]  # fmt: skip
    assert asked == [[(table.at(3).topic_id, 4, 1)]]


def test_a_session_ends_with_its_connection_and_nothing_is_lost() -> None:
    table = Table()
    table.create("orders", partitions=3)
    table.produce("orders", "a")
    table.cut(1, 3)
    table.wait(100)
    table.send("orders", "b", index=1, acks=1)
    table.heal()
    table.wait(1000)
    assert table.log(3, index=1) == ["b"]
    assert len(table.desks[1].replicas.sessions) == 2


def test_an_idle_follower_is_not_taken_for_a_laggard_when_something_happens_at_last() -> None:
    """Its fetches did not name the partition for an hour; they spoke for it all the same."""
    table = Table()
    table.create("orders", partitions=3)
    table.produce("orders", "a")
    table.wait(3_600_000)
    table.cut(1, 3)
    sent = table.send("orders", "b")
    table.wait(900)
    assert table.result(sent) is None
    assert table.isr() == (1, 2, 3)
    table.wait(30_000)
    assert table.isr() == (1, 2)


def test_two_followers_that_are_at_the_end_join_one_after_the_other() -> None:
    """Each says only once that it has everything, and one change is under way at a time."""
    table = Table()
    table.create("orders", isr=(1,))
    assert set(table.isr()) == {1, 2, 3}


def test_a_broker_that_is_unfenced_joins_where_nothing_happens() -> None:
    table = Table()
    table.fence(3)
    table.create("orders", isr=(1, 2))
    table.wait(60_000)
    assert table.isr() == (1, 2)
    table.fence(3, fenced=False)
    table.settle()
    assert table.isr() == (1, 2, 3)


def test_a_leader_that_does_not_answer_is_hung_up_on() -> None:
    table = Table(replica_socket_timeout_ms=2000)
    table.create("orders")
    table.wait(100)
    # The answers to the fetches under way are lost without a trace.
    for connection in table._connections:
        table.desks[1].fetches.forget(connection)
    sent = table.send("orders", "a", timeout_ms=60_000)
    table.wait(1000)
    assert table.result(sent) is None
    table.wait(1500)
    assert table.result(sent).error_code == 0


def test_a_leader_that_is_down_is_left_alone_between_two_attempts() -> None:
    table = Table()
    table.create("orders")
    table.crash(1)
    table.wait(10)
    before = table.desks[2].replicas.fetchers._sent
    table.wait(1000)
    assert 8 <= table.desks[2].replicas.fetchers._sent - before <= 12
