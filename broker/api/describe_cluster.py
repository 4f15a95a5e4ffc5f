"""DescribeCluster (60): who is in the cluster, for administrators (KIP-700).

0   brokers and controller        1   endpoint type (KIP-919)     2   fenced brokers (KIP-1073)

Brokers tell about brokers, and name one of them as the controller, since any of them passes on what
a controller has to do. Controllers tell about controllers, and name the one that is active: that is
how administrators reach a cluster that has no broker left.
"""

from __future__ import annotations

from broker.api.authorized import CLUSTER_OPERATIONS, NOT_ASKED
from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.describe_cluster import (
    BROKERS,
    CONTROLLERS,
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)

_NAMES = {BROKERS: "BROKER", CONTROLLERS: "CONTROLLER"}
NOBODY = -1


def handle(
    broker: Broker, request: RequestArrived, body: DescribeClusterRequest, now: Now
) -> DescribeClusterResponse:
    """The cluster as this node sees it."""
    own = CONTROLLERS if request.to_controller else BROKERS
    _check_endpoint_type(body.endpoint_type, own)
    told = _controllers(broker) if request.to_controller else _brokers(broker, body)
    controller = broker.quorum.leader_id if request.to_controller else broker.controller_id
    known = any(node.broker_id == controller for node in told)
    asked = body.include_cluster_authorized_operations
    return DescribeClusterResponse(
        endpoint_type=own,
        cluster_id=broker.cluster_id,
        controller_id=controller if known else NOBODY,
        brokers=told,
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )


def _check_endpoint_type(asked: int, own: int) -> None:
    """Refuse a client that has come to the wrong kind of listener, as Kafka's `AuthHelper` does."""
    if asked not in _NAMES:
        raise ApiError(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {asked}")
    if asked != own:
        raise ApiError(
            ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            f"The request was sent to an endpoint of type {_NAMES[own]}, but we wanted an endpoint"
            f" of type {_NAMES[asked]}",
        )


def _brokers(broker: Broker, body: DescribeClusterRequest) -> list[DescribeClusterBroker]:
    """The registered brokers, fenced ones only if they are asked for."""
    return [
        DescribeClusterBroker(
            broker_id=one.broker_id,
            host=one.host,
            port=one.port,
            rack=one.rack,
            is_fenced=one.fenced,
        )
        for _, one in sorted(broker.image.brokers.items())
        if body.include_fenced_brokers or not one.fenced
    ]


def _controllers(broker: Broker) -> list[DescribeClusterBroker]:
    """The voters. Where they listen is in everybody's settings (controller.quorum.voters)."""
    return [
        DescribeClusterBroker(broker_id=voter.voter_id, host=voter.host, port=voter.port)
        for voter in broker.config.voters
    ]
