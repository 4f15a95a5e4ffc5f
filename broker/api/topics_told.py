"""What clients are told about partitions, in Metadata and in DescribeTopicPartitions.

What is told is the image, as this broker has applied it (Kafka's `KRaftMetadataCache`). A partition
whose leader is not registered has none, for nobody could be sent there. A fenced leader is told
all the same: the controller is about to elect another one, and until then there is no better news.
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.metadata.image import ClusterImage, PartitionImage

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
NOBODY = -1


def leader_told(image: ClusterImage, partition: PartitionImage) -> int:
    """The partition's leader, if it can be found; -1 otherwise."""
    return partition.leader if partition.leader in image.brokers else NOBODY


def offline_replicas(image: ClusterImage, partition: PartitionImage) -> list[int]:
    """The replicas on brokers that are gone, or fenced."""
    return [broker for broker in partition.replicas if not is_live(image, broker)]


def live_only(image: ClusterImage, brokers: Iterable[int]) -> list[int]:
    """Those of the brokers that clients may talk to."""
    return [broker for broker in brokers if is_live(image, broker)]


def is_live(image: ClusterImage, broker: int) -> bool:
    """Whether a broker is registered and not fenced."""
    registered = image.brokers.get(broker)
    return registered is not None and not registered.fenced
