"""Nodes among others: how three of them find each other, share the work, and go on without one."""

from __future__ import annotations

from typing import Any

import pytest

from broker.api.phase import Phase
from broker.log import checkpoints
from broker.wire.errors import ErrorCode
from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from broker.wire.messages.delete_topics import DeleteTopicsRequest
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from broker.wire.messages.init_producer_id import InitProducerIdRequest
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from broker.wire.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from broker.wire.records import build_batch, iter_batches, read_records
from tests.bench import DAWN_MS
from tests.cluster_bench import ClusterBench

ALL = [1, 2, 3]


def produce(bench: ClusterBench, value: str, topic: str = "orders") -> int:
    """Send one record with acks=all, as a client that asks again whoever leads by then."""
    batch = bytes(build_batch([(DAWN_MS, None, value.encode(), ())]))
    data = PartitionProduceData(index=0, records=batch)
    request = ProduceRequest(
        acks=-1,
        timeout_ms=5000,
        topic_data=[TopicProduceData(name=topic, partition_data=[data])],
    )
    while True:
        bench.wait_until(lambda: bench.partition(topic, 0).leader in bench.nodes)
        answer: Any = bench.ask(bench.partition(topic, 0).leader, request, version=12)
        code: int = answer.responses[0].partition_responses[0].error_code
        if code not in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION):
            return code
        bench.wait(5)


def values(bench: ClusterBench, at: int | None = None, topic: str = "orders") -> list[str]:
    """All that is committed, as the leader gives it out."""
    request = FetchRequest(
        max_wait_ms=0,
        min_bytes=1,
        topics=[
            FetchTopic(
                topic=topic,
                partitions=[
                    FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
                ],
            )
        ],
    )
    leader = bench.partition(topic, 0).leader if at is None else at
    answer: Any = bench.ask(leader, request, version=12)
    return [
        (record.value or b"").decode()
        for _, batch in iter_batches(answer.responses[0].partitions[0].records or b"")
        for record in read_records(batch)
    ]


def new_topic(bench: ClusterBench, at: int, name: str = "orders", copies: int = 3) -> Any:
    """Ask a node for a topic, whoever decides on it."""
    topic = CreatableTopic(name=name, num_partitions=1, replication_factor=copies)
    return bench.ask(at, CreateTopicsRequest(topics=[topic], timeout_ms=5000)).topics[0]


def other_than(*taken: int) -> int:
    return next(node for node in ALL if node not in taken)


# -- coming up ------------------------------------------------------------------------------------


def test_three_nodes_elect_register_and_serve() -> None:
    bench = ClusterBench()
    assert bench.controller in ALL
    bench.wait_until(
        lambda: all(len(list(n.image.live_brokers())) == 3 for n in bench.nodes.values())
    )
    assert len({node.broker.cluster_id for node in bench.nodes.values()}) == 1


def test_each_node_names_the_active_controller_to_its_clients() -> None:
    bench = ClusterBench()
    answers = [bench.ask(node, MetadataRequest(topics=[])) for node in ALL]
    assert {answer.controller_id for answer in answers} == {bench.controller}


def test_a_replicated_record_is_acknowledged_when_all_in_sync_have_it() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    assert produce(bench, "a") == 0
    bench.wait(1000)
    ends = [n.replicas.partitions["orders", 0].log.log_end_offset for n in bench.nodes.values()]
    assert ends == [1, 1, 1]
    assert values(bench) == ["a"]


# -- losing one -----------------------------------------------------------------------------------


def test_the_death_of_a_leader_costs_less_than_two_seconds_and_no_record() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    assert produce(bench, "a") == 0
    leader = bench.partition("orders", 0).leader
    died_us = bench.mono_us
    bench.kill(leader)
    bench.wait_until(lambda: bench.partition("orders", 0).leader not in (leader, -1))
    assert produce(bench, "b") == 0
    assert bench.mono_us - died_us < 2_000_000
    assert values(bench) == ["a", "b"]


