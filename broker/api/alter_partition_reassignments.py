"""AlterPartitionReassignments (45): move partitions to other brokers (KIP-455).

A move is no single step. New replicas are added to the partition first and fetch what there is; the
old ones are removed when all the new ones are in sync, and the records are never on fewer brokers
than before. The answer says only that the move has begun, or was called off, or why not.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.alter_partition_reassignments import AlterPartitionReassignmentsRequest


def handle(
    broker: Broker, request: RequestArrived, body: AlterPartitionReassignmentsRequest, now: Now
) -> None:
    """Let the controller begin the moves."""
    response, offset = broker.active_controller().alter_partition_reassignments(body, now)
    broker.after_commit(offset, request, response)
