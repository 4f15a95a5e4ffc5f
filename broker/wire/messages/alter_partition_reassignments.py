"""AlterPartitionReassignments: move partitions to other brokers, or call a move off (KIP-455).

The new replicas are added first, and the old ones go when all the new ones are in sync; in between
ListPartitionReassignments tells how it stands.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    message,
    string,
    struct,
)

# -- request --------------------------------------------------------------------------------------


@struct
class ReassignablePartition(Message):
    """Where one partition shall be."""

    partition_index: int = int32()
    replicas: list[int] | None = array(int32, nullable="0+", default=None)
    """The brokers, the preferred leader first. Null calls off the move that is under way."""


@struct
class ReassignableTopic(Message):
    """Partitions of one topic."""

    name: str = string()
    partitions: list[ReassignablePartition] = array(ReassignablePartition)


@message(key=45, kind="request", versions="0-1", flexible="0+")
class AlterPartitionReassignmentsRequest(Message):
    """Move these partitions.

    - 0: timeout_ms and topics; flexible from the start (KIP-455)
    - 1: allow_replication_factor_change (KIP-860)
    """

    timeout_ms: int = int32(default=60_000)
    allow_replication_factor_change: bool = boolean(versions="1+", default=True)
    """Whether a partition may get more or fewer replicas by this."""
    topics: list[ReassignableTopic] = array(ReassignableTopic)


# -- response -------------------------------------------------------------------------------------


@struct
class ReassignablePartitionResponse(Message):
    """Whether the partition moves."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")


@struct
class ReassignableTopicResponse(Message):
    """Partitions of one topic."""

    name: str = string()
    partitions: list[ReassignablePartitionResponse] = array(ReassignablePartitionResponse)


@message(key=45, kind="response", versions="0-1", flexible="0+")
class AlterPartitionReassignmentsResponse(Message):
    """What became of it.

    - 0: all but the following; flexible from the start (KIP-455)
    - 1: allow_replication_factor_change (KIP-860)
    """

    throttle_time_ms: int = int32()
    allow_replication_factor_change: bool = boolean(versions="1+", default=True, ignorable=True)
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    responses: list[ReassignableTopicResponse] = array(ReassignableTopicResponse)
