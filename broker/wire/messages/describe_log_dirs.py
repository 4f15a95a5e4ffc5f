"""DescribeLogDirs: which replicas does a broker have on its disks, and how large are they?
(KIP-113)
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
)

# -- request --------------------------------------------------------------------------------------


@struct
class DescribableLogDirTopic(Message):
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[int] = array(int32)


@message(key=35, kind="request", versions="1-5", flexible="2+")
class DescribeLogDirsRequest(Message):
    """What have you on your disks?

    - 1: topics (KIP-113)
    - 2: flexible (KIP-482)
    - 3-5: as 2; changes are in the response
    """

    topics: list[DescribableLogDirTopic] | None = array(DescribableLogDirTopic, nullable="1+")
    """Null for all there are."""


# -- response -------------------------------------------------------------------------------------


@struct
class DescribeLogDirsPartition(Message):
    """A replica's log."""

    partition_index: int = int32()
    partition_size: int = int64()
    """The bytes of its segments."""
    offset_lag: int = int64()
    """How far its end is behind the high watermark."""
    is_future_key: bool = boolean()
    """It is being filled, and will take the place of the log in another directory."""


@struct
class DescribeLogDirsTopic(Message):
    """Replicas of one topic."""

    name: str = string()
    partitions: list[DescribeLogDirsPartition] = array(DescribeLogDirsPartition)


@struct
class DescribeLogDirsResult(Message):
    """One directory."""

    error_code: int = int16()
    log_dir: str = string()
    """Its absolute path."""
    topics: list[DescribeLogDirsTopic] = array(DescribeLogDirsTopic)
    total_bytes: int = int64(versions="4+", default=-1, ignorable=True)
    usable_bytes: int = int64(versions="4+", default=-1, ignorable=True)
    """What its volume has, and has free; -1 if that is not known."""
    is_cordoned: bool = boolean(versions="5+", ignorable=True)


@message(key=35, kind="response", versions="1-5", flexible="2+")
class DescribeLogDirsResponse(Message):
    """This is there.

    - 1: all but the following; it comes at once even when the client is throttled (KIP-219)
    - 2: flexible (KIP-482)
    - 3: error_code (KIP-784)
    - 4: total_bytes and usable_bytes (KIP-827)
    - 5: is_cordoned (KIP-1066)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16(versions="3+", ignorable=True)
    results: list[DescribeLogDirsResult] = array(DescribeLogDirsResult)
