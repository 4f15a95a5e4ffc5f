"""DescribeTopicPartitions (75): topics and their partitions, a page at a time (KIP-966).

Topics come in the order of their names, and a page ends at a partition: the cursor in the answer
says which one the next request should begin with. Besides what Metadata tells there are the
eligible leader replicas, out of sync and still safe to elect, and those who were last.

Kafka's `DescribeTopicPartitionsRequestHandler`; max.request.partition.size.limit bounds each page.
"""

from __future__ import annotations

from broker.api.authorized import TOPIC_OPERATIONS
from broker.api.context import Broker
from broker.api.topics_told import INTERNAL_TOPICS, Standing
from broker.events import Now, RequestArrived
from broker.metadata.image import ClusterImage, PartitionImage, TopicImage
from broker.metadata.topic_names import is_legal_topic_name
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)

PAGE_PARTITIONS_MAX = 2_000
"""The most partitions of a page (the default of max.request.partition.size.limit)."""


def handle(
    broker: Broker, request: RequestArrived, body: DescribeTopicPartitionsRequest, now: Now
) -> DescribeTopicPartitionsResponse:
    """One page of partitions, from the cursor on."""
    room = max(min(PAGE_PARTITIONS_MAX, body.response_partition_limit), 1)
    topics: list[DescribeTopicPartitionsResponseTopic] = []
    next_cursor = None
    standing = Standing.of(broker.image)
    for name in _names(broker.image, body):
        if room == 0:
            next_cursor = Cursor(topic_name=name, partition_index=0)
            break
        topic = broker.image.topics.get(name)
        if topic is None:
            topics.append(_unknown(name))
            continue
        cursor = body.cursor
        first = cursor.partition_index if cursor and cursor.topic_name == name else 0
        page = topic.partitions[first : first + room]
        topics.append(_known(standing, topic, page))
        room -= len(page)
        if first + len(page) < len(topic.partitions):
            next_cursor = Cursor(topic_name=name, partition_index=first + len(page))
            break
    return DescribeTopicPartitionsResponse(topics=topics, next_cursor=next_cursor)


def _names(image: ClusterImage, body: DescribeTopicPartitionsRequest) -> list[str]:
    """The topics that are asked for, or all, in order, without those before the cursor."""
    named = {topic.name for topic in body.topics} or image.topics
    if body.cursor is None:
        return sorted(named)
    start = body.cursor.topic_name
    if body.topics and start not in named:
        raise ApiError(
            ErrorCode.INVALID_REQUEST,
            f"DescribeTopicPartitionsRequest topic list should contain the cursor topic: {start}",
        )
    if body.cursor.partition_index < 0:
        raise ApiError(
            ErrorCode.INVALID_REQUEST,
            f"DescribeTopicPartitionsRequest cursor partition must be valid: {body.cursor}",
        )
    return sorted(name for name in named if name >= start)


def _unknown(name: str) -> DescribeTopicPartitionsResponseTopic:
    legal = is_legal_topic_name(name)
    return DescribeTopicPartitionsResponseTopic(
        error_code=(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if legal else ErrorCode.INVALID_TOPIC_EXCEPTION
        ),
        name=name,
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _known(
    standing: Standing, topic: TopicImage, page: tuple[PartitionImage, ...]
) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=[
            DescribeTopicPartitionsResponsePartition(
                partition_index=partition.index,
                leader_id=standing.leader(partition),
                leader_epoch=partition.leader_epoch,
                replica_nodes=list(partition.replicas),
                isr_nodes=list(partition.isr),
                eligible_leader_replicas=list(partition.elr),
                last_known_elr=list(partition.last_known_elr),
                offline_replicas=standing.offline(partition),
            )
            for partition in page
        ],
        topic_authorized_operations=TOPIC_OPERATIONS,
    )
