"""DescribeCluster: the brokers, without any topics (KIP-700).

Admin clients used to ask Metadata for this. It can also be asked of a controller, which then tells
about the controllers instead (KIP-919).
"""

from __future__ import annotations

from typing import Final

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct

BROKERS: Final = 1
CONTROLLERS: Final = 2
"""What `endpoint_type` can be."""


@message(key=60, kind="request", versions="0-2", flexible="0+")
class DescribeClusterRequest(Message):
    """Who is in the cluster?

    - 0: include_cluster_authorized_operations; flexible from the start (KIP-700)
    - 1: endpoint_type (KIP-919)
    - 2: include_fenced_brokers (KIP-1073)
    """

    include_cluster_authorized_operations: bool = boolean()
    endpoint_type: int = int8(versions="1+", default=BROKERS)
    include_fenced_brokers: bool = boolean(versions="2+")


@struct
class DescribeClusterBroker(Message):
    """A broker (or a controller), and where to reach it."""

    broker_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="0+", default=None)
    is_fenced: bool = boolean(versions="2+")
    """Fenced: registered, but it may lead nothing, since the controller has not heard from it."""


@message(key=60, kind="response", versions="0-2", flexible="0+")
class DescribeClusterResponse(Message):
    """Who is in the cluster.

    - 0: cluster_id, controller_id, brokers; flexible from the start (KIP-700)
    - 1: endpoint_type, and errors about it (KIP-919)
    - 2: is_fenced (KIP-1073)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
    endpoint_type: int = int8(versions="1+", default=BROKERS)
    cluster_id: str = string()
    controller_id: int = int32(default=-1)
    """Asked of a broker, one of the brokers; asked of a controller, the quorum's leader."""
    brokers: list[DescribeClusterBroker] = array(DescribeClusterBroker)
    cluster_authorized_operations: int = int32(default=-0x8000_0000)
    """A bit for each operation the client is allowed; the default says that it was not asked."""
