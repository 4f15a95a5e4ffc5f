"""BrokerHeartbeat: I am alive, and this is how far I know the metadata (KIP-631).

A broker that is silent for the session's length is fenced: it leads nothing, and is nowhere in
sync. With the same request it asks to be unfenced after its start, and to be relieved of what it
leads before it stops.
"""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int16, int32, int64, message, uuid


@message(key=63, kind="request", versions="0-2", flexible="0+")
class BrokerHeartbeatRequest(Message):
    """I am alive.

    - 0: all but the following; flexible from the start (KIP-631)
    - 1: offline_log_dirs, tagged (KIP-858)
    - 2: cordoned_log_dirs, tagged (KIP-1066)
    """

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    current_metadata_offset: int = int64()
    """The last record of the metadata log that it has applied."""
    want_fence: bool = boolean()
    """It is not ready to serve: it is starting."""
    want_shut_down: bool = boolean()
    """It wants to stop, once others lead what it leads."""
    offline_log_dirs: list[bytes] = array(uuid, versions="1+", tag=0)
    cordoned_log_dirs: list[bytes] | None = array(
        uuid, versions="2+", nullable="2+", tag=1, default=None
    )
    """Directories that get no new replicas. Null before the broker has recovered its logs."""


@message(key=63, kind="response", versions="0-2", flexible="0+")
class BrokerHeartbeatResponse(Message):
    """What the controller makes of you.

    - 0-2: all fields; flexible from the start (KIP-631)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    is_caught_up: bool = boolean()
    """It knows the metadata, at least up to its own registration."""
    is_fenced: bool = boolean(default=True)
    should_shut_down: bool = boolean()
    """It leads nothing any more, and may stop."""
