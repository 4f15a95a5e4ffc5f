"""Envelope: a broker passes a client's request on to the controller (KIP-590).

Clients know brokers only. What the controller alone can do comes to any broker, which puts the
frame as it is, header and all, into an envelope, together with who sent it from where. The answer
comes back the same way.
"""

from __future__ import annotations

from broker.wire.schema import Message, byte_string, int16, message


@message(key=58, kind="request", versions="0", flexible="0+")
class EnvelopeRequest(Message):
    """A client wants this.

    - 0: all fields; flexible from the start (KIP-590)
    """

    request_data: bytes = byte_string()
    """The client's request: header and body, without the frame's size."""
    request_principal: bytes | None = byte_string(nullable="0+")
    """Who the client is, as the broker has found out."""
    client_host_address: bytes = byte_string()
    """The client's address: four bytes, or sixteen (IPv6)."""


@message(key=58, kind="response", versions="0", flexible="0+")
class EnvelopeResponse(Message):
    """Tell the client this.

    - 0: all fields; flexible from the start (KIP-590)
    """

    response_data: bytes | None = byte_string(nullable="0+", default=None)
    """The answer: header and body, without the frame's size."""
    error_code: int = int16()
    """NOT_CONTROLLER if somebody else is: then there is no answer, and the broker asks again."""
