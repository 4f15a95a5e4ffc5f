"""List offsets: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, int8, int16, int32, int64, message, string, struct


@struct
class ListOffsetsPartition(Message):
    """ListOffsetsPartition."""

    partition_index: int = int32()
    current_leader_epoch: int = int32(versions="4+", default=-1, ignorable=True)
    timestamp: int = int64()


@struct
class ListOffsetsTopic(Message):
    """ListOffsetsTopic."""

    name: str = string()
    partitions: list[ListOffsetsPartition] = array(ListOffsetsPartition)


@message(key=2, kind="request", versions="1-11", flexible="6+")
class ListOffsetsRequest(Message):
    """ListOffsetsRequest."""

    replica_id: int = int32()
    isolation_level: int = int8(versions="2+")
    topics: list[ListOffsetsTopic] = array(ListOffsetsTopic)
    timeout_ms: int = int32(versions="10+", ignorable=True)


@struct
class ListOffsetsPartitionResponse(Message):
    """ListOffsetsPartitionResponse."""

    partition_index: int = int32()
    error_code: int = int16()
    timestamp: int = int64(default=-1)
    offset: int = int64(default=-1)
    leader_epoch: int = int32(versions="4+", default=-1)


@struct
class ListOffsetsTopicResponse(Message):
    """ListOffsetsTopicResponse."""

    name: str = string()
    partitions: list[ListOffsetsPartitionResponse] = array(ListOffsetsPartitionResponse)


@message(key=2, kind="response", versions="1-11", flexible="6+")
class ListOffsetsResponse(Message):
    """ListOffsetsResponse."""

    throttle_time_ms: int = int32(versions="2+", ignorable=True)
    topics: list[ListOffsetsTopicResponse] = array(ListOffsetsTopicResponse)
