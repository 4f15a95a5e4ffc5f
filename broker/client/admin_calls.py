"""What an administrator can ask, one class a call.

Each call knows three things: whom to ask about each of its keys (a topic's name, a resource, a
partition), how to put the question, and how to read the answers. `admin` does the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import ClassVar

from broker.client.admin_types import (
    CLUSTER,
    EVERYTHING,
    ConfigEntry,
    ConfigResource,
    CreatedTopic,
    DescribedCluster,
    DescribedPartition,
    DescribedTopic,
    ListedOffset,
    NewTopic,
)
from broker.client.cluster_view import BrokerAddress, TopicPartition
from broker.client.outcomes import Result, error_code
from broker.client.positions import CONSUMER_ID
from broker.wire.errors import ErrorCode
from broker.wire.messages import create_topics as create
from broker.wire.messages import delete_topics as delete
from broker.wire.messages import describe_cluster, describe_configs, list_offsets, metadata
from broker.wire.messages import incremental_alter_configs as alter
from broker.wire.schema import Message

_DELETE_TOPICS_BY_STATE = 6
_PASSING = (
    ErrorCode.NETWORK_EXCEPTION,
    ErrorCode.NOT_CONTROLLER,
    ErrorCode.THROTTLING_QUOTA_EXCEEDED,
)


class _ResourceType(IntEnum):
    TOPIC = 2
    BROKER = 4


class _ConfigOperation(IntEnum):
    SET = 0
    DELETE = 1


class Target(Enum):
    """Whom to ask, where it is no particular node and no partition's leader."""

    ANYBODY = "anybody"
    CONTROLLER = "controller"


Results = Iterator[tuple[object, Result]]
Keys = Sequence[object]


class Call(ABC):
    """One kind of question."""

    api: ClassVar[type[Message]]
    keys: tuple[object, ...]
    """What the question is about; one result each."""

    def target(self, key: object) -> Target | TopicPartition | int:
        """Whom to ask about a key: anybody, the controller, a leader or a node."""
        return Target.ANYBODY

    def is_passing(self, code: ErrorCode) -> bool:
        """Whether to ask again. Java's Admin does not for all that is retriable elsewhere.

        Who deletes a topic wants to hear at once that there is none.
        """
        return code in _PASSING

    @abstractmethod
    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        """Put the question for some of the keys."""

    @abstractmethod
    def results(self, response: Message) -> Results:
        """Read the answers."""


@dataclass(slots=True)
class CreateTopics(Call):
    """Create topics. Value: CreatedTopic."""

    topics: Mapping[str, NewTopic]
    validate_only: bool = False
    api: ClassVar[type[Message]] = create.CreateTopicsRequest
    keys: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = tuple(self.topics)

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        return create.CreateTopicsRequest(
            topics=[self._creatable(topic) for name, topic in self.topics.items() if name in keys],
            timeout_ms=timeout_ms,
            validate_only=self.validate_only,
        )

    @staticmethod
    def _creatable(topic: NewTopic) -> create.CreatableTopic:
        configs = topic.configs.items()
        return create.CreatableTopic(
            name=topic.name,
            num_partitions=topic.num_partitions,
            replication_factor=topic.replication_factor,
            assignments=[
                create.CreatableReplicaAssignment(partition_index=index, broker_ids=list(brokers))
                for index, brokers in topic.replica_assignments.items()
            ],
            configs=[
                create.CreatableTopicConfig(name=name, value=value) for name, value in configs
            ],
        )

    def results(self, response: Message) -> Results:
        assert isinstance(response, create.CreateTopicsResponse)
        for topic in response.topics:
            made = CreatedTopic(topic.topic_id, topic.num_partitions, topic.replication_factor)
            yield topic.name, result(topic.error_code, topic.error_message, made)


@dataclass(slots=True)
class DeleteTopics(Call):
    """Delete topics. Value: None."""

    keys: tuple[object, ...]
    api: ClassVar[type[Message]] = delete.DeleteTopicsRequest

    def target(self, key: object) -> Target:
        return Target.CONTROLLER

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        names = [str(name) for name in keys]
        # The one request that says the same in two ways, of which each version knows one.
        if version < _DELETE_TOPICS_BY_STATE:
            return delete.DeleteTopicsRequest(topic_names=names, timeout_ms=timeout_ms)
        states = [delete.DeleteTopicState(name=name) for name in names]
        return delete.DeleteTopicsRequest(topics=states, timeout_ms=timeout_ms)

    def results(self, response: Message) -> Results:
        assert isinstance(response, delete.DeleteTopicsResponse)
        for topic in response.responses:
            yield topic.name, result(topic.error_code, topic.error_message)


@dataclass(slots=True)
class DescribeTopics(Call):
    """Describe some topics, or all. Value: DescribedTopic."""

    keys: tuple[object, ...]
    """Names; or `EVERYTHING` alone, whose results bear the names of what there is."""
    api: ClassVar[type[Message]] = metadata.MetadataRequest

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        topics = [metadata.MetadataRequestTopic(name=str(name)) for name in keys]
        return metadata.MetadataRequest(
            topics=None if EVERYTHING in keys else topics, allow_auto_topic_creation=False
        )

    def results(self, response: Message) -> Results:
        assert isinstance(response, metadata.MetadataResponse)
        for topic in response.topics:
            partitions = {
                p.partition_index: DescribedPartition(
                    p.leader_id, p.leader_epoch, tuple(p.replica_nodes), tuple(p.isr_nodes)
                )
                for p in topic.partitions
            }
            described = DescribedTopic(topic.topic_id, topic.is_internal, partitions)
            yield topic.name, result(topic.error_code, None, described)
        yield EVERYTHING, Result()


