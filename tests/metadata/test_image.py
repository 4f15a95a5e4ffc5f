"""The image, and the names of topics."""

from __future__ import annotations

import pytest

from broker.metadata.image import BrokerImage, ClusterImage, Delta
from broker.metadata.topic_names import check_collision, check_topic_name
from broker.wire.errors import ApiError, ErrorCode, InvariantError
from broker.wire.messages.metadata_records import (
    BrokerRegistrationChangeRecord,
    ClearElrRecord,
    ConfigRecord,
    FeatureLevelRecord,
    FenceBrokerRecord,
    NoOpRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    RemoveTopicRecord,
    TopicRecord,
    UnfenceBrokerRecord,
    UnregisterBrokerRecord,
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


# -- what differs ---------------------------------------------------------------------------------


def test_what_differs_between_two_images_where_a_snapshot_took_the_logs_place(
    image: ClusterImage,
) -> None:
    clicks = b"clicks" + bytes(10)
    after, _ = image.replay(
        [
            RemoveTopicRecord(topic_id=ORDERS),
            TopicRecord(name="orders", topic_id=b"again" + bytes(11)),
            TopicRecord(name="clicks", topic_id=clicks),
            ConfigRecord(resource_type=2, resource_name="clicks", name="a", value="b"),
            RegisterBrokerRecord(broker_id=1, broker_epoch=5),
            FeatureLevelRecord(name="metadata.version", feature_level=30),
        ],
        offset=9,
    )
    delta = Delta.between(image, after)
    assert list(delta.topics) == ["clicks", "orders"]
    assert list(delta.deleted) == [ORDERS], "the name is there again, the topic is not"
    assert list(delta.configs) == [(2, "clicks")]
    assert list(delta.brokers) == [1]
    assert list(delta.features) == ["metadata.version"]
    same = Delta.between(after, after)
    assert same == Delta()


def test_a_changed_partition_is_a_difference(image: ClusterImage) -> None:
    after, _ = image.replay([PartitionChangeRecord(partition_id=1, topic_id=ORDERS, isr=[1])])
    assert list(Delta.between(image, after).topics) == ["orders"]


# -- brokers, features, eligible replicas ---------------------------------------------------------


def test_the_offset_of_each_record_is_known() -> None:
    registered = [RegisterBrokerRecord(broker_id=i, broker_epoch=i) for i in (1, 2)]
    image, _ = ClusterImage().replay([NoOpRecord(), *registered], offset=7)
    assert [image.brokers[i].registered_at for i in (1, 2)] == [6, 7]


def test_a_registration_changes_in_parts() -> None:
    image, _ = ClusterImage().replay(
        [RegisterBrokerRecord(broker_id=1, broker_epoch=5, log_dirs=[b"a" * 16, b"b" * 16])]
    )

    def changed(**says: object) -> BrokerImage:
        record = BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=5).replace(**says)
        return image.replay([record])[0].brokers[1]

    assert changed() == image.brokers[1]
    assert not changed(fenced=-1).fenced
    assert changed(in_controlled_shutdown=1).in_controlled_shutdown
    assert changed(log_dirs=[b"b" * 16]).directories == (b"b" * 16,)
    assert changed(cordoned_log_dirs=[b"a" * 16]).cordoned == (b"a" * 16,)
    with pytest.raises(InvariantError):
        changed(broker_epoch=4)


def test_old_logs_fence_with_records_of_their_own() -> None:
    image, _ = ClusterImage().replay(
        [RegisterBrokerRecord(broker_id=1, broker_epoch=5), UnfenceBrokerRecord(id=1, epoch=5)]
    )
    assert not image.brokers[1].fenced
    assert image.replay([FenceBrokerRecord(id=1, epoch=5)])[0].brokers[1].fenced
    assert not image.replay([UnregisterBrokerRecord(broker_id=1)])[0].brokers


def test_level_0_is_no_feature_and_kraft_version_is_none_either() -> None:
    image, _ = ClusterImage().replay(
        [
            FeatureLevelRecord(name="a", feature_level=1),
            FeatureLevelRecord(name="kraft.version", feature_level=1),
        ]
    )
    assert dict(image.features) == {"a": 1}
    assert not image.replay([FeatureLevelRecord(name="a", feature_level=0)])[0].features


@pytest.mark.parametrize("name", ["orders", ""])
def test_another_minimum_makes_nobody_eligible(image: ClusterImage, name: str) -> None:
    change = PartitionChangeRecord(
        partition_id=0,
        topic_id=ORDERS,
        isr=[],
        leader=-1,
        eligible_leader_replicas=[1, 2],
        last_known_elr=[1],
    )
    eligible, _ = image.replay([change])
    cleared, delta = eligible.replay([ClearElrRecord(topic_name=name)])
    before, after = (i.topics["orders"].partitions[0] for i in (eligible, cleared))
    assert (after.elr, after.last_known_elr) == ((), ())
    assert after.partition_epoch == before.partition_epoch + 1
    assert list(delta.topics) == ["orders"]
    assert cleared.topics["orders"].partitions[1] is image.topics["orders"].partitions[1]


def test_partitions_are_a_sequence(image: ClusterImage) -> None:
    partitions = image.topics["orders"].partitions
    assert (partitions[-1].index, [p.index for p in partitions[:1]]) == (1, [0])
    assert partitions.find(2) is None
    with pytest.raises(IndexError):
        partitions[2]
    assert image.partition("orders", -1) is None
    assert image.partition("nothing", 0) is None
