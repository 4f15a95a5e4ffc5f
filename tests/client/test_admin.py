"""The administrator: whom it asks, what it gets, and when it asks again."""

from collections.abc import Callable
from typing import Any

import pytest

from broker.client.admin import Admin, ConfigResource, NewTopic
from broker.client.admin_types import (
    CLUSTER,
    EARLIEST,
    LATEST,
    ConfigEntry,
    CreatedTopic,
    DescribedPartition,
    ListedOffset,
)
from broker.client.cluster_view import TopicPartition
from broker.client.config import AdminConfig
from broker.client.outcomes import Operation, Status
from broker.events import Send
from broker.wire.errors import ErrorCode
from broker.wire.messages import create_topics as create
from broker.wire.messages import delete_topics as delete
from broker.wire.messages import describe_cluster, describe_configs, list_offsets, metadata
from broker.wire.messages import incremental_alter_configs as alter
from broker.wire.schema import Message
from tests.client.scene import EvenEntropy, Scene, topic_id

ORDERS = ConfigResource("topic", "orders")


class AdminScene(Scene):
    """An administrator on a stage."""

    machine: Admin

    def __init__(self, **settings: Any) -> None:
        super().__init__(Admin([1], EvenEntropy(), AdminConfig(**settings)))
        self.start()

    def do(self, command: Callable[..., Any], *what: Any, **more: Any) -> Operation:
        operation, effects = command(*what, now=self.now, **more)
        assert isinstance(operation, Operation)
        self.follow(effects)
        return operation

    def create(self, *names: str) -> Operation:
        return self.do(self.machine.create_topics, [NewTopic(name, 3) for name in names])


def created(send: Send, **codes: ErrorCode) -> Message:
    """The answer to CreateTopics, with an error for some topics."""
    assert isinstance(send.body, create.CreateTopicsRequest)
    return create.CreateTopicsResponse(
        topics=[
            create.CreatableTopicResult(
                name=topic.name,
                topic_id=topic_id(topic.name),
                error_code=codes.get(topic.name, ErrorCode.NONE),
                error_message=None,
                num_partitions=topic.num_partitions,
                replication_factor=1,
            )
            for topic in send.body.topics
        ]
    )


# -- topics ----------------------------------------------------------------------------------------


def test_topics_are_created_at_the_controller() -> None:
    admin = AdminScene()
    admin.controller = 2
    admin.lose(1)
    admin.pass_ms(500)
    topic = NewTopic("orders", 3, 1, {"retention.ms": "1000"})
    operation = admin.do(admin.machine.create_topics, [topic])
    send, request = admin.take(create.CreateTopicsRequest)
    assert send.peer == 2
    [asked] = request.topics
    assert (asked.name, asked.num_partitions, asked.replication_factor) == ("orders", 3, 1)
    assert [(c.name, c.value) for c in asked.configs] == [("retention.ms", "1000")]
    assert operation.status is Status.PENDING

    admin.answer(send, created(send))
    assert operation.status is Status.ACKED
    assert operation.results["orders"].value == CreatedTopic(topic_id("orders"), 3, 1)


def test_each_topic_has_a_result_of_its_own() -> None:
    admin = AdminScene()
    operation = admin.create("orders", "payments")
    send, _ = admin.take(create.CreateTopicsRequest)
    admin.answer(send, created(send, orders=ErrorCode.TOPIC_ALREADY_EXISTS))
    assert operation.status is Status.FAILED
    assert operation.results["orders"].code is ErrorCode.TOPIC_ALREADY_EXISTS
    assert operation.results["payments"].ok


def test_who_is_no_longer_controller_makes_us_look_again() -> None:
    admin = AdminScene()
    admin.pass_ms(1_000)
    operation = admin.create("orders")
    send, _ = admin.take(create.CreateTopicsRequest, peer=1)
    admin.controller = 2
    admin.answer(send, created(send, orders=ErrorCode.NOT_CONTROLLER))
    admin.pass_ms(100)
    send, _ = admin.take(create.CreateTopicsRequest, peer=2)
    admin.answer(send, created(send))
    assert operation.status is Status.ACKED


def test_a_topic_that_exists_after_a_lost_answer_may_be_ours() -> None:
    admin = AdminScene()
    operation = admin.create("orders")
    admin.lose(1)
    admin.pass_ms(500)
    send, _ = admin.take(create.CreateTopicsRequest)
    admin.answer(send, created(send, orders=ErrorCode.TOPIC_ALREADY_EXISTS))
    assert operation.status is Status.UNKNOWN
    assert operation.results["orders"].code is ErrorCode.TOPIC_ALREADY_EXISTS


@pytest.mark.parametrize(("reached", "end"), [(True, Status.UNKNOWN), (False, Status.FAILED)])
def test_after_a_minute_there_is_a_final_word(reached: bool, end: Status) -> None:
    admin = AdminScene()
    if not reached:
        admin.silent = {1, 2}
        admin.lose(1)
    operation = admin.create("orders")
    admin.pass_ms(59_999)
    assert operation.status is Status.PENDING
    admin.pass_ms(1)
    assert operation.status is end
    assert operation.results["orders"].code is ErrorCode.REQUEST_TIMED_OUT
    assert "default_api_timeout_ms=60000" in operation.results["orders"].text


@pytest.mark.parametrize("version", [1, 5, 6])
def test_topics_are_deleted_in_the_words_of_the_version(version: int) -> None:
    admin = AdminScene()
    admin.lose(1)
    admin.highest[20] = version
    admin.pass_ms(500)
    operation = admin.do(admin.machine.delete_topics, ["orders"])
    send, request = admin.take(delete.DeleteTopicsRequest)
    named = [state.name for state in request.topics] if version >= 6 else request.topic_names
    assert named == ["orders"]
    result = delete.DeletableTopicResult(name="orders")
    admin.answer(send, delete.DeleteTopicsResponse(responses=[result]))
    assert operation.status is Status.ACKED


