"""CreateTopics, DeleteTopics and Metadata: topics come, are known at once, and go."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from broker.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from broker.wire.primitives import ZERO_UUID
from tests.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench(num_partitions=3)


def wish(name: str, **what: Any) -> CreatableTopic:
    return CreatableTopic(
        **{"name": name, "num_partitions": 1, "replication_factor": 1, "configs": []} | what
    )


def create(bench: Bench, *topics: CreatableTopic, version: int = 7, **how: Any) -> list[Any]:
    request = CreateTopicsRequest(topics=list(topics), timeout_ms=1000, **how)
    results: list[Any] = bench.ask(request, version).topics
    return results


def look(bench: Bench, *names: str, create: bool = False, version: int = 13) -> Any:
    topics = [MetadataRequestTopic(name=name) for name in names]
    return bench.ask(MetadataRequest(topics=topics, allow_auto_topic_creation=create), version)


# -- creating -------------------------------------------------------------------------------------


def test_a_new_topic_is_known_with_the_answer(bench: Bench) -> None:
    made = create(bench, wish("orders", num_partitions=2))[0]
    assert (made.error_code, made.num_partitions, made.replication_factor) == (0, 2, 1)
    topic = look(bench, "orders").topics[0]
    assert topic.topic_id == made.topic_id != ZERO_UUID
    assert [(p.partition_index, p.leader_id, p.isr_nodes) for p in topic.partitions] == [
        (0, 1, [1]),
        (1, 1, [1]),
    ]


def test_the_answer_waits_until_the_topic_is_durable(bench: Bench) -> None:
    bench.hold_syncs = True
    request = CreateTopicsRequest(topics=[wish("orders")], timeout_ms=1000)
    number = bench.send(request)
    assert not bench.answered(number)
    assert look(bench, "orders").topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    bench.sync()
    assert bench.answer(number).topics[0].error_code == 0


def test_two_requests_for_one_name_do_not_both_succeed(bench: Bench) -> None:
    bench.hold_syncs = True
    request = CreateTopicsRequest(topics=[wish("orders")], timeout_ms=1000)
    first, second = bench.send(request), bench.send(request)
    bench.sync()
    codes = [bench.answer(number).topics[0].error_code for number in (first, second)]
    assert codes == [0, ErrorCode.TOPIC_ALREADY_EXISTS]


@pytest.mark.parametrize("version", range(2, 8))
def test_every_served_version_creates(bench: Bench, version: int) -> None:
    assert create(bench, wish("orders"), version=version)[0].error_code == 0


def test_counts_of_minus_one_mean_the_brokers_defaults(bench: Bench) -> None:
    made = create(bench, wish("orders", num_partitions=-1, replication_factor=-1))[0]
    assert made.num_partitions == 3


def test_only_checking_creates_nothing(bench: Bench) -> None:
    assert create(bench, wish("orders"), validate_only=True)[0].error_code == 0
    assert look(bench, "orders").topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (wish(""), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (wish(".."), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (wish("a b"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (wish("x" * 250), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (wish("my.topic"), ErrorCode.INVALID_TOPIC_EXCEPTION),  # collides with my_topic
        (wish("my_topic"), ErrorCode.TOPIC_ALREADY_EXISTS),
        (wish("__cluster_metadata"), ErrorCode.INVALID_REQUEST),
        (wish("t", num_partitions=0), ErrorCode.INVALID_PARTITIONS),
        (wish("t", num_partitions=-2), ErrorCode.INVALID_PARTITIONS),
        (wish("t", num_partitions=1_000_000), ErrorCode.POLICY_VIOLATION),
        (wish("t", replication_factor=2), ErrorCode.INVALID_REPLICATION_FACTOR),
        (wish("t", replication_factor=0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (
            wish("t", configs=[CreatableTopicConfig(name="retention.ms", value="soon")]),
            ErrorCode.INVALID_CONFIG,
        ),
        (
            wish("t", configs=[CreatableTopicConfig(name="colour", value="sand")]),
            ErrorCode.INVALID_CONFIG,
        ),
        (
            wish("t", configs=[CreatableTopicConfig(name="retention.ms", value=None)]),
            ErrorCode.INVALID_CONFIG,
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_kafkas_code(
    bench: Bench, topic: CreatableTopic, code: ErrorCode
) -> None:
    create(bench, wish("my_topic"))
    refused = create(bench, topic)[0]
    assert refused.error_code == code
    assert refused.error_message
    assert refused.configs == [], "the Java client cannot read null here"


def test_a_name_given_twice_is_refused(bench: Bench) -> None:
    results = create(bench, wish("orders"), wish("orders"), wish("payments"))
    codes = {result.name: result.error_code for result in results}
    assert codes == {"orders": ErrorCode.INVALID_REQUEST, "payments": 0}


def test_many_topics_together_are_as_limited_as_one(bench: Bench) -> None:
    results = create(bench, wish("a", num_partitions=6000), wish("b", num_partitions=6000))
    assert [result.error_code for result in results] == [ErrorCode.POLICY_VIOLATION] * 2
    asked = look(bench, *[f"{n}" for n in range(3334)], create=True)
    codes = {topic.error_code for topic in asked.topics}
    assert codes == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}, "three partitions each are too many"
    assert not bench.node.image.topics


@pytest.mark.parametrize(
    ("assignments", "code"),
    [
        ({0: [1], 1: [1]}, ErrorCode.NONE),
        ({0: [1], 2: [1]}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({0: [9]}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({0: [1, 1]}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ({0: []}, ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_replicas_may_be_assigned_by_hand(
    bench: Bench, assignments: dict[int, list[int]], code: ErrorCode
) -> None:
    by_hand = [
        CreatableReplicaAssignment(partition_index=index, broker_ids=brokers)
        for index, brokers in assignments.items()
    ]
    topic = wish("orders", num_partitions=-1, replication_factor=-1, assignments=by_hand)
    assert create(bench, topic)[0].error_code == code


# -- deleting -------------------------------------------------------------------------------------


def test_a_deleted_topic_is_gone_and_its_name_is_free(bench: Bench) -> None:
    old = bench.create_topic("orders")
    bench.produce("orders", "old")
    request = DeleteTopicsRequest(topics=[DeleteTopicState(name="orders")], timeout_ms=1000)
    assert bench.ask(request).responses[0].error_code == 0
    assert bench.produce("orders", "x").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    new = bench.create_topic("orders")
    assert new.topic_id != old.topic_id
    assert bench.values("orders") == []


def test_the_files_of_a_deleted_topic_follow_later(bench: Bench) -> None:
    bench.create_topic("orders", file_delete_delay_ms=60_000)
    bench.produce("orders", "old")
    bench.ask(DeleteTopicsRequest(topic_names=["orders"], timeout_ms=9), version=5)
    put_away = [name for name in bench.disk.list("") if name.endswith("-delete")]
    assert len(put_away) == 1
    bench.wait(59_000)
    assert bench.disk.exists(put_away[0])
    bench.wait(2_000)
    assert not bench.disk.exists(put_away[0])


def test_a_topic_is_deleted_by_its_id(bench: Bench) -> None:
    made = bench.create_topic("orders")
    state = DeleteTopicState(name=None, topic_id=made.topic_id)
    answer = bench.ask(DeleteTopicsRequest(topics=[state], timeout_ms=1000))
    assert (answer.responses[0].name, answer.responses[0].error_code) == ("orders", 0)
    again = bench.ask(DeleteTopicsRequest(topics=[state], timeout_ms=1000))
    assert again.responses[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_deleting_what_is_not_there(bench: Bench) -> None:
    answer = bench.ask(DeleteTopicsRequest(topic_names=["nowhere"], timeout_ms=9), version=4)
    assert answer.responses[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_deleting_twice_at_once_or_nothing_is_refused(bench: Bench) -> None:
    made = bench.create_topic("orders")
    by_name = DeleteTopicState(name="orders")
    by_id = DeleteTopicState(name=None, topic_id=made.topic_id)
    both = DeleteTopicState(name="orders", topic_id=made.topic_id)
    for states in ([by_name, by_name], [by_id, by_id], [both], [DeleteTopicState(name=None)]):
        answer = bench.ask(DeleteTopicsRequest(topics=states, timeout_ms=1000))
        assert [one.error_code for one in answer.responses] == [ErrorCode.INVALID_REQUEST]
    assert "orders" in bench.node.image.topics


def test_deleting_can_be_switched_off() -> None:
    bench = Bench(delete_topic_enable="false")
    bench.create_topic("orders")
    answer = bench.ask(DeleteTopicsRequest(topic_names=["orders"], timeout_ms=9), version=5)
    assert answer.responses[0].error_code == ErrorCode.TOPIC_DELETION_DISABLED


# -- metadata -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(14))
def test_every_served_version_tells_of_topics_and_brokers(bench: Bench, version: int) -> None:
    bench.create_topic("orders")
    answer = look(bench, "orders", create=True, version=version)
    assert [broker.node_id for broker in answer.brokers] == [1]
    assert answer.topics[0].partitions[0].leader_id == 1
    if version >= 1:
        assert answer.controller_id == 1
    if 8 <= version <= 10:
        assert answer.cluster_authorized_operations == -(2**31), "nobody asked"


def test_null_means_all_topics_and_in_version_0_so_does_nothing(bench: Bench) -> None:
    bench.create_topic("orders")
    bench.create_topic("payments")
    everything = bench.ask(MetadataRequest(topics=None))
    assert [topic.name for topic in everything.topics] == ["orders", "payments"]
    assert len(bench.ask(MetadataRequest(topics=[]), version=0).topics) == 2
    assert bench.ask(MetadataRequest(topics=[]), version=1).topics == []


def test_a_topic_that_is_named_twice_is_told_once(bench: Bench) -> None:
    bench.create_topic("orders")
    assert [topic.name for topic in look(bench, "orders", "nope", "orders").topics] == [
        "orders",
        "nope",
    ]


def test_a_topic_is_found_by_its_id(bench: Bench) -> None:
    made = bench.create_topic("orders")
    asked = MetadataRequestTopic(topic_id=made.topic_id, name=None)
    assert bench.ask(MetadataRequest(topics=[asked])).topics[0].name == "orders"
    stranger = MetadataRequestTopic(topic_id=bytes(15) + b"\1", name=None)
    answer = bench.ask(MetadataRequest(topics=[stranger])).topics[0]
    assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_ID
    stranger = stranger.replace(name="")  # Version 10 has ids, and no null for a name.
    answer = bench.ask(MetadataRequest(topics=[stranger]), version=10).topics[0]
    assert (answer.name, answer.error_code) == ("", ErrorCode.UNKNOWN_TOPIC_ID)


def test_asking_for_a_topic_creates_it(bench: Bench) -> None:
    topic = look(bench, "orders", create=True).topics[0]
    assert (topic.error_code, len(topic.partitions)) == (0, 3), "with num.partitions"
    assert bench.produce("orders", "first").error_code == 0


def test_unless_the_client_or_the_broker_forbids_it(bench: Bench) -> None:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert look(bench, "orders", create=False).topics[0].error_code == unknown
    strict = Bench(auto_create_topics_enable="false")
    assert look(strict, "orders", create=True).topics[0].error_code == unknown


def test_who_asks_for_what_has_too_many_replicas_is_told_so() -> None:
    bench = Bench(default_replication_factor=3)
    topics = look(bench, "orders", "clicks", create=True).topics
    assert {topic.error_code for topic in topics} == {ErrorCode.INVALID_REPLICATION_FACTOR}
    unknown = look(bench, "orders").topics[0]
    assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_an_illegal_name_is_not_created(bench: Bench) -> None:
    answer = look(bench, "a b", "orders", create=True)
    codes = [topic.error_code for topic in answer.topics]
    assert codes == [ErrorCode.INVALID_TOPIC_EXCEPTION, 0]


def test_nobody_creates_the_topic_of_the_metadata_log_by_asking_for_it(bench: Bench) -> None:
    asked = look(bench, "__cluster_metadata", create=True).topics[0]
    assert asked.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    bench.create_topic("orders")
    bench.stop()
    bench.boot()
    assert "orders" in bench.node.image.topics, "the log is where it was"


def test_a_colliding_name_stays_unknown(bench: Bench) -> None:
    bench.create_topic("my_topic")
    answer = look(bench, "my.topic", create=True)
    assert answer.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
