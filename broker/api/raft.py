"""The metadata quorum's own APIs, on the listener for controllers. The quorum answers them all.

     1  Fetch of the metadata log, by followers and observers        52  Vote (2: pre-vote, KIP-996)
    53  BeginQuorumEpoch: who leads now                              54  EndQuorumEpoch: who resigns
    59  FetchSnapshot: what the log no longer begins with (KIP-630)

They are Raft's messages in Kafka's form (KIP-595). No answer means that the request waits there.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.schema import Message


def handle(broker: Broker, request: RequestArrived, body: Message, now: Now) -> Message | None:
    """Ask the quorum."""
    return broker.quorum.handle(request, body, now)
