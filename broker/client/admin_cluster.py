"""What an administrator can ask about a cluster of several brokers: where partitions are, who leads
them, and how the quorum is that decides about it. (`admin_calls` says what a call is.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from broker.client.admin_calls import Call, Keys, Results, Target, result
from broker.client.admin_types import (
    EVERYTHING,
    QUORUM,
    DescribedQuorum,
    OngoingReassignment,
    QuorumReplica,
)
from broker.client.cluster_view import TopicPartition
from broker.client.outcomes import Result
from broker.wire.messages import alter_partition_reassignments as reassign
from broker.wire.messages import create_partitions as create
from broker.wire.messages import describe_quorum, elect_leaders
from broker.wire.messages import list_partition_reassignments as ongoing
from broker.wire.schema import Message

METADATA_TOPIC = "__cluster_metadata"


@dataclass(slots=True)
class CreatePartitions(Call):
    """Give topics more partitions. Value: None."""

    counts: Mapping[str, int]
    assignments: Mapping[str, Sequence[Sequence[int]]]
    """For topics whose new partitions shall be on these brokers: a list for each new one."""
    validate_only: bool
    api: ClassVar[type[Message]] = create.CreatePartitionsRequest
    keys: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = tuple(self.counts)

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        topics = [
            create.CreatePartitionsTopic(name=name, count=count, assignments=self._assigned(name))
            for name, count in self.counts.items()
            if name in keys
        ]
        return create.CreatePartitionsRequest(
            topics=topics, timeout_ms=timeout_ms, validate_only=self.validate_only
        )

    def _assigned(self, name: str) -> list[create.CreatePartitionsAssignment] | None:
        chosen = self.assignments.get(name)
        if chosen is None:
            return None
        return [create.CreatePartitionsAssignment(broker_ids=list(ids)) for ids in chosen]

    def results(self, response: Message) -> Results:
        assert isinstance(response, create.CreatePartitionsResponse)
        for topic in response.results:
            yield topic.name, result(topic.error_code, topic.error_message)


@dataclass(slots=True)
class ElectLeaders(Call):
    """Elect the preferred leaders, or uncleanly. Value: None."""

    election_type: int
    keys: tuple[object, ...]
    """Partitions; or `EVERYTHING` alone, whose results are the partitions that were elected for."""
    api: ClassVar[type[Message]] = elect_leaders.ElectLeadersRequest

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        named = None
        if EVERYTHING not in keys:
            named = [
                elect_leaders.TopicPartitions(topic=topic, partitions=partitions)
                for topic, partitions in _by_topic(keys).items()
            ]
        return elect_leaders.ElectLeadersRequest(
            election_type=self.election_type, topic_partitions=named, timeout_ms=timeout_ms
        )

    def results(self, response: Message) -> Results:
        assert isinstance(response, elect_leaders.ElectLeadersResponse)
        whole = result(response.error_code, None)
        yield EVERYTHING, whole
        if not whole.ok:
            yield from ((key, whole) for key in self.keys)
            return
        for topic in response.replica_election_results:
            for p in topic.partition_result:
                where = TopicPartition(topic.topic, p.partition_id)
                yield where, result(p.error_code, p.error_message)


@dataclass(slots=True)
class AlterPartitionReassignments(Call):
    """Move partitions, or call a move off (None). Value: None."""

    replicas: Mapping[TopicPartition, Sequence[int] | None]
    api: ClassVar[type[Message]] = reassign.AlterPartitionReassignmentsRequest
    keys: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = tuple(self.replicas)

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        topics = [
            reassign.ReassignableTopic(
                name=topic, partitions=[self._partition(topic, index) for index in indexes]
            )
            for topic, indexes in _by_topic(keys).items()
        ]
        return reassign.AlterPartitionReassignmentsRequest(timeout_ms=timeout_ms, topics=topics)

    def _partition(self, topic: str, index: int) -> reassign.ReassignablePartition:
        wanted = self.replicas[TopicPartition(topic, index)]
        replicas = None if wanted is None else list(wanted)
        return reassign.ReassignablePartition(partition_index=index, replicas=replicas)

    def results(self, response: Message) -> Results:
        assert isinstance(response, reassign.AlterPartitionReassignmentsResponse)
        whole = result(response.error_code, response.error_message)
        if not whole.ok:
            yield from ((key, whole) for key in self.keys)
            return
        for topic in response.responses:
            for p in topic.partitions:
                where = TopicPartition(topic.name, p.partition_index)
                yield where, result(p.error_code, p.error_message)


@dataclass(slots=True)
class ListPartitionReassignments(Call):
    """Which partitions are on the move? Value: OngoingReassignment, for each that is."""

    keys: tuple[object, ...] = (EVERYTHING,)
    api: ClassVar[type[Message]] = ongoing.ListPartitionReassignmentsRequest

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        return ongoing.ListPartitionReassignmentsRequest(timeout_ms=timeout_ms)

    def results(self, response: Message) -> Results:
        assert isinstance(response, ongoing.ListPartitionReassignmentsResponse)
        yield EVERYTHING, result(response.error_code, response.error_message)
        for topic in response.topics:
            for p in topic.partitions:
                move = OngoingReassignment(
                    tuple(p.replicas), tuple(p.adding_replicas), tuple(p.removing_replicas)
                )
                yield TopicPartition(topic.name, p.partition_index), Result(value=move)


@dataclass(slots=True)
class DescribeQuorum(Call):
    """How is the metadata quorum? Value: DescribedQuorum."""

    keys: tuple[object, ...] = (QUORUM,)
    api: ClassVar[type[Message]] = describe_quorum.DescribeQuorumRequest

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        partition = describe_quorum.PartitionData(partition_index=0)
        topic = describe_quorum.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        return describe_quorum.DescribeQuorumRequest(topics=[topic])

    def results(self, response: Message) -> Results:
        assert isinstance(response, describe_quorum.DescribeQuorumResponse)
        if response.error_code:
            yield QUORUM, result(response.error_code, response.error_message)
            return
        [p] = response.topics[0].partitions
        described = DescribedQuorum(
            p.leader_id,
            p.leader_epoch,
            p.high_watermark,
            _progress(p.current_voters),
            _progress(p.observers),
        )
        yield QUORUM, result(p.error_code, p.error_message, described)


def _progress(replicas: Iterable[describe_quorum.ReplicaState]) -> dict[int, QuorumReplica]:
    return {
        r.replica_id: QuorumReplica(
            r.log_end_offset, r.last_fetch_timestamp, r.last_caught_up_timestamp
        )
        for r in replicas
    }


def _by_topic(keys: Keys) -> dict[str, list[int]]:
    """Partitions, sorted into their topics."""
    topics: dict[str, list[int]] = {}
    for key in keys:
        assert isinstance(key, TopicPartition)
        topics.setdefault(key.topic, []).append(key.partition)
    return topics
