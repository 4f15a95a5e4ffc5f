"""UnregisterBroker: this broker will not come back (KIP-631).

Until then the cluster keeps its place: its replicas stay assigned to it, fenced or not.
"""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, message, string


@message(key=64, kind="request", versions="0", flexible="0+")
class UnregisterBrokerRequest(Message):
    """Forget this broker.

    - 0: all fields; flexible from the start (KIP-631)
    """

    broker_id: int = int32()


@message(key=64, kind="response", versions="0", flexible="0+")
class UnregisterBrokerResponse(Message):
    """Done, or not.

    - 0: all fields; flexible from the start (KIP-631)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
