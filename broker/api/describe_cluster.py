"""DescribeCluster (60): the brokers, for administrators (KIP-700).

0   brokers and controller        1   endpoint type (KIP-919)     2   fenced brokers (KIP-1073)
"""

from __future__ import annotations

from broker.api.authorized import CLUSTER_OPERATIONS, NOT_ASKED
from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.errors import ErrorCode
from broker.wire.messages.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)

BROKER_ENDPOINTS = 1
CONTROLLER_ENDPOINTS = 2


def handle(
    broker: Broker, request: RequestArrived, body: DescribeClusterRequest, now: Now
) -> DescribeClusterResponse:
    """The cluster as this broker sees it."""
    if body.endpoint_type != BROKER_ENDPOINTS:
        known = body.endpoint_type == CONTROLLER_ENDPOINTS
        return DescribeClusterResponse(
            error_code=(
                ErrorCode.MISMATCHED_ENDPOINT_TYPE if known else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE
            ),
            error_message="This is a broker's endpoint; ask for endpoint type 1.",
            cluster_id=broker.cluster_id,
        )
    told = [
        registered
        for _, registered in sorted(broker.image.brokers.items())
        if body.include_fenced_brokers or not registered.fenced
    ]
    asked = body.include_cluster_authorized_operations
    return DescribeClusterResponse(
        cluster_id=broker.cluster_id,
        controller_id=broker.node_id,
        brokers=[
            DescribeClusterBroker(
                broker_id=one.broker_id,
                host=one.host,
                port=one.port,
                rack=one.rack,
                is_fenced=one.fenced,
            )
            for one in told
        ],
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )
