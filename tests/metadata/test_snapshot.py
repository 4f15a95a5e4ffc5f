"""A snapshot holds the image, in the order of Kafka's ImageWriter, in slices."""

from __future__ import annotations

import pytest

from broker.metadata.image import CONFIG_BROKER, ClusterImage
from broker.metadata.snapshot import snapshot_records
from broker.wire.messages.allocate_producer_ids import AllocateProducerIdsRequest
from broker.wire.messages.metadata_records import (
    BrokerRegistrationChangeRecord,
    ConfigRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterControllerRecord,
    TopicRecord,
)
from broker.wire.schema import Message
from tests.metadata.council import Council


@pytest.fixture
def council() -> Council:
    """A cluster in which everything that an image can hold is there."""
    council = Council(3)
    council.create("orders", [[1, 2, 3]] * 10, min_isr=2)
    council.create("clicks", [[3, 1]], unclean=True)
    council.register(4, rack="A")
    council.silence(3)
    council.silence(2)
    council.heartbeat(1, want_shut_down=True)
    council.heartbeat(1, cordoned_log_dirs=[])
    plan = council.controller.plan()
    plan.add(
        [
            RegisterControllerRecord(controller_id=9),
            ConfigRecord(
                resource_type=CONFIG_BROKER, resource_name="1", name="max.connections", value="7"
            ),
            PartitionChangeRecord(
                topic_id=plan.image.topics["clicks"].topic_id,
                partition_id=0,
                adding_replicas=[2],
                removing_replicas=[3],
            ),
        ]
    )
    council.controller.submit(plan, council.now)
    body = AllocateProducerIdsRequest(broker_id=1, broker_epoch=council.epochs[1])
    council.controller.allocate_producer_ids(body, council.now)
    return council


def flat(image: ClusterImage, size: int = 1024) -> list[Message]:
    return [record for batch in snapshot_records(image, size) for record in batch]


def test_replayed_it_gives_the_same_image(council: Council) -> None:
    image = council.image
    assert image.topics["orders"].partitions[0].elr, "what the story is about is there"
    again = ClusterImage().replay(flat(image), image.offset, image.epoch)[0]
    for name in ("topics", "names", "controllers", "configs", "features", "next_producer_id"):
        assert getattr(again, name) == getattr(image, name), name
    for broker_id, broker in image.brokers.items():
        assert again.brokers[broker_id].record() == broker.record()
    assert flat(again) == flat(image)


def test_changes_become_states(council: Council) -> None:
    kinds = {type(record) for record in flat(council.image)}
    assert not kinds & {PartitionChangeRecord, BrokerRegistrationChangeRecord}


def test_kafkas_order(council: Council) -> None:
    names = [type(record).__name__ for record in flat(council.image)]
    assert list(dict.fromkeys(names)) == [
        "FeatureLevelRecord",
        "RegisterBrokerRecord",
        "RegisterControllerRecord",
        "TopicRecord",
        "PartitionRecord",
        "ConfigRecord",
        "ProducerIdsRecord",
    ]
    first = flat(council.image)[0]
    assert "metadata.version" in repr(first), "it says how to read the rest"
    topics = [r for r in flat(council.image) if isinstance(r, TopicRecord | PartitionRecord)]
    assert [type(r) for r in topics[:3]] == [TopicRecord, PartitionRecord, TopicRecord]


def test_it_comes_in_slices(council: Council) -> None:
    batches = list(snapshot_records(council.image, size=4))
    assert {len(batch) for batch in batches[:-1]} == {4}
    assert [record for batch in batches for record in batch] == flat(council.image)


def test_an_empty_image_is_an_empty_snapshot() -> None:
    assert list(snapshot_records(ClusterImage())) == []
