"""An image as records again: what a snapshot of the metadata log holds (Kafka's `ImageWriter`).

Replayed into an empty image they give the same image. metadata.version comes first, because it says
how to read the rest; then brokers, controllers, topics each with its partitions, settings, and the
next producer id.

It is a generator of small batches, so that who writes a snapshot can do so between requests: the
image does not change, however long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.metadata.features import METADATA_VERSION
from broker.metadata.image import ClusterImage
from broker.wire.messages.metadata_records import (
    ConfigRecord,
    FeatureLevelRecord,
    ProducerIdsRecord,
    TopicRecord,
)
from broker.wire.schema import Message

BATCH = 1024
"""Records in a batch (Kafka's `SnapshotGenerator`)."""


def snapshot_records(image: ClusterImage, size: int = BATCH) -> Iterator[list[Message]]:
    """The records of an image, in batches of `size`."""
    batch: list[Message] = []
    for record in _records(image):
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _records(image: ClusterImage) -> Iterator[Message]:
    yield from _features(image)
    for broker in image.brokers.values():
        yield broker.record()
    for controller in image.controllers.values():
        yield controller.record
    for topic in image.topics.values():
        yield TopicRecord(name=topic.name, topic_id=topic.topic_id)
        for partition in topic.partitions:
            yield partition.record(topic.topic_id)
    for (kind, resource), settings in image.configs.items():
        for name, value in sorted(settings.items()):
            yield ConfigRecord(resource_type=kind, resource_name=resource, name=name, value=value)
    if image.next_producer_id:
        yield ProducerIdsRecord(
            broker_id=-1, broker_epoch=-1, next_producer_id=image.next_producer_id
        )


def _features(image: ClusterImage) -> Iterator[Message]:
    if METADATA_VERSION in image.features:
        yield FeatureLevelRecord(
            name=METADATA_VERSION, feature_level=image.features[METADATA_VERSION]
        )
    for name, level in image.features.items():
        if name != METADATA_VERSION:
            yield FeatureLevelRecord(name=name, feature_level=level)
