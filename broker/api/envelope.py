"""Envelope (58): a client's request that a broker passes on to the active controller (KIP-590).

What is inside is a whole frame, handled here as if the client had sent it to this node, and its
answer goes back in an envelope. NOT_CONTROLLER is said on the envelope itself: that is not for the
client to know, the broker that forwards asks another node then (Kafka's `EnvelopeUtils`).
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.api.table import CONTROLLER_APIS, CONTROLLER_HANDLERS, read_request
from broker.events import LOOPBACK, Now, RequestArrived
from broker.wire.errors import ApiError, ErrorCode, FrameError
from broker.wire.messages.envelope import EnvelopeRequest, EnvelopeResponse


def handle(
    broker: Broker, request: RequestArrived, body: EnvelopeRequest, now: Now
) -> EnvelopeResponse | None:
    """Unpack the request and handle it; `broker.respond` knows the way back."""
    try:
        unpacked = read_request(body.request_data, LOOPBACK, to_controller=True)
    except FrameError:
        # Kafka's word for what cannot be parsed: the client's connection is closed over it.
        return EnvelopeResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    if not CONTROLLER_APIS[unpacked.api_key].forwarded:
        return EnvelopeResponse(error_code=ErrorCode.INVALID_REQUEST)
    inner = unpacked._replace(connection=broker.envelopes.open(request))
    try:
        broker.active_controller()
        response = CONTROLLER_HANDLERS[inner.api_key](broker, inner, inner.body, now)
    except ApiError as error:
        broker.refuse(inner, error)
    else:
        if response is not None:
            broker.respond(inner, response)
    return None
