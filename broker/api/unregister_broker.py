"""UnregisterBroker (64): a broker that will not come back is forgotten (KIP-631).

What it led is led by others, and it is nowhere in sync any more. Its place among the replicas stays
until partitions are reassigned. One that still runs registers again with its next start.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest


def handle(
    broker: Broker, request: RequestArrived, body: UnregisterBrokerRequest, now: Now
) -> None:
    """Let the controller decide."""
    response, offset = broker.active_controller().unregister_broker(body, now)
    broker.after_commit(offset, request, response)
