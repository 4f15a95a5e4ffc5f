"""BrokerRegistration: a broker has started, and wants to be part of the cluster (KIP-631).

It says where it listens, and what it can do. The answer is its broker epoch, the offset of the
record that registers it: whatever was sent in an earlier run bears a lower one, and is refused.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
    uint16,
    uuid,
)


@struct
class Listener(Message):
    """Where the broker listens."""

    name: str = string()
    """The listener's name, as PLAINTEXT."""
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


@struct
class Feature(Message):
    """A feature, and the levels of it that the broker can run (KIP-584)."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=62, kind="request", versions="0-4", flexible="0+")
class BrokerRegistrationRequest(Message):
    """Here I am.

    - 0: all but the following; flexible from the start (KIP-631)
    - 1: is_migrating_zk_broker (KIP-866)
    - 2: log_dirs (KIP-858)
    - 3: previous_broker_epoch (KIP-966)
    - 4: features may begin at level 0 (KIP-1022)
    """

    broker_id: int = int32()
    cluster_id: str = string()
    incarnation_id: bytes = uuid()
    """Drawn anew each time the process starts: the same one again is the same request again."""
    listeners: list[Listener] = array(Listener)
    features: list[Feature] = array(Feature)
    rack: str | None = string(nullable="0+")
    is_migrating_zk_broker: bool = boolean(versions="1+")
    log_dirs: list[bytes] = array(uuid, versions="2+", ignorable=True)
    previous_broker_epoch: int = int64(versions="3+", default=-1, ignorable=True)
    """The epoch of the run before, if that one was shut down cleanly. After any other end the
    broker may lack records that it had acknowledged, so it stops being an eligible leader."""


@message(key=62, kind="response", versions="0-4", flexible="0+")
class BrokerRegistrationResponse(Message):
    """You are in.

    - 0-4: all fields; flexible from the start (KIP-631)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    """DUPLICATE_BROKER_REGISTRATION while another run of the same id still sends heartbeats."""
    broker_epoch: int = int64(default=-1)
