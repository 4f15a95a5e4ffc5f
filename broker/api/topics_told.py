"""What clients are told about partitions, in Metadata and in DescribeTopicPartitions.

What is told is the image, as this broker has applied it (Kafka's `KRaftMetadataCache`). A partition
whose leader is not registered has none, for nobody could be sent there. A fenced leader is told
all the same: the controller is about to elect another one, and until then there is no better news.

There is where this broker follows a leader itself, and has just seen it die: clients that ask are
told that there is none, and soon ask again (`broker.replication.contact`). Such a broker is still
named among the brokers for that moment, even if it is fenced by then: librdkafka (2.16) loses a
second if the answer that names a new leader is the one from which the old one is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from broker.metadata.image import ClusterImage, PartitionImage

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
NOBODY = -1


class Standing(NamedTuple):
    """Who is there. Found once for an answer, which may be about thousands of partitions."""

    reachable: frozenset[int]
    """Registered, and not seen to die a moment ago."""
    live: frozenset[int]
    """Registered and not fenced: clients may talk to them."""
    named: frozenset[int]
    """Whom clients are told of."""

    @classmethod
    def of(cls, image: ClusterImage, gone: frozenset[int] = frozenset()) -> Standing:
        """The brokers of an image, and who of them was seen to die since."""
        live = frozenset(broker.broker_id for broker in image.live_brokers())
        registered = frozenset(image.brokers)
        return cls(registered - gone, live, live | (gone & registered))

    def leader(self, partition: PartitionImage) -> int:
        """The partition's leader, if it can be found; -1 otherwise."""
        return partition.leader if partition.leader in self.reachable else NOBODY

    def offline(self, partition: PartitionImage) -> list[int]:
        """The replicas on brokers that are gone, or fenced."""
        live = self.live
        return [broker for broker in partition.replicas if broker not in live]

    def live_only(self, brokers: Iterable[int]) -> list[int]:
        """Those of the brokers that clients may talk to."""
        return [broker for broker in brokers if broker in self.live]
