"""Describe cluster: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct


@message(key=60, kind="request", versions="0-2", flexible="0+")
class DescribeClusterRequest(Message):
    """DescribeClusterRequest."""

    include_cluster_authorized_operations: bool = boolean()
    endpoint_type: int = int8(versions="1+", default=1)
    include_fenced_brokers: bool = boolean(versions="2+")


@struct
class DescribeClusterBroker(Message):
    """DescribeClusterBroker."""

    broker_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="0+", default=None)
    is_fenced: bool = boolean(versions="2+")


@message(key=60, kind="response", versions="0-2", flexible="0+")
class DescribeClusterResponse(Message):
    """DescribeClusterResponse."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
    endpoint_type: int = int8(versions="1+", default=1)
    cluster_id: str = string()
    controller_id: int = int32(default=-1)
    brokers: list[DescribeClusterBroker] = array(DescribeClusterBroker)
    cluster_authorized_operations: int = int32(default=-0x8000_0000)
