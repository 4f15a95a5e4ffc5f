"""CreatePartitions and DescribeTopicPartitions: topics that grow, and are told page by page."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from broker.wire.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    TopicRequest,
)
from tests.bench import Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    return bench


def grow(bench: Bench, *topics: CreatePartitionsTopic, version: int = 3, **how: Any) -> list[Any]:
    request = CreatePartitionsRequest(topics=list(topics), timeout_ms=1000, **how)
    results: list[Any] = bench.ask(request, version).results
    return results


def to(name: str, count: int, *brokers: list[int]) -> CreatePartitionsTopic:
    """A wish: so many partitions, the new ones on these brokers."""
    by_hand = [CreatePartitionsAssignment(broker_ids=ids) for ids in brokers]
    return CreatePartitionsTopic(name=name, count=count, assignments=by_hand or None)


def page(
    bench: Bench, *names: str, limit: int = 2000, cursor: tuple[str, int] | None = None
) -> Any:
    at = cursor and Cursor(topic_name=cursor[0], partition_index=cursor[1])
    return bench.ask(
        DescribeTopicPartitionsRequest(
            topics=[TopicRequest(name=name) for name in names],
            response_partition_limit=limit,
            cursor=at or None,
        )
    )


def told(answer: Any) -> list[tuple[str, list[int]]]:
    """Which partitions of which topics are on a page."""
    return [
        (topic.name, [partition.partition_index for partition in topic.partitions])
        for topic in answer.topics
    ]


# -- growing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(4))
def test_a_topic_grows_and_its_partitions_work_at_once(bench: Bench, version: int) -> None:
    assert grow(bench, to("orders", 4), version=version)[0].error_code == 0
    assert bench.produce("orders", "x", partition=3).base_offset == 0
    assert told(page(bench)) == [("orders", [0, 1, 2, 3])]


def test_new_partitions_may_be_placed_by_hand(bench: Bench) -> None:
    assert grow(bench, to("orders", 4, [1], [1]))[0].error_code == 0
    assert told(page(bench)) == [("orders", [0, 1, 2, 3])]


def test_only_checking_adds_nothing(bench: Bench) -> None:
    assert grow(bench, to("orders", 4), validate_only=True)[0].error_code == 0
    assert told(page(bench)) == [("orders", [0, 1])]


def test_the_answer_waits_until_the_partitions_are_durable(bench: Bench) -> None:
    bench.hold_syncs = True
    request = CreatePartitionsRequest(topics=[to("orders", 3)], timeout_ms=1000)
    number = bench.send(request)
    assert not bench.answered(number)
    bench.sync()
    assert bench.answer(number).results[0].error_code == 0


@pytest.mark.parametrize(
    ("wish", "code", "why"),
    [
        (to("nowhere", 3), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ""),
        (to("orders", 2), ErrorCode.INVALID_PARTITIONS, "already has 2 partition(s)"),
        (to("orders", 1), ErrorCode.INVALID_PARTITIONS, "1 would not be an increase"),
        (to("orders", -1), ErrorCode.INVALID_PARTITIONS, "-1 would not be an increase"),
        (to("orders", 4, [1]), ErrorCode.INVALID_REPLICA_ASSIGNMENT, "only 1 assignment(s)"),
        (to("orders", 3, [9]), ErrorCode.INVALID_REPLICA_ASSIGNMENT, "no such broker"),
        (to("orders", 3, [1, 1]), ErrorCode.INVALID_REPLICA_ASSIGNMENT, ""),
    ],
)
def test_what_makes_no_sense_is_refused_with_kafkas_code(
    bench: Bench, wish: CreatePartitionsTopic, code: ErrorCode, why: str
) -> None:
    [refused] = grow(bench, wish)
    assert refused.error_code == code
    assert why in (refused.error_message or "")
    assert told(page(bench)) == [("orders", [0, 1])]


def test_a_name_given_twice_is_refused_and_the_others_are_not(bench: Bench) -> None:
    bench.create_topic("payments")
    results = grow(bench, to("orders", 5), to("orders", 6), to("payments", 2))
    codes = {result.name: result.error_code for result in results}
    assert codes == {"orders": ErrorCode.INVALID_REQUEST, "payments": 0}
    assert told(page(bench)) == [("orders", [0, 1]), ("payments", [0, 1])]


# -- page by page ---------------------------------------------------------------------------------


def test_a_partition_is_told_with_its_replicas(bench: Bench) -> None:
    [topic] = page(bench, "orders").topics
    partition = topic.partitions[1]
    assert (partition.leader_id, partition.leader_epoch) == (1, 0)
    assert (partition.replica_nodes, partition.isr_nodes) == ([1], [1])
    assert (partition.eligible_leader_replicas, partition.last_known_elr) == ([], [])
    assert partition.offline_replicas == []
    assert topic.topic_id == bench.node.image.topics["orders"].topic_id


def test_topics_come_in_order_and_unknown_ones_with_an_error(bench: Bench) -> None:
    bench.create_topic("audit")
    answer = page(bench, "orders", "nowhere", "a b", "audit")
    codes = [(topic.name, topic.error_code) for topic in answer.topics]
    assert codes == [
        ("a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("audit", 0),
        ("nowhere", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("orders", 0),
    ]
    assert answer.next_cursor is None


def test_all_partitions_are_seen_once_page_by_page(bench: Bench) -> None:
    bench.create_topic("audit", partitions=3)
    bench.create_topic("zebra", partitions=1)
    seen: list[tuple[str, int]] = []
    cursor: tuple[str, int] | None = None
    for _ in range(20):
        answer = page(bench, limit=2, cursor=cursor)
        pages = [(name, index) for name, indexes in told(answer) for index in indexes]
        assert len(pages) <= 2
        seen += pages
        if answer.next_cursor is None:
            break
        cursor = (answer.next_cursor.topic_name, answer.next_cursor.partition_index)
    assert seen == [
        ("audit", 0),
        ("audit", 1),
        ("audit", 2),
        ("orders", 0),
        ("orders", 1),
        ("zebra", 0),
    ]


def test_a_page_that_ends_with_a_topic_points_to_the_next(bench: Bench) -> None:
    bench.create_topic("payments")
    answer = page(bench, limit=2)
    assert told(answer) == [("orders", [0, 1])]
    assert (answer.next_cursor.topic_name, answer.next_cursor.partition_index) == ("payments", 0)


def test_a_page_holds_at_least_one_partition(bench: Bench) -> None:
    assert told(page(bench, limit=0)) == [("orders", [0])]


def test_a_cursor_beyond_the_end_finds_nothing(bench: Bench) -> None:
    answer = page(bench, "orders", cursor=("orders", 9))
    assert told(answer) == [("orders", [])]
    assert answer.next_cursor is None


@pytest.mark.parametrize("cursor", [("payments", 0), ("orders", -1)])
def test_a_cursor_that_makes_no_sense_is_refused(bench: Bench, cursor: tuple[str, int]) -> None:
    answer = page(bench, "orders", cursor=cursor)
    assert [topic.error_code for topic in answer.topics] == [ErrorCode.INVALID_REQUEST]
