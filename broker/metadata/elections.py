"""Elections: what becomes of many partitions when one broker comes, goes, or was asked for.

Each function here goes through partitions of the latest image and returns the records that change
them, most often none. Which partitions have a broker in their ISR is not kept in an index, as Kafka
does (`BrokersToIsrs`): to look through ten thousand partitions takes a millisecond or two, and what
follows for those that are concerned takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from broker.metadata.configs import BrokerConfig
from broker.metadata.features import elr_enabled
from broker.metadata.image import ClusterImage, TopicImage
from broker.metadata.partition_change import Election, Rules, Target, plan_change
from broker.metadata.registrations import NO_LEADER, PartitionImage
from broker.metadata.topic_rules import topic_rules
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.elect_leaders import (
    PREFERRED,
    UNCLEAN,
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from broker.wire.messages.metadata_records import PartitionChangeRecord
from broker.wire.schema import Message

Concerned = Callable[[PartitionImage], bool]


def without_broker(
    image: ClusterImage, config: BrokerConfig, broker_id: int, most: int | None = None
) -> list[Message]:
    """A broker is fenced, or about to stop: it leaves every ISR, and leads nothing any more.

    At most `most` partitions at a time, if that is given; whoever asks goes on later.
    """
    changes = _changes(
        image, config, lambda partition: broker_id in partition.isr, leaving=broker_id
    )
    return _first(changes, most)


def without_directories(
    image: ClusterImage, config: BrokerConfig, broker_id: int, offline: Sequence[bytes]
) -> list[Message]:
    """Some of a broker's disks have failed: it leaves the ISRs of what lay on them."""

    def concerned(partition: PartitionImage) -> bool:
        return broker_id in partition.isr and partition.directory(broker_id) in offline

    return list(_changes(image, config, concerned, leaving=broker_id))


def without_registration(
    image: ClusterImage, config: BrokerConfig, broker_id: int
) -> list[Message]:
    """A broker is unregistered: it is neither in sync nor eligible any more."""
    return list(
        _changes(image, config, _in_sync_or_eligible(broker_id), leaving=broker_id, lost=broker_id)
    )


def after_restart(
    image: ClusterImage, config: BrokerConfig, broker_id: int, clean: bool
) -> list[Message]:
    """A broker is back, in a new life. After an unclean end it may lack what its disk had not yet
    made durable, so it is neither in sync nor eligible (KIP-966, "last replica standing")."""
    if clean or not elr_enabled(image):
        return without_broker(image, config, broker_id)
    return list(_changes(image, config, _in_sync_or_eligible(broker_id), lost=broker_id))


def in_new_directory(
    image: ClusterImage, config: BrokerConfig, broker_id: int, directory: bytes
) -> list[Message]:
    """A broker came back with another disk, the only one it has: its replicas are there now.

    Kafka's brokers say so themselves, partition by partition (AssignReplicasToDirs, KIP-858); with
    one directory a broker there is nothing to say that its registration has not said.
    """
    records: list[Message] = []
    for topic in image.topics.values():
        for partition in topic.partitions:
            if broker_id in partition.replicas and partition.directory(broker_id) != directory:
                rules = topic_rules(image, config, topic)
                target = Target(directories={broker_id: directory})
                change = plan_change(rules, partition, target)
                records += [change] if change is not None else []
    return records


def _in_sync_or_eligible(broker_id: int) -> Concerned:
    return lambda partition: broker_id in partition.isr or broker_id in partition.elr


def for_leaderless(
    image: ClusterImage, config: BrokerConfig, most: int | None = None
) -> list[Message]:
    """A broker is there again: perhaps it can lead what nobody leads."""
    changes = _changes(image, config, lambda partition: partition.leader == NO_LEADER)
    return _first(changes, most)


def for_imbalanced(image: ClusterImage, config: BrokerConfig, most: int) -> list[Message]:
    """The preferred leaders of partitions that others lead, at most so many at a time."""
    changes = _changes(
        image,
        config,
        lambda partition: partition.leader != partition.replicas[0],
        election=Election.PREFERRED,
    )
    return _first(changes, most)


def leads_any(image: ClusterImage, broker_id: int) -> bool:
    """Whether a broker leads a partition."""
    return any(
        partition.leader == broker_id
        for topic in image.topics.values()
        for partition in topic.partitions
    )


def _changes(
    image: ClusterImage,
    config: BrokerConfig,
    concerned: Concerned,
    *,
    leaving: int = NO_LEADER,
    lost: int = NO_LEADER,
    election: Election | None = None,
) -> Iterator[PartitionChangeRecord]:
    """The changes of all partitions that are concerned."""
    for topic in image.topics.values():
        rules: Rules | None = None
        for partition in topic.partitions:
            if not concerned(partition):
                continue
            if rules is None:
                rules = topic_rules(image, config, topic, leaving=leaving, lost=lost)
            isr = tuple(one for one in partition.isr if one not in (leaving, lost))
            target = Target(election=election or rules.election, isr=isr)
            change = plan_change(rules, partition, target)
            if change is not None:
                yield change


def _first(changes: Iterator[PartitionChangeRecord], most: int | None) -> list[Message]:
    if most is None:
        return list(changes)
    return [change for change, _ in zip(changes, range(most), strict=False)]


# -- by request -----------------------------------------------------------------------------------


def elect_leaders(
    image: ClusterImage, config: BrokerConfig, body: ElectLeadersRequest
) -> tuple[ElectLeadersResponse, list[Message]]:
    """Hold the elections that ElectLeaders asks for, each on its own."""
    if body.election_type not in (PREFERRED, UNCLEAN):
        raise ApiError(ErrorCode.INVALID_REQUEST, f"Unknown election type {body.election_type}")
    records: list[Message] = []
    asked = body.topic_partitions
    places = (
        [(name, list(range(len(topic.partitions)))) for name, topic in image.topics.items()]
        if asked is None
        else [(one.topic, one.partitions) for one in asked]
    )
    results = []
    for name, indexes in places:
        topic = image.topics.get(name)
        rules = None if topic is None else topic_rules(image, config, topic)
        partitions = []
        for index in indexes:
            code, why = _elect(rules, topic, name, index, body.election_type, records)
            # Who asks for all partitions does not want to hear of those that are well.
            if asked is not None or code is not ErrorCode.ELECTION_NOT_NEEDED:
                partitions.append(
                    PartitionResult(partition_id=index, error_code=code, error_message=why)
                )
        results.append(ReplicaElectionResult(topic=name, partition_result=partitions))
    return ElectLeadersResponse(replica_election_results=results), records


def _elect(
    rules: Rules | None,
    topic: TopicImage | None,
    name: str,
    index: int,
    kind: int,
    records: list[Message],
) -> tuple[ErrorCode, str | None]:
    if topic is None or rules is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such topic as {name}"
    partition = topic.partitions.find(index)
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such partition as {name}-{index}"
    led = partition.leader != NO_LEADER
    if led and (kind == UNCLEAN or partition.leader == partition.replicas[0]):
        return ErrorCode.ELECTION_NOT_NEEDED, ErrorCode.ELECTION_NOT_NEEDED.text
    election = Election.UNCLEAN if kind == UNCLEAN else Election.PREFERRED
    change = plan_change(rules, partition, Target(election=election))
    if change is None:
        missing = (
            ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
            if kind == PREFERRED
            else ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
        )
        return missing, missing.text
    records.append(change)
    return ErrorCode.NONE, None