@dataclass(slots=True)
class DescribeCluster(Call):
    """Describe the cluster. Value: DescribedCluster."""

    keys: tuple[object, ...] = (CLUSTER,)
    api: ClassVar[type[Message]] = describe_cluster.DescribeClusterRequest

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        return describe_cluster.DescribeClusterRequest()

    def results(self, response: Message) -> Results:
        assert isinstance(response, describe_cluster.DescribeClusterResponse)
        brokers = {b.broker_id: BrokerAddress(b.host, b.port, b.rack) for b in response.brokers}
        described = DescribedCluster(response.cluster_id, response.controller_id, brokers)
        yield CLUSTER, result(response.error_code, response.error_message, described)


@dataclass(slots=True)
class DescribeConfigs(Call):
    """Describe the settings of topics and brokers. Value: {name: ConfigEntry}."""

    keys: tuple[object, ...]
    api: ClassVar[type[Message]] = describe_configs.DescribeConfigsRequest

    def target(self, key: object) -> Target | int:
        return _target_of_resource(key, Target.ANYBODY)

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        return describe_configs.DescribeConfigsRequest(
            resources=[
                describe_configs.DescribeConfigsResource(
                    resource_type=kind, resource_name=name, configuration_keys=None
                )
                for kind, name in _resources(keys)
            ]
        )

    def results(self, response: Message) -> Results:
        assert isinstance(response, describe_configs.DescribeConfigsResponse)
        for described in response.results:
            entries = {
                c.name: ConfigEntry(c.value, c.config_source, c.read_only, c.is_sensitive)
                for c in described.configs
            }
            resource = _resource(described.resource_type, described.resource_name)
            yield resource, result(described.error_code, described.error_message, entries)


@dataclass(slots=True)
class IncrementalAlterConfigs(Call):
    """Change some settings and leave the others (KIP-339). Value: None."""

    changes: Mapping[ConfigResource, Mapping[str, str | None]]
    """None in place of a value: back to the default."""
    api: ClassVar[type[Message]] = alter.IncrementalAlterConfigsRequest
    keys: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = tuple(self.changes)

    def target(self, key: object) -> Target | int:
        return _target_of_resource(key, Target.CONTROLLER)

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        resources = [
            alter.AlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[_alteration(*change) for change in self.changes[resource].items()],
            )
            for resource in self.changes
            if resource in keys
            for kind, name in _resources([resource])
        ]
        return alter.IncrementalAlterConfigsRequest(resources=resources)

    def results(self, response: Message) -> Results:
        assert isinstance(response, alter.IncrementalAlterConfigsResponse)
        for altered in response.responses:
            resource = _resource(altered.resource_type, altered.resource_name)
            yield resource, result(altered.error_code, altered.error_message)


@dataclass(slots=True)
class ListOffsets(Call):
    """Which offset is at a time, at the beginning, at the end? Value: ListedOffset."""

    times: Mapping[TopicPartition, int]
    api: ClassVar[type[Message]] = list_offsets.ListOffsetsRequest
    keys: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = tuple(self.times)

    def target(self, key: object) -> TopicPartition:
        assert isinstance(key, TopicPartition)
        return key

    def is_passing(self, code: ErrorCode) -> bool:
        """A leader may be about to move: all that is retriable."""
        return code.retriable

    def request(self, keys: Keys, version: int, timeout_ms: int) -> Message:
        topics: dict[str, list[list_offsets.ListOffsetsPartition]] = {}
        for (topic, partition), time in self.times.items():
            if TopicPartition(topic, partition) in keys:
                asked = list_offsets.ListOffsetsPartition(partition_index=partition, timestamp=time)
                topics.setdefault(topic, []).append(asked)
        return list_offsets.ListOffsetsRequest(
            replica_id=CONSUMER_ID,
            topics=[
                list_offsets.ListOffsetsTopic(name=name, partitions=partitions)
                for name, partitions in topics.items()
            ],
            timeout_ms=timeout_ms,
        )

    def results(self, response: Message) -> Results:
        assert isinstance(response, list_offsets.ListOffsetsResponse)
        for topic in response.topics:
            for p in topic.partitions:
                listed = ListedOffset(p.offset, p.timestamp, p.leader_epoch)
                where = TopicPartition(topic.name, p.partition_index)
                yield where, result(p.error_code, None, listed)


def result(code: int, text: str | None, value: object = None) -> Result:
    """What an answer's error code and text say; the value counts if there was no error."""
    error = error_code(code)
    return Result(error, text or error.text, None) if error else Result(value=value)


def _resource(kind: int, name: str) -> ConfigResource:
    return ConfigResource("topic" if kind == _ResourceType.TOPIC else "broker", name)


def _resources(keys: Iterable[object]) -> Iterator[tuple[int, str]]:
    for key in keys:
        assert isinstance(key, ConfigResource)
        yield _ResourceType[key.kind.upper()], key.name


def _target_of_resource(key: object, otherwise: Target) -> Target | int:
    """A broker's settings are its own; it has to be asked itself."""
    assert isinstance(key, ConfigResource)
    return int(key.name) if key.kind == "broker" and key.name else otherwise


def _alteration(name: str, value: str | None) -> alter.AlterableConfig:
    operation = _ConfigOperation.DELETE if value is None else _ConfigOperation.SET
    return alter.AlterableConfig(name=name, config_operation=operation, value=value)
