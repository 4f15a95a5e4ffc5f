"""Decisions about topics: from what a client wishes to the records that make it so.

Each function looks at an image, refuses with an ApiError or returns records, and changes nothing
(Kafka's `ReplicationControlManager.createTopic`, `deleteTopics`). The order in a new topic's batch
is Kafka's as well: the topic, its settings, its partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.metadata.configs import BrokerConfig, validate_topic_config
from broker.metadata.image import CONFIG_TOPIC, ClusterImage
from broker.metadata.placement import Usable, place
from broker.metadata.topic_names import check_collision, check_topic_name
from broker.quorum.quorum import METADATA_TOPIC
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.create_partitions import CreatePartitionsTopic
from broker.wire.messages.metadata_records import (
    ConfigRecord,
    PartitionRecord,
    RemoveTopicRecord,
    TopicRecord,
)
from broker.wire.schema import Message

BROKER_DEFAULT = -1
"""Asked for as a count: as many as the broker's settings say (KIP-464)."""

PARTITIONS_MAX = 10_000
"""The most partitions one request may add (Kafka's MAX_PARTITIONS_PER_BATCH)."""


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A wish: a topic by counts, or by naming the brokers of each partition."""

    name: str
    partitions: int = BROKER_DEFAULT
    replication_factor: int = BROKER_DEFAULT
    assignments: Mapping[int, Sequence[int]] = field(default_factory=dict)
    configs: Mapping[str, str | None] = field(default_factory=dict)


def check_total(wishes: Iterable[NewTopic], defaults: BrokerConfig) -> None:
    """Raise POLICY_VIOLATION for more partitions than one request may create, all together."""
    total = 0
    for wish in wishes:
        by_default = wish.partitions == BROKER_DEFAULT
        asked = defaults.num_partitions if by_default else max(0, wish.partitions)
        total += len(wish.assignments) or asked
    if total > PARTITIONS_MAX:
        raise ApiError(
            ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request."
        )


def plan_topic(
    image: ClusterImage, defaults: BrokerConfig, wish: NewTopic, topic_id: bytes
) -> list[Message]:
    """The records that create a topic. Raises an ApiError that says why it cannot be."""
    check_topic_name(wish.name)
    if wish.name == METADATA_TOPIC:
        # A partition of it would move into the folder of the metadata log.
        raise ApiError(
            ErrorCode.INVALID_REQUEST, f"Creation of internal topic {wish.name} is prohibited."
        )
    if wish.name in image.topics:
        raise ApiError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{wish.name}' already exists.")
    check_collision(wish.name, image.topics)
    settings = _settings(wish)
    replicas = _assigned(image, wish) if wish.assignments else _placed(image, defaults, wish)
    records: list[Message] = [TopicRecord(name=wish.name, topic_id=topic_id)]
    records += [
        ConfigRecord(resource_type=CONFIG_TOPIC, resource_name=wish.name, name=name, value=value)
        for name, value in sorted(settings.items())
    ]
    records += _first_records(image, topic_id, 0, replicas)
    return records


def plan_more_partitions(image: ClusterImage, wish: CreatePartitionsTopic) -> list[Message]:
    """The records that give a topic more partitions. Raises an ApiError if that cannot be."""
    topic = image.topics.get(wish.name)
    if topic is None:
        raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    before = len(topic.partitions)
    if wish.count == before:
        raise ApiError(ErrorCode.INVALID_PARTITIONS, f"Topic already has {before} partition(s).")
    if wish.count < before:
        raise ApiError(
            ErrorCode.INVALID_PARTITIONS,
            f"The topic {wish.name} currently has {before} partition(s); {wish.count} would not be"
            " an increase.",
        )
    additional = wish.count - before
    if additional > PARTITIONS_MAX:
        raise ApiError(
            ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request."
        )
    copies = len(topic.partitions[0].replicas)
    if wish.assignments is None:
        replicas = place(_usable(image), additional, copies, start=len(image.topics) - 1 + before)
    else:
        replicas = [list(assignment.broker_ids) for assignment in wish.assignments]
        if len(replicas) != additional:
            raise _bad_assignment(
                f"Attempted to add {additional} additional partition(s), but only"
                f" {len(replicas)} assignment(s) were specified."
            )
        for index, brokers in enumerate(replicas, before):
            check_replicas(image, brokers, copies)
            _check_somebody_lives(image, brokers, index)
    return _first_records(image, topic.topic_id, before, replicas)


def plan_removal(image: ClusterImage, topic_id: bytes) -> list[Message]:
    """The record that deletes a topic; its partitions and settings go with it."""
    if topic_id not in image.names:
        raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
    return [RemoveTopicRecord(topic_id=topic_id)]


def _settings(wish: NewTopic) -> dict[str, str]:
    settings = {}
    for name, value in wish.configs.items():
        if value is None:
            raise ApiError(
                ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {name}"
            )
        validate_topic_config(name, value)
        settings[name] = value
    return settings


def _placed(image: ClusterImage, defaults: BrokerConfig, wish: NewTopic) -> list[list[int]]:
    if wish.replication_factor < BROKER_DEFAULT or wish.replication_factor == 0:
        raise ApiError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        )
    if wish.partitions < BROKER_DEFAULT or wish.partitions == 0:
        raise ApiError(
            ErrorCode.INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        )
    count = defaults.num_partitions if wish.partitions == BROKER_DEFAULT else wish.partitions
    copies = wish.replication_factor
    if copies == BROKER_DEFAULT:
        copies = defaults.default_replication_factor
    return place(_usable(image), count, copies, start=len(image.topics))


def _usable(image: ClusterImage) -> list[Usable]:
    """The brokers that may get replicas: those that stay, on a disk that takes them."""
    return [
        Usable(broker.broker_id, broker.rack, broker.fenced)
        for broker in image.brokers.values()
        if not broker.in_controlled_shutdown and not broker.all_cordoned
    ]


def _assigned(image: ClusterImage, wish: NewTopic) -> list[list[int]]:
    if wish.partitions != BROKER_DEFAULT or wish.replication_factor != BROKER_DEFAULT:
        raise ApiError(
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but the number of partitions or the "
            "replication factor was not set to -1.",
        )
    if sorted(wish.assignments) != list(range(len(wish.assignments))):
        raise _bad_assignment("partitions should be a consecutive 0-based integer sequence")
    replicas = [list(wish.assignments[index]) for index in range(len(wish.assignments))]
    for index, brokers in enumerate(replicas):
        check_replicas(image, brokers, copies=len(replicas[0]))
        _check_somebody_lives(image, brokers, index)
    return replicas


def check_replicas(image: ClusterImage, brokers: Sequence[int], copies: int | None = None) -> None:
    """Raise INVALID_REPLICA_ASSIGNMENT for replicas that somebody named and that cannot be."""
    if not brokers:
        raise _bad_assignment("The manual partition assignment includes an empty replica list.")
    twice = sorted(broker for broker in set(brokers) if brokers.count(broker) > 1)
    if twice:
        raise _bad_assignment(
            f"The manual partition assignment includes the broker {twice[0]} more than once."
        )
    if copies is not None and len(brokers) != copies:
        raise _bad_assignment(
            f"The manual partition assignment includes a partition with {len(brokers)} replica(s),"
            f" but this is not consistent with previous partitions, which have {copies} replica(s)."
        )
    for broker in brokers:
        if broker not in image.brokers:
            raise _bad_assignment(
                f"The manual partition assignment includes broker {broker}, but no such broker is"
                " registered."
            )


def _check_somebody_lives(image: ClusterImage, brokers: Sequence[int], index: int) -> None:
    if not any(map(image.is_active, brokers)):
        raise _bad_assignment(
            f"All brokers specified in the manual partition assignment for partition {index} are"
            " fenced or in controlled shutdown."
        )


def _bad_assignment(why: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, why)


def _first_records(
    image: ClusterImage, topic_id: bytes, first: int, replicas: Sequence[Sequence[int]]
) -> list[Message]:
    """Partitions in their first state: led by the first replica that lives, in epoch 0."""
    directories = {i: broker.default_directory() for i, broker in image.brokers.items()}
    active = {i for i, broker in image.brokers.items() if broker.active}
    records: list[Message] = []
    for index, brokers in enumerate(replicas, first):
        live = [broker for broker in brokers if broker in active]
        records.append(
            PartitionRecord(
                partition_id=index,
                topic_id=topic_id,
                replicas=list(brokers),
                isr=live,
                removing_replicas=[],
                adding_replicas=[],
                leader=live[0],
                leader_epoch=0,
                partition_epoch=0,
                directories=[directories[broker] for broker in brokers],
            )
        )
    return records
