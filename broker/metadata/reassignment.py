"""Partitions are moved to other brokers, or a move is called off (KIP-455).

A move is asked for once and happens by itself: the new replicas are added, they fetch until they
are in sync, and with the AlterPartition that says so the old ones go (see `reassigned` for the
arithmetic, and `partition_change` for the completion).
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage, TopicImage
from broker.metadata.partition_change import Target, plan_change
from broker.metadata.plan import Plan
from broker.metadata.reassigned import reverted, towards
from broker.metadata.registrations import PartitionImage
from broker.metadata.topic_rules import topic_rules
from broker.metadata.topics import check_replicas
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from broker.wire.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from broker.wire.messages.metadata_records import PartitionChangeRecord


def plan_reassignments(
    plan: Plan, config: BrokerConfig, body: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    """Begin or call off the moves that are asked for; each partition stands on its own."""
    same_count = not body.allow_replication_factor_change
    topics = []
    for topic in body.topics:
        partitions = []
        for asked in topic.partitions:
            code, why = ErrorCode.NONE, None
            try:
                change = _reassign(plan.image, config, topic.name, asked, same_count)
                plan.add([change] if change is not None else [])
            except ApiError as error:
                code, why = error.code, error.message
            partitions.append(
                ReassignablePartitionResponse(
                    partition_index=asked.partition_index, error_code=code, error_message=why
                )
            )
        topics.append(ReassignableTopicResponse(name=topic.name, partitions=partitions))
    return AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=body.allow_replication_factor_change,
        error_message=None,
        responses=topics,
    )


def _reassign(
    image: ClusterImage,
    config: BrokerConfig,
    name: str,
    asked: ReassignablePartition,
    same_count: bool,
) -> PartitionChangeRecord | None:
    topic = image.topics.get(name)
    if topic is None:
        raise ApiError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find a topic named {name}."
        )
    partition = topic.partitions.find(asked.partition_index)
    if partition is None:
        raise ApiError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            f"Unable to find partition {name}:{asked.partition_index}.",
        )
    if asked.replicas is None:
        return _call_off(image, config, topic, partition)
    check_replicas(image, asked.replicas)
    if same_count:
        _check_count(partition, len(asked.replicas))
    way = towards(partition.replicas, asked.replicas)
    # What an earlier move was adding and this one wants as well is still to come into sync.
    adding = sorted({*way.adding, *partition.adding} & {*asked.replicas})
    target = Target(replicas=way.replicas, adding=adding, removing=way.removing)
    return plan_change(topic_rules(image, config, topic), partition, target)


def _call_off(
    image: ClusterImage, config: BrokerConfig, topic: TopicImage, partition: PartitionImage
) -> PartitionChangeRecord | None:
    if not partition.reassigning:
        raise ApiError(
            ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."
        )
    rules = topic_rules(image, config, topic)
    back = reverted(partition)
    if back.unclean and not rules.unclean:
        raise ApiError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"Unable to revert partition assignment for {topic.name}:{partition.index} because it"
            " would require an unclean leader election.",
        )
    target = Target(
        election=rules.election, isr=back.isr, replicas=back.replicas, adding=(), removing=()
    )
    return plan_change(rules, partition, target)


def _check_count(partition: PartitionImage, count: int) -> None:
    """For those who move partitions and want no more or fewer replicas (KIP-860)."""
    before = len({*partition.replicas, *partition.adding} - {*partition.removing})
    if before != count:
        raise ApiError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The replication factor is changed from {before} to {count}",
        )


def list_reassignments(
    image: ClusterImage, body: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    """The partitions that are on the move: all, or those that are asked for."""
    places: list[tuple[TopicImage, Iterable[int]]]
    if body.topics is None:
        places = [(topic, range(len(topic.partitions))) for topic in image.topics.values()]
    else:
        places = [
            (image.topics[asked.name], asked.partition_indexes)
            for asked in body.topics
            if asked.name in image.topics
        ]
    topics = []
    for topic, indexes in places:
        moving = [
            _ongoing(partition)
            for partition in map(topic.partitions.find, indexes)
            if partition is not None and partition.reassigning
        ]
        if moving:
            topics.append(OngoingTopicReassignment(name=topic.name, partitions=moving))
    return ListPartitionReassignmentsResponse(error_message=None, topics=topics)


def _ongoing(partition: PartitionImage) -> OngoingPartitionReassignment:
    return OngoingPartitionReassignment(
        partition_index=partition.index,
        replicas=list(partition.replicas),
        adding_replicas=list(partition.adding),
        removing_replicas=list(partition.removing),
    )
