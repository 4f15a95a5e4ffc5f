"""CreateTopics: make topics, with partitions, replicas and configs.

Each topic succeeds or fails for itself. When the answer comes, the controller has written the new
topics to the metadata log; a broker asked for metadata right after that may need a moment to hear
of them, and clients are prepared for that.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    message,
    string,
    struct,
    uuid,
)


@struct
class CreatableReplicaAssignment(Message):
    """The brokers for one partition, chosen by the client. The first is the preferred leader."""

    partition_index: int = int32()
    broker_ids: list[int] = array(int32)


@struct
class CreatableTopicConfig(Message):
    """A config that differs from the broker's default."""

    name: str = string()
    value: str | None = string(nullable="2+")


@struct
class CreatableTopic(Message):
    """A topic to create."""

    name: str = string()
    num_partitions: int = int32()
    """-1 for the broker's num.partitions, or if `assignments` are given."""
    replication_factor: int = int16()
    """-1 for the broker's default.replication.factor, or if `assignments` are given."""
    assignments: list[CreatableReplicaAssignment] = array(CreatableReplicaAssignment)
    configs: list[CreatableTopicConfig] = array(CreatableTopicConfig)


@message(key=19, kind="request", versions="2-7", flexible="5+")
class CreateTopicsRequest(Message):
    """Create these topics.

    - 2, 3: topics, timeout_ms, and validate_only as since version 1
    - 4: num_partitions and replication_factor may be -1 for the broker's defaults (KIP-464)
    - 5: flexible (KIP-482)
    - 6: the client knows THROTTLING_QUOTA_EXCEEDED (KIP-599)
    - 7: as 6; changes are in the response
    """

    topics: list[CreatableTopic] = array(CreatableTopic)
    timeout_ms: int = int32(default=60000)
    validate_only: bool = boolean()
    """Check everything, create nothing."""


@struct
class CreatableTopicConfigs(Message):
    """A config as the new topic has it."""

    name: str = string()
    value: str | None = string(nullable="5+")
    """Null if it is sensitive."""
    read_only: bool = boolean()
    config_source: int = int8(default=-1, ignorable=True)
    """Where the value comes from, by the numbers of DescribeConfigs."""
    is_sensitive: bool = boolean()


@struct
class CreatableTopicResult(Message):
    """What became of one topic."""

    name: str = string()
    topic_id: bytes = uuid(versions="7+", ignorable=True)
    error_code: int = int16()
    error_message: str | None = string(nullable="2+")
    topic_config_error_code: int = int16(versions="5+", tag=0, ignorable=True)
    """Why there are no `configs`: the topic was created, but the client may not see them."""
    num_partitions: int = int32(versions="5+", default=-1, ignorable=True)
    replication_factor: int = int16(versions="5+", default=-1, ignorable=True)
    configs: list[CreatableTopicConfigs] | None = array(
        CreatableTopicConfigs, versions="5+", nullable="5+", ignorable=True
    )
    """Null beside an error in Kafka; Java's admin client wants a list beside success."""


@message(key=19, kind="response", versions="2-7", flexible="5+")
class CreateTopicsResponse(Message):
    """What became of the topics.

    - 2: throttle_time_ms (KIP-124)
    - 3: the response comes at once even when the client is throttled (KIP-219)
    - 4: as 3
    - 5: flexible (KIP-482); partitions, replicas and configs of the new topic (KIP-525)
    - 6: THROTTLING_QUOTA_EXCEEDED may be among the errors (KIP-599)
    - 7: topic_id (KIP-516)
    """

    throttle_time_ms: int = int32()
    topics: list[CreatableTopicResult] = array(CreatableTopicResult)
