"""Reading from replicas: what a new leader may tell, and consumers that read close by.

KIP-207 (offsets never go backwards), KIP-392 (fetch from the closest replica).
"""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from broker.wire.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from tests.replication.table import Table, values_in

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3


def offsets(
    table: Table, broker_id: int, timestamp: int, version: int = 11, replica_id: int = -1
) -> Any:
    part = ListOffsetsPartition(partition_index=0, timestamp=timestamp)
    body = ListOffsetsRequest(
        replica_id=replica_id, topics=[ListOffsetsTopic(name="orders", partitions=[part])]
    )
    answer = table.answer(broker_id, table.ask(broker_id, body, version))
    return answer.topics[0].partitions[0]


def just_elected() -> Table:
    """2 leads since a moment ago, has everything, and does not know yet that it is committed."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a", "b")
    assert table.watermarks() == [2, 0, 0]
    table.crash(1)
    table.deaf.add(3)
    table.elect("orders", 2, isr=[2, 3])
    return table


# -- KIP-207 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("timestamp", [LATEST, MAX_TIMESTAMP, 1])
def test_a_new_leader_does_not_tell_an_end_that_it_does_not_know(timestamp: int) -> None:
    table = just_elected()
    assert offsets(table, 2, timestamp).error_code == ErrorCode.OFFSET_NOT_AVAILABLE
    assert offsets(table, 2, timestamp, 4).error_code == (
        ErrorCode.UNSUPPORTED_VERSION
        if timestamp == MAX_TIMESTAMP
        else ErrorCode.LEADER_NOT_AVAILABLE
    )
    table.deaf.clear()
    table.tell()
    table.wait(200)
    found = offsets(table, 2, timestamp)
    assert found.error_code == 0
    assert found.offset == {LATEST: 2, MAX_TIMESTAMP: 0, 1: 0}[timestamp]


def test_where_the_log_begins_is_known_at_once() -> None:
    assert offsets(just_elected(), 2, EARLIEST).offset == 0


def test_a_follower_is_told_where_the_log_really_ends() -> None:
    assert offsets(just_elected(), 2, LATEST, replica_id=3).offset == 2


def test_only_the_leader_answers_unless_a_debugger_asks() -> None:
    table = Table()
    table.create("orders")
    assert offsets(table, 3, LATEST).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert offsets(table, 3, LATEST, replica_id=-2).error_code == 0


# -- OffsetForLeaderEpoch -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, (0, 1)), (1, (1, 3)), (2, (1, 3)), (3, (3, 4)), (9, (-1, -1))]
)
def test_the_leader_tells_where_an_epoch_ended(epoch: int, expected: tuple[int, int]) -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.elect("orders", 1)
    table.produce("orders", "b", "c")
    # Epoch 2 wrote nothing, and nobody but its leader has noted it.
    table.elect("orders", 2)
    table.elect("orders", 1)
    table.produce("orders", "d")
    asked = OffsetForLeaderPartition(partition=0, leader_epoch=epoch)
    body = OffsetForLeaderEpochRequest(
        topics=[OffsetForLeaderTopic(topic="orders", partitions=[asked])]
    )
    found = table.answer(1, table.ask(1, body, 4)).topics[0].partitions[0]
    assert (found.error_code, (found.leader_epoch, found.end_offset)) == (0, expected)
    refused = table.answer(2, table.ask(2, body, 4)).topics[0].partitions[0]
    assert refused.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


# -- reading from a follower ----------------------------------------------------------------------


def test_a_follower_serves_what_it_knows_to_be_committed() -> None:
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    assert values_in(table.consume(3, "orders").records) == []
    table.wait(600)
    found = table.consume(3, "orders")
    assert (values_in(found.records), found.high_watermark) == (["a"], 1)


def test_clients_from_before_know_of_leaders_only() -> None:
    table = Table()
    table.create("orders")
    found = table.consume(3, "orders", version=10)
    assert found.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_a_consumer_that_waits_at_a_follower_is_woken_by_its_high_watermark() -> None:
    table = Table(replica_selector_class="RackAwareReplicaSelector")
    table.create("orders")
    asked = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    body = FetchRequest(
        max_wait_ms=10_000, min_bytes=1, topics=[FetchTopic(topic="orders", partitions=[asked])]
    )
    number = table.ask(3, body, 12)
    table.produce("orders", "a")
    answer = table.answer(3, number)
    assert values_in(answer.responses[0].partitions[0].records) == ["a"]


def racks(selector: str = "org.apache.kafka.common.replica.RackAwareReplicaSelector") -> Table:
    table = Table(replica_selector_class=selector)
    for broker_id, rack in ((1, "north"), (2, "south"), (3, "south")):
        table.register(broker_id, rack)
    table.create("orders")
    table.produce("orders", "a")
    table.wait(600)
    return table


def test_a_consumer_is_sent_to_a_replica_in_its_rack() -> None:
    table = racks()
    found = table.consume(1, "orders", rack="south")
    assert (found.preferred_read_replica, found.records) == (3, b"")
    assert values_in(table.consume(3, "orders", rack="south").records) == ["a"]


@pytest.mark.parametrize("rack", ["north", "west", ""])
def test_who_has_nobody_closer_reads_at_the_leader(rack: str) -> None:
    found = racks().consume(1, "orders", rack=rack)
    assert (found.preferred_read_replica, values_in(found.records)) == (-1, ["a"])


def test_nobody_is_sent_to_a_replica_that_is_not_in_sync_or_lacks_the_offset() -> None:
    table = racks()
    table.cut(1, 3)
    table.wait(100)
    table.send("orders", "b", acks=1)
    table.wait(100)
    assert table.consume(1, "orders", 2, rack="south").preferred_read_replica == 2
    table.wait(40_000)
    assert table.isr() == (1, 2)
    assert table.consume(1, "orders", 0, rack="south").preferred_read_replica == 2


def test_without_the_selector_nobody_is_sent_away() -> None:
    assert racks("").consume(1, "orders", rack="south").preferred_read_replica == -1


def test_with_the_selector_a_follower_hears_at_once_of_a_new_high_watermark() -> None:
    table = racks()
    table.produce("orders", "b")
    assert table.watermarks() == [2, 2, 2]
