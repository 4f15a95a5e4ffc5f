"""What clients are told about partitions, in Metadata and in DescribeTopicPartitions.

What is told is the image, as this broker has applied it (Kafka's `KRaftMetadataCache`). A partition
whose leader is not registered has none, for nobody could be sent there. A fenced leader is told
all the same: the controller is about to elect another one, and until then there is no better news.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from broker.metadata.image import ClusterImage, PartitionImage

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
NOBODY = -1


class Standing(NamedTuple):
    """Who is there. Found once for an answer, which may be about thousands of partitions."""

    registered: frozenset[int]
    live: frozenset[int]
    """Registered and not fenced: clients may talk to them."""

    @classmethod
    def of(cls, image: ClusterImage) -> Standing:
        """The brokers of an image."""
        live = frozenset(broker.broker_id for broker in image.live_brokers())
        return cls(frozenset(image.brokers), live)

    def leader(self, partition: PartitionImage) -> int:
        """The partition's leader, if it can be found; -1 otherwise."""
        return partition.leader if partition.leader in self.registered else NOBODY

    def offline(self, partition: PartitionImage) -> list[int]:
        """The replicas on brokers that are gone, or fenced."""
        live = self.live
        return [broker for broker in partition.replicas if broker not in live]

    def live_only(self, brokers: Iterable[int]) -> list[int]:
        """Those of the brokers that clients may talk to."""
        return [broker for broker in brokers if broker in self.live]
