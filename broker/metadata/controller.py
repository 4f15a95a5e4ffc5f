"""The controller: the one place where the cluster decides about itself.

    plan = controller.plan()                  # start from everything decided so far
    plan.add(plan_topic(plan.image, ...))     # each decision sees those before it
    offset = controller.submit(plan, now)     # appended; it counts when committed up to `offset`

A decision is a list of records. The controller works on the *latest* image, which already holds
what was appended and is not committed yet: two requests in a row for the same topic name must not
both succeed only because the disk is slow. What others see and act on is the committed image; so
answers wait until the high watermark of the metadata log has passed the decision's offset
(Kafka's `QuorumController`, with its purgatory of deferred events).
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.events import Now
from broker.metadata.image import NO_LEADER, ClusterImage
from broker.quorum.quorum import Quorum
from broker.wire.messages.metadata_records import (
    BeginTransactionRecord,
    BrokerEndpoint,
    BrokerFeature,
    BrokerRegistrationChangeRecord,
    EndTransactionRecord,
    FeatureLevelRecord,
    PartitionChangeRecord,
    ProducerIdsRecord,
    RegisterBrokerRecord,
)
from broker.wire.schema import Message

METADATA_VERSION = "metadata.version"
METADATA_VERSIONS = (7, 30)
"""The levels of metadata.version that this broker can work with: Kafka 3.3 to 4.3."""

PRODUCER_ID_BLOCK = 1000
"""Producer ids are handed to brokers in blocks (KIP-730), so that most requests need no record."""

UNFENCE = -1


class Plan:
    """Decisions that will be appended together, and the image as it will be after them."""

    def __init__(self, image: ClusterImage) -> None:
        self.image = image
        self.records: list[Message] = []

    def add(self, records: Sequence[Message]) -> None:
        """Take a decision into the plan."""
        self.image, _ = self.image.replay(records)
        self.records += records


class Controller:
    """The active controller, which is the leader of the metadata quorum."""

    def __init__(self, quorum: Quorum, committed: ClusterImage) -> None:
        self.quorum = quorum
        self.latest = committed

    def plan(self) -> Plan:
        """A fresh plan on top of everything decided so far."""
        return Plan(self.latest)

    def submit(self, plan: Plan, now: Now) -> int:
        """Append a plan's records; they are committed once the high watermark reaches the result.

        An empty plan waits for what was there before it: an answer never runs ahead of a decision
        that it was based on.
        """
        offset = self.quorum.append(plan.records, now)
        self.latest = plan.image
        return offset

    def activate(self, now: Now) -> None:
        """Begin to decide. The first controller of a new cluster writes down its features."""
        if self.latest.features:
            return
        plan = self.plan()
        plan.add(
            [
                BeginTransactionRecord(name="Bootstrap records"),
                FeatureLevelRecord(name=METADATA_VERSION, feature_level=METADATA_VERSIONS[1]),
                EndTransactionRecord(),
            ]
        )
        self.submit(plan, now)

    def register_broker(
        self,
        now: Now,
        *,
        broker_id: int,
        incarnation_id: bytes,
        directory_id: bytes,
        endpoint: tuple[str, str, int],
        rack: str | None = None,
    ) -> int:
        """Take a broker into the cluster, fenced for now. Returns its broker epoch.

        The epoch is the offset of the registration: each life of a broker has another one.
        """
        epoch = self.quorum.log.log_end_offset
        name, host, port = endpoint
        plan = self.plan()
        plan.add(
            [
                RegisterBrokerRecord(
                    broker_id=broker_id,
                    incarnation_id=incarnation_id,
                    broker_epoch=epoch,
                    end_points=[BrokerEndpoint(name=name, host=host, port=port)],
                    features=[
                        BrokerFeature(
                            name=METADATA_VERSION,
                            min_supported_version=METADATA_VERSIONS[0],
                            max_supported_version=METADATA_VERSIONS[1],
                        )
                    ],
                    rack=rack,
                    fenced=True,
                    log_dirs=[directory_id],
                )
            ]
        )
        self.submit(plan, now)
        return epoch

    def unfence_broker(self, now: Now, broker_id: int, epoch: int) -> int:
        """A broker has caught up with the metadata and its logs: it may serve.

        It takes the lead of what it is the last replica of, in a new leader epoch each: a broker
        that lost power may have lost the end of its log, and the epoch tells the lives apart.
        """
        plan = self.plan()
        plan.add(
            [
                BrokerRegistrationChangeRecord(
                    broker_id=broker_id, broker_epoch=epoch, fenced=UNFENCE
                )
            ]
        )
        plan.add(_elections(plan.image, broker_id))
        return self.submit(plan, now)

    def allocate_producer_ids(self, now: Now, broker_id: int, broker_epoch: int) -> range:
        """A block of producer ids that nobody else will ever get. Usable once it is committed."""
        first = self.latest.next_producer_id
        block = range(first, first + PRODUCER_ID_BLOCK)
        plan = self.plan()
        plan.add(
            [
                ProducerIdsRecord(
                    broker_id=broker_id, broker_epoch=broker_epoch, next_producer_id=block.stop
                )
            ]
        )
        self.submit(plan, now)
        return block


def _elections(image: ClusterImage, broker_id: int) -> list[Message]:
    """Elections of a broker that came back, where nobody else leads."""
    return [
        PartitionChangeRecord(
            partition_id=partition.index, topic_id=topic.topic_id, leader=broker_id
        )
        for topic in image.topics.values()
        for partition in topic.partitions
        if partition.leader in (NO_LEADER, broker_id) and broker_id in partition.isr
    ]
