"""ControllerRegistration: a controller has started (KIP-919).

The quorum knows its voters without this. It tells where a controller listens and which features it
can run, so that admin clients find it and nobody upgrades past it.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    message,
    string,
    struct,
    uint16,
    uuid,
)


@struct
class Listener(Message):
    """Where the controller listens."""

    name: str = string()
    """The listener's name, as CONTROLLER."""
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


@struct
class Feature(Message):
    """A feature, and the levels of it that the controller can run (KIP-584)."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=70, kind="request", versions="0", flexible="0+")
class ControllerRegistrationRequest(Message):
    """Here I am.

    - 0: all fields; flexible from the start (KIP-919)
    """

    controller_id: int = int32()
    incarnation_id: bytes = uuid()
    """Drawn anew each time the process starts."""
    zk_migration_ready: bool = boolean()
    listeners: list[Listener] = array(Listener)
    features: list[Feature] = array(Feature)


@message(key=70, kind="response", versions="0", flexible="0+")
class ControllerRegistrationResponse(Message):
    """You are in.

    - 0: all fields; flexible from the start (KIP-919)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