def test_a_process_that_dies_is_missed_sooner_than_one_that_is_merely_silent() -> None:
    """The end of its connection tells; a cut does not."""
    times = []
    for loses in (ClusterBench.kill, ClusterBench.cut):
        bench = ClusterBench()
        bench.wait(1000)
        lost, began_us = other_than(bench.controller), bench.mono_us
        loses(bench, lost)
        bench.wait_until(lambda: bench.image.brokers[lost].fenced)  # noqa: B023
        times.append((bench.mono_us - began_us) // 1000)
    assert times[0] < 300 < 700 < times[1] < 1100


def test_the_death_of_the_controller_is_survived_as_well() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    dead = bench.controller
    assert produce(bench, "a") == 0
    died_us = bench.mono_us
    bench.kill(dead)
    bench.wait_until(lambda: bench.partition("orders", 0).leader not in (dead, -1))
    assert produce(bench, "b") == 0
    assert bench.mono_us - died_us < 2_000_000
    assert bench.controller != dead
    assert new_topic(bench, other_than(dead, bench.controller), "more", copies=2).error_code == 0


def test_who_comes_back_catches_up_and_is_in_sync_again() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    leader = bench.partition("orders", 0).leader
    bench.kill(leader)
    bench.wait_until(lambda: bench.partition("orders", 0).leader not in (leader, -1))
    assert produce(bench, "a") == 0
    bench.restart(leader)
    bench.wait_until(lambda: sorted(bench.partition("orders", 0).isr) == ALL)
    assert produce(bench, "b") == 0
    log = bench.nodes[leader].replicas.partitions["orders", 0].log
    bench.wait_until(lambda: log.log_end_offset == 2)


def test_all_three_lose_power_and_lose_nothing() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    for n in range(5):
        assert produce(bench, f"{n}") == 0
    for node in ALL:
        bench.kill(node)
    for node in ALL:
        bench.boot(node)
    bench.wait_until(lambda: all(node.ready for node in bench.nodes.values()))
    bench.wait_until(lambda: bench.partition("orders", 0).leader >= 0)
    assert values(bench) == [f"{n}" for n in range(5)]


def test_a_controller_that_is_cut_off_decides_nothing() -> None:
    bench = ClusterBench()
    alone = bench.controller
    bench.cut(alone)
    bench.wait(3000)
    active = [i for i, node in bench.nodes.items() if node.broker.controller.active]
    assert len(active) == 1
    assert active != [alone]
    bench.heal()
    bench.wait_until(lambda: bench.nodes[alone].quorum.leader_id == active[0])
    bench.wait_until(lambda: not bench.image.brokers[alone].fenced)


# -- asking any of them ---------------------------------------------------------------------------


def test_any_broker_takes_what_only_the_controller_can_do() -> None:
    bench = ClusterBench()
    for node in ALL:
        assert new_topic(bench, node, f"of-{node}").error_code == 0
        assert new_topic(bench, node, f"of-{node}").error_code == ErrorCode.TOPIC_ALREADY_EXISTS


def test_a_forwarded_request_outlives_the_controller_that_it_was_sent_to() -> None:
    bench = ClusterBench()
    dead = bench.controller
    bench.kill(dead)
    assert new_topic(bench, other_than(dead), copies=2).error_code == 0


def test_without_a_controller_the_client_is_told_when_its_patience_ends() -> None:
    bench = ClusterBench()
    left = other_than(bench.controller)
    for node in ALL:
        if node != left:
            bench.kill(node)
    assert new_topic(bench, left).error_code == ErrorCode.REQUEST_TIMED_OUT


@pytest.mark.parametrize("node", ALL)
def test_a_topic_that_a_client_names_is_created_and_told_at_once(node: int) -> None:
    bench = ClusterBench(default_replication_factor=3)
    asked = MetadataRequest(
        topics=[MetadataRequestTopic(name="new")], allow_auto_topic_creation=True
    )
    topic = bench.ask(node, asked).topics[0]
    assert topic.error_code == 0
    assert sorted(topic.partitions[0].replica_nodes) == ALL


def test_no_two_brokers_give_the_same_producer_id() -> None:
    bench = ClusterBench()
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0)
    ids = [bench.ask(node, request).producer_id for node in ALL for _ in range(3)]
    assert len(set(ids)) == len(ids)


# -- snapshots ------------------------------------------------------------------------------------

SMALL = {
    "metadata_log_max_record_bytes_between_snapshots": 5_000,
    "internal_metadata_log_segment_bytes": 4_096,
    "metadata_max_retention_bytes": 20_000,
}
"""Settings under which the metadata log forgets its beginning after some hundred records."""


