"""What brokers ask of the active controller, on the listener for controllers.

    56  AlterPartition: who is in sync (2: topic ids; 3: broker epochs, KIP-903)
    62  BrokerRegistration: a broker has started (2: log directories; 3: its last epoch, KIP-966)
    63  BrokerHeartbeat: it is alive, and this is what it wants (KIP-631)
    67  AllocateProducerIds: a block of ids for idempotent producers (KIP-730)
    70  ControllerRegistration: a controller has started (KIP-919); ours are known by their settings

The controller decides at once and answers when its decision is committed (Kafka's `ControllerApis`,
with the purgatory of its `QuorumController`). A node that is not the active controller refuses with
NOT_CONTROLLER, whether it never was or was deposed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.api.context import Broker
from broker.events import LOOPBACK, Now, RequestArrived
from broker.metadata.controller import Controller
from broker.wire.messages.allocate_producer_ids import AllocateProducerIdsRequest
from broker.wire.messages.alter_partition import AlterPartitionRequest
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest
from broker.wire.messages.broker_registration import BrokerRegistrationRequest
from broker.wire.messages.controller_registration import ControllerRegistrationRequest
from broker.wire.schema import Message

Decision = Callable[[Controller, Any, Now], tuple[Message, int]]
"""An answer, and how far the metadata must be committed before it may leave."""

_DECISIONS: dict[type[Message], Decision] = {
    AlterPartitionRequest: Controller.alter_partition,
    AllocateProducerIdsRequest: Controller.allocate_producer_ids,
    BrokerHeartbeatRequest: Controller.heartbeat,
    BrokerRegistrationRequest: Controller.register_broker,
    ControllerRegistrationRequest: Controller.register_controller,
}


def handle(broker: Broker, request: RequestArrived, body: Message, now: Now) -> None:
    """Let the controller decide."""
    if isinstance(body, BrokerHeartbeatRequest) and request.connection > LOOPBACK:
        broker.heartbeats[body.broker_id] = request.connection
    response, offset = _DECISIONS[type(body)](broker.active_controller(), body, now)
    broker.after_commit(offset, request, response)
