"""CreatePartitions: give a topic more partitions (KIP-195).

Never fewer: that would lose records. And even more has its price, for the keys then go to other
partitions than before.
"""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int16, int32, message, string, struct

# -- request --------------------------------------------------------------------------------------


@struct
class CreatePartitionsAssignment(Message):
    """The replicas of one new partition, the preferred leader first."""

    broker_ids: list[int] = array(int32)


@struct
class CreatePartitionsTopic(Message):
    """How many partitions a topic shall have."""

    name: str = string()
    count: int = int32()
    """All together, those that it has already among them."""
    assignments: list[CreatePartitionsAssignment] | None = array(
        CreatePartitionsAssignment, nullable="0+"
    )
    """For each new partition; null leaves it to the controller."""


@message(key=37, kind="request", versions="0-3", flexible="2+")
class CreatePartitionsRequest(Message):
    """Give these topics more partitions.

    - 0, 1: all fields (KIP-195)
    - 2: flexible (KIP-482)
    - 3: the client knows THROTTLING_QUOTA_EXCEEDED (KIP-599)
    """

    topics: list[CreatePartitionsTopic] = array(CreatePartitionsTopic)
    timeout_ms: int = int32()
    validate_only: bool = boolean()


# -- response -------------------------------------------------------------------------------------


@struct
class CreatePartitionsTopicResult(Message):
    """What became of one topic."""

    name: str = string()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)


@message(key=37, kind="response", versions="0-3", flexible="2+")
class CreatePartitionsResponse(Message):
    """What became of it.

    - 0: all fields (KIP-195)
    - 1: the response comes at once even when the client is throttled (KIP-219)
    - 2: flexible (KIP-482)
    - 3: THROTTLING_QUOTA_EXCEEDED may be among the errors (KIP-599)
    """

    throttle_time_ms: int = int32()
    results: list[CreatePartitionsTopicResult] = array(CreatePartitionsTopicResult)
