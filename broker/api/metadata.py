"""Metadata (3): who leads which partition, and where the brokers are. Clients ask it all the time.

    0   topics null is not possible yet: an empty list means all topics
    1   null means all, empty means none      10   topic ids (KIP-516); 12: asked by id
    4   whether topics may be created         11   no more cluster operations (KIP-700)
    8   authorized operations (KIP-430)       13   a top-level error (KIP-1102)

Asking for a topic that is not there creates it, if the client and auto.create.topics.enable allow
it. Kafka answers UNKNOWN_TOPIC_OR_PARTITION then, and the client asks again until the topic exists;
we keep the request for the moment until the topic is committed, and answer once. The controller
creates it, wherever it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from broker.api.authorized import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from broker.api.context import Broker
from broker.api.topics_told import INTERNAL_TOPICS, NOBODY, Standing
from broker.api.waiters import NEWS_MAX_WAIT_US, NewsKey, NewsWaiter
from broker.events import Now, RequestArrived
from broker.metadata.image import PartitionImage, TopicImage
from broker.metadata.topic_names import is_legal_topic_name
from broker.wire.errors import ErrorCode
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from broker.wire.primitives import ZERO_UUID


def handle(
    broker: Broker, request: RequestArrived, body: MetadataRequest, now: Now
) -> MetadataResponse | None:
    """Answer with what there is, unless topics are to be created first."""
    if body.allow_auto_topic_creation and broker.config.auto_create_topics_enable:
        missing = _missing(broker, body.topics or [])
        if missing:
            _create(broker, request, missing, now)
            return None
    return answer(broker, request, body, now)


def answer(
    broker: Broker,
    request: RequestArrived,
    body: MetadataRequest,
    now: Now,
    impossible: Collection[NewsKey] = (),
) -> MetadataResponse:
    """The brokers, and the topics that were asked for. Who asked for what cannot be created for
    want of brokers is told so: else it would ask for ever."""
    everything = body.topics is None or (request.api_version == 0 and not body.topics)
    standing = Standing.of(broker.image, broker.replicas.fetchers.gone(now))
    if everything:
        topics = [
            _known(standing, topic, body, request.api_version)
            for _, topic in sorted(broker.image.topics.items())
        ]
    else:
        once = {(topic.topic_id, topic.name): topic for topic in body.topics or []}
        topics = [
            _asked(broker, standing, topic, body, request.api_version) for topic in once.values()
        ]
        for at, told in enumerate(topics):
            if ("topic", told.name) in impossible:
                topics[at] = told.replace(error_code=ErrorCode.INVALID_REPLICATION_FACTOR)
    asked = body.include_cluster_authorized_operations
    return MetadataResponse(
        brokers=[
            MetadataResponseBroker(
                node_id=each.broker_id, host=each.host, port=each.port, rack=each.rack
            )
            for each in broker.image.brokers.values()
            if each.broker_id in standing.named
        ],
        cluster_id=broker.cluster_id,
        controller_id=broker.controller_id,
        topics=topics,
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )


# -- creating what is asked for -------------------------------------------------------------------


def _missing(broker: Broker, topics: Iterable[MetadataRequestTopic]) -> list[str]:
    """Topics that are asked for by name, may be created, and are not there."""
    names = dict.fromkeys(topic.name for topic in topics if topic.topic_id == ZERO_UUID)
    return [
        name
        for name in names
        if name is not None and name not in broker.image.topics and is_legal_topic_name(name)
    ]


def _create(broker: Broker, request: RequestArrived, names: list[str], now: Now) -> None:
    """Have them created with the controller's defaults, and answer when they are there.

    What cannot be stays missing, and the answer will say so.
    """
    keys: dict[NewsKey, None] = {("topic", name): None for name in names}
    new = [name for name in names if not broker.news.at(("topic", name))]
    waiter = NewsWaiter(request.connection, request, keys)
    broker.news.enter(waiter, keys, now.mono_us + NEWS_MAX_WAIT_US)
    if new:
        broker.forwarder.create_topics(new, now)


# -- telling what there is ------------------------------------------------------------------------


def _asked(
    broker: Broker,
    standing: Standing,
    asked: MetadataRequestTopic,
    body: MetadataRequest,
    version: int,
) -> MetadataResponseTopic:
    if asked.topic_id != ZERO_UUID:
        by_id = broker.image.topic_by_id(asked.topic_id)
        if by_id is None:
            return _unknown(asked.name, asked.topic_id, ErrorCode.UNKNOWN_TOPIC_ID)
        return _known(standing, by_id, body, version)
    name = asked.name or ""
    topic = broker.image.topics.get(name)
    if topic is not None:
        return _known(standing, topic, body, version)
    legal = is_legal_topic_name(name)
    return _unknown(
        name,
        ZERO_UUID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if legal else ErrorCode.INVALID_TOPIC_EXCEPTION,
    )


def _unknown(name: str | None, topic_id: bytes, code: ErrorCode) -> MetadataResponseTopic:
    return MetadataResponseTopic(error_code=code, name=name, topic_id=topic_id)


def _known(
    standing: Standing, topic: TopicImage, body: MetadataRequest, version: int
) -> MetadataResponseTopic:
    asked = body.include_topic_authorized_operations
    tell = _partition if version > 0 else _partition_in_version_0
    return MetadataResponseTopic(
        error_code=ErrorCode.NONE,
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=[tell(standing, partition) for partition in topic.partitions],
        topic_authorized_operations=TOPIC_OPERATIONS if asked else NOT_ASKED,
    )


def _partition(standing: Standing, partition: PartitionImage) -> MetadataResponsePartition:
    leader = standing.leader(partition)
    return MetadataResponsePartition(
        error_code=ErrorCode.LEADER_NOT_AVAILABLE if leader == NOBODY else ErrorCode.NONE,
        partition_index=partition.index,
        leader_id=leader,
        leader_epoch=partition.leader_epoch,
        replica_nodes=list(partition.replicas),
        isr_nodes=list(partition.isr),
        offline_replicas=standing.offline(partition),
    )


def _partition_in_version_0(
    standing: Standing, partition: PartitionImage
) -> MetadataResponsePartition:
    """The oldest clients break over a replica that is not among the brokers: it is left out."""
    told = _partition(standing, partition)
    replicas, isr = standing.live_only(partition.replicas), standing.live_only(partition.isr)
    missing = len(replicas) < len(partition.replicas) or len(isr) < len(partition.isr)
    code = ErrorCode.REPLICA_NOT_AVAILABLE if missing else ErrorCode.NONE
    return told.replace(error_code=told.error_code or code, replica_nodes=replicas, isr_nodes=isr)
