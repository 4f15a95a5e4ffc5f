"""Who has asked the wrong broker is told where the right one is (KIP-951)."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from broker.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from broker.wire.records import build_batch
from tests.bench import DAWN_MS
from tests.cluster_bench import ClusterBench

NOT_LEADER = ErrorCode.NOT_LEADER_OR_FOLLOWER


@pytest.fixture
def bench() -> ClusterBench:
    bench = ClusterBench()
    bench.create_topic("orders", [[1, 2, 3], [2, 3, 1]])
    return bench


def produced(*partitions: int) -> ProduceRequest:
    batch = bytes(build_batch([(DAWN_MS, None, b"x", ())]))
    data = [PartitionProduceData(index=index, records=batch) for index in partitions]
    topic = TopicProduceData(name="orders", partition_data=data)
    return ProduceRequest(acks=-1, timeout_ms=20_000, topic_data=[topic])


def fetched(bench: ClusterBench, *partitions: int, epoch: int = -1) -> FetchRequest:
    asked = [
        FetchPartition(partition=index, partition_max_bytes=9, current_leader_epoch=epoch)
        for index in partitions
    ]
    topic_id = bench.image.topics["orders"].topic_id
    return FetchRequest(max_wait_ms=0, topics=[FetchTopic(topic_id=topic_id, partitions=asked)])


def told(answer: Any) -> list[tuple[int, int]]:
    """The addresses in an answer."""
    return [(endpoint.node_id, endpoint.port) for endpoint in answer.node_endpoints]


def test_a_producer_is_sent_to_the_leaders(bench: ClusterBench) -> None:
    answer = bench.ask(3, produced(0, 1), 12)
    partitions = answer.responses[0].partition_responses
    assert [p.error_code for p in partitions] == [NOT_LEADER, NOT_LEADER]
    assert [(p.current_leader.leader_id, p.current_leader.leader_epoch) for p in partitions] == [
        (1, 0),
        (2, 0),
    ]
    assert told(answer) == [(1, 19001), (2, 19002)]


def test_what_is_in_order_names_nobody(bench: ClusterBench) -> None:
    answer = bench.ask(1, produced(0), 12)
    assert answer.responses[0].partition_responses[0].error_code == 0
    assert told(answer) == []


@pytest.mark.parametrize("version", [3, 9])
def test_an_older_producer_has_no_room_for_it(bench: ClusterBench, version: int) -> None:
    answer = bench.ask(3, produced(0), version)
    assert answer.responses[0].partition_responses[0].error_code == NOT_LEADER
    assert told(answer) == []


def test_a_producer_who_waits_hears_who_leads_now(bench: ClusterBench) -> None:
    """Its record is in a log that will be cut, and the answer says where to bring it instead."""
    cut_off = next(i for i in (1, 2) if i != bench.controller)
    index = cut_off - 1  # the partition that it leads
    bench.cut(cut_off)
    number = bench.send(cut_off, produced(index), 12)
    others = [node for i, node in bench.nodes.items() if i != cut_off]
    bench.wait_until(lambda: bench.partition("orders", index).leader not in (cut_off, -1))
    bench.wait(1_000)
    assert number not in bench.answers
    assert all(node.ready for node in others)
    bench.heal()
    answer = bench.answer(number)
    partition = answer.responses[0].partition_responses[0]
    assert (partition.error_code, partition.base_offset) == (NOT_LEADER, -1)
    leader = bench.partition("orders", index)
    assert partition.current_leader.leader_id == leader.leader
    assert partition.current_leader.leader_epoch == leader.leader_epoch
    assert told(answer) == [(leader.leader, 19000 + leader.leader)]


def test_a_consumer_with_old_news_is_sent_to_the_leader(bench: ClusterBench) -> None:
    bench.kill(1)
    witness = next(iter(bench.nodes))
    bench.wait_until(lambda: bench.partition("orders", 0).leader in bench.nodes)
    bench.wait(200)
    answer = bench.ask(witness, fetched(bench, 0, epoch=0), 18)
    [partition] = answer.responses[0].partitions
    assert partition.error_code == ErrorCode.FENCED_LEADER_EPOCH
    leader = bench.partition("orders", 0)
    assert partition.current_leader.leader_id == leader.leader
    assert told(answer) == [(leader.leader, 19000 + leader.leader)]
    before = bench.ask(witness, fetched(bench, 0, epoch=0), 15)
    assert before.responses[0].partitions[0].error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert told(before) == []
