"""Produce: the declarations."""

from __future__ import annotations

from broker.wire.primitives import Buffer
from broker.wire.schema import (
    Message,
    array,
    int16,
    int32,
    int64,
    message,
    nested,
    record_set,
    string,
    struct,
    uuid,
)


@struct
class PartitionProduceData(Message):
    """PartitionProduceData."""

    index: int = int32()
    records: Buffer | None = record_set(nullable="3+")


@struct
class TopicProduceData(Message):
    """TopicProduceData."""

    name: str = string(versions="3-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partition_data: list[PartitionProduceData] = array(PartitionProduceData)


@message(key=0, kind="request", versions="3-13", flexible="9+")
class ProduceRequest(Message):
    """ProduceRequest."""

    transactional_id: str | None = string(nullable="3+", default=None)
    acks: int = int16()
    timeout_ms: int = int32()
    topic_data: list[TopicProduceData] = array(TopicProduceData)


@struct
class BatchIndexAndErrorMessage(Message):
    """BatchIndexAndErrorMessage."""

    batch_index: int = int32()
    batch_index_error_message: str | None = string(nullable="8+", default=None)


@struct
class LeaderIdAndEpoch(Message):
    """LeaderIdAndEpoch."""

    leader_id: int = int32(default=-1)
    leader_epoch: int = int32(default=-1)


@struct
class PartitionProduceResponse(Message):
    """PartitionProduceResponse."""

    index: int = int32()
    error_code: int = int16()
    base_offset: int = int64()
    log_append_time_ms: int = int64(default=-1)
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    record_errors: list[BatchIndexAndErrorMessage] = array(
        BatchIndexAndErrorMessage, versions="8+", ignorable=True
    )
    error_message: str | None = string(versions="8+", nullable="8+", default=None, ignorable=True)
    current_leader: LeaderIdAndEpoch = nested(LeaderIdAndEpoch, versions="10+", tag=0)


@struct
class TopicProduceResponse(Message):
    """TopicProduceResponse."""

    name: str = string(versions="3-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partition_responses: list[PartitionProduceResponse] = array(PartitionProduceResponse)


@struct
class NodeEndpoint(Message):
    """NodeEndpoint."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="10+", default=None)


@message(key=0, kind="response", versions="3-13", flexible="9+")
class ProduceResponse(Message):
    """ProduceResponse."""

    responses: list[TopicProduceResponse] = array(TopicProduceResponse)
    throttle_time_ms: int = int32()
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="10+", tag=0)
