"""ListPartitionReassignments (46): which partitions are on the move, and from where to where.

The controller answers, because it knows of a move before anybody else; the answer waits until what
it tells is committed (KIP-455).
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.list_partition_reassignments import ListPartitionReassignmentsRequest


def handle(
    broker: Broker, request: RequestArrived, body: ListPartitionReassignmentsRequest, now: Now
) -> None:
    """Ask the controller."""
    response, offset = broker.active_controller().list_partition_reassignments(body, now)
    broker.after_commit(offset, request, response)
