"""DescribeTopicPartitions: topics and their partitions, a page at a time (KIP-966).

For admin clients. It tells more than Metadata, the eligible leader replicas, and can be asked about
more partitions than fit into one answer: the cursor says where the next page begins.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    message,
    nested_or_null,
    string,
    struct,
    uuid,
)


@struct
class Cursor(Message):
    """A partition: the first of a page."""

    topic_name: str = string()
    partition_index: int = int32()


# -- request --------------------------------------------------------------------------------------


@struct
class TopicRequest(Message):
    """A topic."""

    name: str = string()


@message(key=75, kind="request", versions="0", flexible="0+")
class DescribeTopicPartitionsRequest(Message):
    """Tell me about these topics, from here on.

    - 0: all fields; flexible from the start (KIP-966)
    """

    topics: list[TopicRequest] = array(TopicRequest)
    """Empty for all there are."""
    response_partition_limit: int = int32(default=2_000)
    cursor: Cursor | None = nested_or_null(Cursor, nullable="0+")


# -- response -------------------------------------------------------------------------------------


@struct
class DescribeTopicPartitionsResponsePartition(Message):
    """A partition: its leader and its replicas."""

    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32(default=-1, ignorable=True)
    replica_nodes: list[int] = array(int32)
    isr_nodes: list[int] = array(int32)
    eligible_leader_replicas: list[int] | None = array(int32, nullable="0+", default=None)
    """Not in sync any more, but known to have everything below the high watermark."""
    last_known_elr: list[int] | None = array(int32, nullable="0+", default=None)
    offline_replicas: list[int] = array(int32, ignorable=True)


@struct
class DescribeTopicPartitionsResponseTopic(Message):
    """A topic and its partitions, or why there is nothing to tell about it."""

    error_code: int = int16()
    name: str | None = string(nullable="0+")
    topic_id: bytes = uuid(ignorable=True)
    is_internal: bool = boolean(ignorable=True)
    partitions: list[DescribeTopicPartitionsResponsePartition] = array(
        DescribeTopicPartitionsResponsePartition
    )
    topic_authorized_operations: int = int32(default=-0x8000_0000)
    """A bit for each operation the client is allowed."""


@message(key=75, kind="response", versions="0", flexible="0+")
class DescribeTopicPartitionsResponse(Message):
    """One page.

    - 0: all fields; flexible from the start (KIP-966)
    """

    throttle_time_ms: int = int32(ignorable=True)
    topics: list[DescribeTopicPartitionsResponseTopic] = array(DescribeTopicPartitionsResponseTopic)
    next_cursor: Cursor | None = nested_or_null(Cursor, nullable="0+")
    """Where the next page begins; null after the last."""