def test_deleting_what_does_not_exist_fails_at_once() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.delete_topics, ["orders"])
    send, _ = admin.take(delete.DeleteTopicsRequest)
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    result = delete.DeletableTopicResult(name="orders", error_code=code)
    admin.answer(send, delete.DeleteTopicsResponse(responses=[result]))
    assert (operation.status, operation.results["orders"].code) == (Status.FAILED, code)


def test_topics_are_described_by_name_or_all_of_them() -> None:
    admin = AdminScene()
    admin.leaders = {"orders": [1, 2]}
    some = admin.do(admin.machine.describe_topics, ["orders", "unknown"])
    described: Any = some.results["orders"].value
    assert described.partitions[1] == DescribedPartition(2, 0, (1, 2), (1, 2))
    assert some.results["unknown"].code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    everything = admin.do(admin.machine.describe_topics)
    assert isinstance(admin.log[-1].body, metadata.MetadataRequest)
    assert admin.log[-1].body.topics is None
    assert everything.status is Status.ACKED
    assert everything.results == {}, "the stage has no answer to this"


# -- settings --------------------------------------------------------------------------------------


def test_settings_are_described() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.describe_configs, [ORDERS, ConfigResource("broker", "2")])
    assert {send.peer for send in admin.open} == {1, 2}, "a broker knows its own settings"
    send, request = admin.take(describe_configs.DescribeConfigsRequest, peer=1)
    [resource] = request.resources
    assert (resource.resource_type, resource.resource_name) == (2, "orders")
    assert resource.configuration_keys is None
    entry = describe_configs.DescribeConfigsResourceResult(
        name="retention.ms", value="1000", config_source=1, documentation=None
    )
    result = describe_configs.DescribeConfigsResult(
        resource_type=2, resource_name="orders", error_message=None, configs=[entry]
    )
    admin.answer(send, describe_configs.DescribeConfigsResponse(results=[result]))
    assert operation.results[ORDERS].value == {
        "retention.ms": ConfigEntry("1000", 1, read_only=False, is_sensitive=False)
    }
    assert operation.status is Status.PENDING


def test_settings_are_changed_and_brought_back() -> None:
    admin = AdminScene()
    changes = {ORDERS: {"retention.ms": "5", "cleanup.policy": None}}
    operation = admin.do(admin.machine.incremental_alter_configs, changes)
    send, request = admin.take(alter.IncrementalAlterConfigsRequest)
    [resource] = request.resources
    assert [(c.name, c.config_operation, c.value) for c in resource.configs] == [
        ("retention.ms", 0, "5"),
        ("cleanup.policy", 1, None),
    ]
    answer = alter.AlterConfigsResourceResponse(
        resource_type=2,
        resource_name="orders",
        error_code=ErrorCode.INVALID_CONFIG,
        error_message="retention.ms is too low",
    )
    admin.answer(send, alter.IncrementalAlterConfigsResponse(responses=[answer]))
    assert operation.status is Status.FAILED
    assert operation.results[ORDERS].text == "retention.ms is too low"


# -- offsets and the cluster -----------------------------------------------------------------------


def test_offsets_are_asked_of_the_leaders() -> None:
    admin = AdminScene()
    admin.leaders = {"orders": [1, 2]}
    zero, one = TopicPartition("orders", 0), TopicPartition("orders", 1)
    operation = admin.do(admin.machine.list_offsets, {zero: EARLIEST, one: LATEST})
    for peer, partition, offset in ((1, 0, 3), (2, 1, 9)):
        send, request = admin.take(list_offsets.ListOffsetsRequest, peer)
        [topic] = request.topics
        assert [p.partition_index for p in topic.partitions] == [partition]
        found = list_offsets.ListOffsetsPartitionResponse(partition_index=partition, offset=offset)
        answer = list_offsets.ListOffsetsTopicResponse(name="orders", partitions=[found])
        admin.answer(send, list_offsets.ListOffsetsResponse(topics=[answer]))
    assert operation.status is Status.ACKED
    assert operation.results[zero].value == ListedOffset(3, -1, -1)
    assert operation.results[one].value == ListedOffset(9, -1, -1)


def test_the_cluster_is_described() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.describe_cluster)
    send, _ = admin.take(describe_cluster.DescribeClusterRequest)
    broker = describe_cluster.DescribeClusterBroker(broker_id=1, host="host1", port=9092)
    admin.answer(
        send,
        describe_cluster.DescribeClusterResponse(
            cluster_id="story", controller_id=1, brokers=[broker]
        ),
    )
    cluster: Any = operation.results[CLUSTER].value
    assert (cluster.cluster_id, cluster.controller_id) == ("story", 1)
    assert cluster.brokers[1].port == 9092


def test_what_the_broker_does_not_have_is_unsupported() -> None:
    admin = AdminScene()
    admin.lose(1)
    admin.highest[60] = -1
    admin.pass_ms(500)
    operation = admin.do(admin.machine.describe_cluster)
    assert operation.status is Status.FAILED
    assert operation.results[CLUSTER].code is ErrorCode.UNSUPPORTED_VERSION


def test_looking_at_a_topic_does_not_create_it() -> None:
    admin = AdminScene()
    admin.do(admin.machine.list_offsets, {TopicPartition("unknown", 0): LATEST})
    requests = [s.body for s in admin.log if isinstance(s.body, metadata.MetadataRequest)]
    assert requests
    assert not any(request.allow_auto_topic_creation for request in requests)
