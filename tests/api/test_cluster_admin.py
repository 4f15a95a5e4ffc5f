"""Elections, moves, the quorum and features, as far as one broker alone can tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages import alter_partition_reassignments as reassign
from broker.wire.messages.describe_quorum import DescribeQuorumRequest, PartitionData, TopicData
from broker.wire.messages.elect_leaders import ElectLeadersRequest, TopicPartitions
from broker.wire.messages.list_partition_reassignments import ListPartitionReassignmentsRequest
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest
from broker.wire.messages.update_features import (
    SAFE_DOWNGRADE,
    UPGRADE,
    FeatureUpdateKey,
    UpdateFeaturesRequest,
)
from tests.bench import Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    return bench


# -- elections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(3))
def test_where_the_right_one_leads_no_election_is_needed(bench: Bench, version: int) -> None:
    asked = [
        TopicPartitions(topic="orders", partitions=[0, 9]),
        TopicPartitions(topic="nowhere", partitions=[0]),
    ]
    answer = bench.ask(ElectLeadersRequest(topic_partitions=asked), version)
    codes = {
        (topic.topic, partition.partition_id): partition.error_code
        for topic in answer.replica_election_results
        for partition in topic.partition_result
    }
    assert codes == {
        ("orders", 0): ErrorCode.ELECTION_NOT_NEEDED,
        ("orders", 9): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ("nowhere", 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }


def test_who_asks_for_all_hears_only_of_changes(bench: Bench) -> None:
    answer = bench.ask(ElectLeadersRequest(topic_partitions=None))
    assert answer.error_code == 0
    assert not any(topic.partition_result for topic in answer.replica_election_results)


def test_an_election_of_no_kind_is_refused_as_a_whole(bench: Bench) -> None:
    answer = bench.ask(ElectLeadersRequest(election_type=5, topic_partitions=[]))
    assert answer.error_code == ErrorCode.INVALID_REQUEST


# -- moves ----------------------------------------------------------------------------------------


def move(bench: Bench, name: str, index: int, replicas: list[int] | None) -> Any:
    partition = reassign.ReassignablePartition(partition_index=index, replicas=replicas)
    topic = reassign.ReassignableTopic(name=name, partitions=[partition])
    answer = bench.ask(reassign.AlterPartitionReassignmentsRequest(topics=[topic]))
    assert answer.error_code == 0
    return answer.responses[0].partitions[0]


@pytest.mark.parametrize(
    ("name", "index", "replicas", "code"),
    [
        ("orders", 0, [1], ErrorCode.NONE),
        ("orders", 0, None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
        ("orders", 0, [9], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("orders", 0, [1, 1], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("orders", 0, [], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("orders", 9, [1], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("nowhere", 0, [1], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
def test_with_one_broker_there_is_nowhere_to_move_to(
    bench: Bench, name: str, index: int, replicas: list[int] | None, code: ErrorCode
) -> None:
    assert move(bench, name, index, replicas).error_code == code
    assert bench.ask(ListPartitionReassignmentsRequest()).topics == []


# -- the quorum -----------------------------------------------------------------------------------


def describe_quorum(bench: Bench, topic: str = "__cluster_metadata", version: int = 2) -> Any:
    asked = TopicData(topic_name=topic, partitions=[PartitionData(partition_index=0)])
    answer = bench.ask(DescribeQuorumRequest(topics=[asked]), version)
    assert answer.error_code == 0
    return answer.topics[0].partitions[0]


@pytest.mark.parametrize("version", range(3))
def test_a_quorum_of_one(bench: Bench, version: int) -> None:
    quorum = describe_quorum(bench, version=version)
    log = bench.node.quorum.log
    assert (quorum.leader_id, quorum.leader_epoch) == (1, bench.node.quorum.epoch)
    assert quorum.high_watermark == log.log_end_offset
    [voter] = quorum.current_voters
    assert (voter.replica_id, voter.log_end_offset) == (1, log.log_end_offset)
    assert voter.last_caught_up_timestamp == (bench.now.wall_ms if version > 0 else -1)
    assert quorum.observers == []


def test_other_topics_have_no_quorum(bench: Bench) -> None:
    quorum = describe_quorum(bench, "orders")
    assert quorum.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


# -- features and brokers -------------------------------------------------------------------------


def update(bench: Bench, name: str, level: int, kind: int = UPGRADE, version: int = 2) -> Any:
    key = FeatureUpdateKey(feature=name, max_version_level=level, upgrade_type=kind)
    return bench.ask(UpdateFeaturesRequest(feature_updates=[key]), version)


@pytest.mark.parametrize(
    ("name", "level", "kind", "code"),
    [
        ("metadata.version", 30, UPGRADE, ErrorCode.NONE),
        ("metadata.version", 99, UPGRADE, ErrorCode.INVALID_UPDATE_VERSION),
        ("metadata.version", 25, UPGRADE, ErrorCode.INVALID_UPDATE_VERSION),
        ("metadata.version", 25, SAFE_DOWNGRADE, ErrorCode.INVALID_UPDATE_VERSION),
        ("metadata.version", 30, 7, ErrorCode.INVALID_UPDATE_VERSION),
        ("colour", 1, UPGRADE, ErrorCode.INVALID_UPDATE_VERSION),
    ],
)
def test_features_go_where_all_nodes_can_follow(
    bench: Bench, name: str, level: int, kind: int, code: ErrorCode
) -> None:
    answer = update(bench, name, level, kind)
    assert answer.error_code == code
    if code:
        start = "The update failed for all features since the following feature had an error: "
        assert answer.error_message.startswith(start)
    else:
        assert answer.error_message is None


def test_a_feature_is_switched_off_and_on(bench: Bench) -> None:
    name = "eligible.leader.replicas.version"
    assert update(bench, name, 0, SAFE_DOWNGRADE, version=1).error_code == 0
    assert bench.node.image.features.get(name, 0) == 0
    assert update(bench, name, 1, version=1).error_code == 0
    assert bench.node.image.features[name] == 1


def test_who_was_never_here_cannot_be_forgotten(bench: Bench) -> None:
    answer = bench.ask(UnregisterBrokerRequest(broker_id=77))
    assert answer.error_code == ErrorCode.BROKER_ID_NOT_REGISTERED
    assert answer.error_message == "Broker ID 77 is not currently registered"
