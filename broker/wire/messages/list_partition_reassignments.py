"""ListPartitionReassignments: which partitions are on the move? (KIP-455)"""

from __future__ import annotations

from broker.wire.schema import Message, array, int16, int32, message, string, struct

# -- request --------------------------------------------------------------------------------------


@struct
class ListPartitionReassignmentsTopics(Message):
    """Partitions of one topic."""

    name: str = string()
    partition_indexes: list[int] = array(int32)


@message(key=46, kind="request", versions="0", flexible="0+")
class ListPartitionReassignmentsRequest(Message):
    """What is on the move?

    - 0: all fields; flexible from the start (KIP-455)
    """

    timeout_ms: int = int32(default=60_000)
    topics: list[ListPartitionReassignmentsTopics] | None = array(
        ListPartitionReassignmentsTopics, nullable="0+", default=None
    )
    """Null for all there are."""


# -- response -------------------------------------------------------------------------------------


@struct
class OngoingPartitionReassignment(Message):
    """A partition on the move."""

    partition_index: int = int32()
    replicas: list[int] = array(int32)
    """All that it has now, those who come and those who go among them."""
    adding_replicas: list[int] = array(int32)
    removing_replicas: list[int] = array(int32)


@struct
class OngoingTopicReassignment(Message):
    """Partitions of one topic."""

    name: str = string()
    partitions: list[OngoingPartitionReassignment] = array(OngoingPartitionReassignment)


@message(key=46, kind="response", versions="0", flexible="0+")
class ListPartitionReassignmentsResponse(Message):
    """These are.

    - 0: all fields; flexible from the start (KIP-455)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    topics: list[OngoingTopicReassignment] = array(OngoingTopicReassignment)
