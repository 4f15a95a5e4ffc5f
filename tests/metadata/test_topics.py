"""Topics and partitions come to be (after Kafka's ReplicationControlManagerTest)."""

from __future__ import annotations

from typing import Any

import pytest

from broker.metadata.topics import NewTopic, plan_topic
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from broker.wire.messages.metadata_records import ConfigRecord, PartitionRecord, TopicRecord
from tests.metadata.council import Council, directory


@pytest.fixture
def council() -> Council:
    return Council(3)


def plan(council: Council, name: str = "orders", **wish: Any) -> list[Any]:
    return plan_topic(council.controller.latest, council.config, NewTopic(name, **wish), bytes(16))


def refusal(council: Council, **wish: Any) -> ErrorCode:
    with pytest.raises(ApiError) as error:
        plan(council, **wish)
    return error.value.code


def grow(
    council: Council, name: str, count: int, assignments: list[list[int]] | None = None, **says: Any
) -> ErrorCode:
    topic = CreatePartitionsTopic(
        name=name,
        count=count,
        assignments=None
        if assignments is None
        else [CreatePartitionsAssignment(broker_ids=brokers) for brokers in assignments],
    )
    body = CreatePartitionsRequest(topics=[topic]).replace(**says)
    response, _ = council.controller.create_partitions(body, council.now)
    return ErrorCode(response.results[0].error_code)


def test_the_topic_then_its_settings_then_its_partitions(council: Council) -> None:
    records = plan(council, partitions=2, replication_factor=3, configs={"retention.ms": "1"})
    assert [type(r) for r in records] == [
        TopicRecord,
        ConfigRecord,
        PartitionRecord,
        PartitionRecord,
    ]
    first, second = records[2:]
    assert (first.replicas, first.isr, first.leader) == ([1, 2, 3], [1, 2, 3], 1)
    assert (second.replicas, second.leader) == ([2, 3, 1], 2)
    assert first.directories == [directory(1), directory(2), directory(3)]
    assert (first.leader_epoch, first.partition_epoch) == (0, 0)


def test_topics_do_not_all_begin_on_the_same_broker(council: Council) -> None:
    council.create("a", [[1]])
    assert plan(council, partitions=1, replication_factor=1)[-1].leader == 2


def test_a_replica_on_a_fenced_broker_is_not_in_sync(council: Council) -> None:
    council.silence(1)
    record = plan(council, partitions=1, replication_factor=3)[-1]
    assert sorted(record.replicas) == [1, 2, 3]
    assert 1 not in record.isr
    assert record.leader == record.replicas[0] != 1


def test_a_broker_that_is_about_to_stop_gets_nothing(council: Council) -> None:
    council.create("a", [[1, 2]])
    council.heartbeat(1, want_shut_down=True)
    assert refusal(council, partitions=1, replication_factor=3) == (
        ErrorCode.INVALID_REPLICATION_FACTOR
    )


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"replication_factor": 4}, ErrorCode.INVALID_REPLICATION_FACTOR),
        ({"replication_factor": 0}, ErrorCode.INVALID_REPLICATION_FACTOR),
        ({"partitions": 0}, ErrorCode.INVALID_PARTITIONS),
        ({"name": "a/b"}, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ({"assignments": {0: [1], 2: [1]}}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({"assignments": {0: [1], 1: [1, 2]}}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({"assignments": {0: [1, 1]}}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({"assignments": {0: [8]}}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({"assignments": {0: []}}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({"assignments": {0: [1]}, "partitions": 1}, ErrorCode.INVALID_REQUEST),
        ({"configs": {"retention.ms": None}}, ErrorCode.INVALID_CONFIG),
    ],
    ids=str,
)
def test_what_cannot_be(council: Council, wish: dict[str, Any], code: ErrorCode) -> None:
    assert refusal(council, **wish) == code


def test_a_default_replication_factor_that_is_too_high_is_refused_as_well() -> None:
    council = Council(1, default_replication_factor=3)
    assert refusal(council) == ErrorCode.INVALID_REPLICATION_FACTOR


def test_an_assignment_to_brokers_that_are_all_down(council: Council) -> None:
    council.silence(3)
    assert refusal(council, assignments={0: [3]}) == ErrorCode.INVALID_REPLICA_ASSIGNMENT


# -- more partitions (KIP-195) --------------------------------------------------------------------


def test_a_topic_grows(council: Council) -> None:
    council.create("orders", [[1, 2]])
    assert grow(council, "orders", 4) == ErrorCode.NONE
    partitions = council.image.topics["orders"].partitions
    assert [p.index for p in partitions] == [0, 1, 2, 3]
    assert {len(p.replicas) for p in partitions} == {2}
    assert {p.leader for p in partitions} == {1, 2, 3}


def test_a_topic_grows_where_one_says(council: Council) -> None:
    council.create("orders", [[1, 2]])
    assert grow(council, "orders", 2, [[3, 1]]) == ErrorCode.NONE
    assert council.partition("orders", 1).replicas == (3, 1)


@pytest.mark.parametrize(
    ("name", "count", "assignments", "code"),
    [
        ("nothing", 2, None, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("orders", 1, None, ErrorCode.INVALID_PARTITIONS),
        ("orders", 0, None, ErrorCode.INVALID_PARTITIONS),
        ("orders", 20_000, None, ErrorCode.POLICY_VIOLATION),
        ("orders", 3, [[1, 2]], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("orders", 2, [[1]], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("orders", 2, [[1, 8]], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_growth_that_cannot_be(
    council: Council, name: str, count: int, assignments: Any, code: ErrorCode
) -> None:
    council.create("orders", [[1, 2]])
    assert grow(council, name, count, assignments) == code


def test_a_rehearsal_of_growth_changes_nothing(council: Council) -> None:
    council.create("orders", [[1, 2]])
    assert grow(council, "orders", 4, validate_only=True) == ErrorCode.NONE
    assert len(council.image.topics["orders"].partitions) == 1