def test_who_was_away_for_long_catches_up_from_a_snapshot() -> None:
    bench = ClusterBench(**SMALL)
    away = other_than(bench.controller)
    bench.kill(away)
    for n in range(100):
        assert new_topic(bench, bench.controller, f"topic-{n}", copies=2).error_code == 0
    log = bench.nodes[bench.controller].quorum.log
    bench.wait_until(lambda: log.log_start_offset > 100)
    bench.restart(away)
    assert bench.nodes[away].quorum.log.log_start_offset > 100, "the rest it never saw"
    bench.wait_until(lambda: bench.nodes[away].image.offset == bench.image.offset)
    told = bench.nodes[away].image
    assert sorted(told.topics) == sorted(f"topic-{n}" for n in range(100))
    assert [broker.broker_id for broker in told.live_brokers()] == ALL


def test_a_cluster_comes_back_from_its_snapshots() -> None:
    bench = ClusterBench(**SMALL)
    bench.create_topic("orders", [ALL])
    assert produce(bench, "a") == 0
    for n in range(50):
        assert new_topic(bench, bench.controller, f"topic-{n}").error_code == 0
    bench.wait_until(lambda: all(n.quorum.latest_snapshot for n in bench.nodes.values()))
    for node in ALL:
        bench.kill(node)
    for node in ALL:
        bench.boot(node)
    bench.wait_until(lambda: all(node.ready for node in bench.nodes.values()))
    assert len(bench.image.topics) == 51
    assert produce(bench, "b") == 0
    assert values(bench) == ["a", "b"]


def test_a_topic_that_went_while_a_broker_was_away_is_gone_there_too() -> None:
    bench = ClusterBench(**SMALL)
    bench.create_topic("orders", [ALL])
    assert produce(bench, "a") == 0
    away = other_than(bench.controller)
    bench.kill(away)
    bench.ask(
        bench.controller, DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1000), version=5
    )
    for n in range(100):
        assert new_topic(bench, bench.controller, f"topic-{n}", copies=2).error_code == 0
    bench.restart(away)
    assert ("orders", 0) not in bench.nodes[away].replicas.partitions
    assert not bench.disks[away].exists("orders-0")


# -- stopping -------------------------------------------------------------------------------------


def test_who_stops_hands_over_first() -> None:
    bench = ClusterBench()
    bench.create_topic("orders", [ALL])
    for node in ALL:
        leader = bench.partition("orders", 0).leader
        bench.stop(leader)
        assert checkpoints.read_clean_shutdown(bench.disks[leader]) is not None
        assert bench.partition("orders", 0).leader not in (leader, -1), (
            "already, not some time later"
        )
        assert produce(bench, f"{node}") == 0
        bench.restart(leader)
        bench.wait_until(lambda: sorted(bench.partition("orders", 0).isr) == ALL)
    assert values(bench) == ["1", "2", "3"]


def test_who_was_stopped_in_order_is_trusted_whatever_happens_before_its_logs_are_opened() -> None:
    """It has found no quorum, and has touched nothing: neither a stop nor a death harms it."""
    bench = ClusterBench(min_insync_replicas=2)
    bench.create_topic("orders", [ALL])
    for node in ALL:
        bench.stop(node)
    epoch = checkpoints.read_clean_shutdown(bench.disks[1])
    assert epoch is not None
    for leave in (bench.stop, bench.kill):
        bench.boot(1)
        bench.wait(100)
        assert bench.nodes[1].phase in (Phase.ELECTING, Phase.REGISTERING)
        leave(1)
        assert checkpoints.read_clean_shutdown(bench.disks[1]) == epoch
    for node in ALL:
        bench.boot(node)
    bench.wait_until(lambda: all(node.ready for node in bench.nodes.values()))
    assert all(checkpoints.read_clean_shutdown(disk) is None for disk in bench.disks.values())
    bench.kill(1)
    assert checkpoints.read_clean_shutdown(bench.disks[1]) is None


def test_a_controller_that_stops_is_followed_by_another_at_once() -> None:
    bench = ClusterBench()
    going = bench.controller
    bench.stop(going)
    began_us = bench.mono_us
    bench.wait_until(lambda: any(n.broker.controller.active for n in bench.nodes.values()))
    assert bench.mono_us - began_us < 100_000


def test_the_last_one_does_not_wait_for_a_majority_that_is_gone() -> None:
    bench = ClusterBench()
    for node in ALL:
        began_us = bench.mono_us
        bench.stop(node)
        assert bench.mono_us - began_us < 2_500_000
