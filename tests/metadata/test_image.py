"""The image, and the names of topics."""

from __future__ import annotations

import pytest

from broker.metadata.image import ClusterImage
from broker.metadata.topic_names import check_collision, check_topic_name
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.metadata_records import (
    ConfigRecord,
    NoOpRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RemoveTopicRecord,
    TopicRecord,
)

ORDERS = b"orders" + bytes(10)


def partition(index: int) -> PartitionRecord:
    return PartitionRecord(
        partition_id=index,
        topic_id=ORDERS,
        replicas=[1, 2],
        isr=[1, 2],
        leader=1,
        leader_epoch=0,
        partition_epoch=0,
    )


@pytest.fixture
def image() -> ClusterImage:
    records = [TopicRecord(name="orders", topic_id=ORDERS), partition(0), partition(1)]
    return ClusterImage().replay(records, offset=2, epoch=1)[0]


def test_records_make_topics(image: ClusterImage) -> None:
    assert [p.index for p in image.topics["orders"].partitions] == [0, 1]
    assert image.topic_by_id(ORDERS) is image.topics["orders"]
    assert (image.offset, image.epoch) == (2, 1)


def test_an_image_never_changes(image: ClusterImage) -> None:
    before = image.topics["orders"]
    after, delta = image.replay([RemoveTopicRecord(topic_id=ORDERS)])
    assert "orders" not in after.topics
    assert image.topics["orders"] is before
    assert delta.deleted == {ORDERS: before}


def test_what_did_not_change_is_shared(image: ClusterImage) -> None:
    change = PartitionChangeRecord(partition_id=1, topic_id=ORDERS, isr=[1])
    after, _ = image.replay([change])
    assert after.topics["orders"].partitions[0] is image.topics["orders"].partitions[0]
    assert after.brokers is image.brokers


def test_naming_a_leader_opens_an_epoch_and_other_changes_do_not(image: ClusterImage) -> None:
    shrunk, _ = image.replay([PartitionChangeRecord(partition_id=0, topic_id=ORDERS, isr=[1])])
    one = shrunk.topics["orders"].partitions[0]
    assert (one.isr, one.leader_epoch, one.partition_epoch) == ((1,), 0, 1)
    again, _ = shrunk.replay([PartitionChangeRecord(partition_id=0, topic_id=ORDERS, leader=1)])
    one = again.topics["orders"].partitions[0]
    assert (one.leader, one.leader_epoch, one.partition_epoch) == (1, 1, 2)


def test_settings_are_set_and_unset(image: ClusterImage) -> None:
    def config(value: str | None) -> ConfigRecord:
        return ConfigRecord(
            resource_type=2, resource_name="orders", name="retention.ms", value=value
        )

    with_it, delta = image.replay([config("1")])
    assert with_it.config(2, "orders") == {"retention.ms": "1"}
    assert list(delta.configs) == [(2, "orders")]
    assert with_it.replay([config(None)])[0].config(2, "orders") == {}


def test_a_deleted_topic_takes_its_settings_along(image: ClusterImage) -> None:
    record = ConfigRecord(resource_type=2, resource_name="orders", name="a", value="b")
    gone, _ = image.replay([record, RemoveTopicRecord(topic_id=ORDERS)])
    assert gone.config(2, "orders") == {}


def test_records_without_meaning_here_pass_by(image: ClusterImage) -> None:
    after, _ = image.replay([NoOpRecord()], offset=3)
    assert after.offset == 3


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orders", "a.b", "A_b-1", "x" * 249, "..."])
def test_legal_names(name: str) -> None:
    check_topic_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 250, "a\n", "a\0"])
def test_illegal_names(name: str) -> None:
    with pytest.raises(ApiError) as error:
        check_topic_name(name)
    assert error.value.code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_names_that_metrics_cannot_tell_apart() -> None:
    check_collision("a.b", ["a.c", "a-b"])
    with pytest.raises(ApiError, match="collides with existing topic: a_b"):
        check_collision("a.b", ["a_b"])
