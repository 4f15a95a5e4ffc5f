"""A leader, its followers, and what is committed: each story is one rule."""

from __future__ import annotations

from tests.replication.table import Table, values_in


def test_followers_copy_the_log_of_their_leader_to_the_byte() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a", "b")
    table.produce("orders", "c")
    assert table.logs() == [["a", "b", "c"]] * 3
    logs = [table.at(i).log for i in (1, 2, 3)]
    assert len({log.read(0, 1 << 20, 3) for log in logs}) == 1
    assert {tuple(log.epochs.entries) for log in logs} == {((0, 0),)}


def test_a_record_is_acknowledged_when_every_replica_in_sync_has_it() -> None:
    table = Table()
    table.create("orders")
    table.cut(1, 3)
    sent = table.send("orders", "a")
    table.settle()
    assert table.log(2) == ["a"]
    assert table.result(sent) is None
    assert table.at(1).high_watermark == 0
    table.heal()
    table.wait(1000)
    assert table.result(sent).error_code == 0
    assert table.at(1).high_watermark == 1


def test_with_acks_1_nobody_is_waited_for() -> None:
    table = Table()
    table.create("orders")
    table.cut(1, 2)
    table.cut(1, 3)
    assert table.produce("orders", "a", acks=1).error_code == 0
    assert table.at(1).high_watermark == 0
    assert values_in(table.consume(1, "orders").records) == []


def test_a_follower_learns_the_high_watermark_with_its_next_answer() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    assert table.watermarks() == [1, 0, 0]
    table.wait(600)
    assert table.watermarks() == [1, 1, 1]
