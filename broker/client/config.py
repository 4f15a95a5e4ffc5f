"""The settings of the three clients, with the names and defaults of Kafka's Java clients (4.3).

Times are milliseconds here, because people write them; the machines count in microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.wire.compression import compression_from_name
from broker.wire.errors import ConfigError

ACKS_ALL = -1
"""acks=all: the leader answers when every in-sync replica has the records."""
NEVER_GIVE_UP = 2**31 - 1
MAX_IN_FLIGHT_IDEMPOTENT = 5
"""The broker remembers the last five batches of a producer; with more it could miss a duplicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """What all clients have in common."""

    client_id: str = ""
    request_timeout_ms: int = 30_000
    """How long to wait for an answer before the connection counts as lost."""
    retry_backoff_ms: int = 100
    retry_backoff_max_ms: int = 1_000
    reconnect_backoff_ms: int = 50
    reconnect_backoff_max_ms: int = 1_000
    metadata_max_age_ms: int = 300_000
    """Even a view of the cluster that works is looked at again: partitions may have been added."""

    @property
    def allow_auto_create_topics(self) -> bool:
        """Whether asking for a topic may create it, on a broker that allows it."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig(ClientConfig):
    """How a producer sends."""

    acks: int = ACKS_ALL
    enable_idempotence: bool | None = None
    """None: wherever the other settings allow it (acks=all, retries, at most five in flight)."""
    linger_ms: int = 5
    """How long a record may wait for company. A full batch leaves at once."""
    batch_size: int = 16_384
    max_request_size: int = 1_048_576
    delivery_timeout_ms: int = 120_000
    """From `send` to a final word, all retries included."""
    retries: int = NEVER_GIVE_UP
    max_in_flight_requests_per_connection: int = 5
    max_block_ms: int = 60_000
    """How long a record may wait for its topic to become known."""
    compression_type: str = "none"
    buffer_memory: int = 32 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse what Java's ProducerConfig refuses, in one line that names the setting."""
        if self.acks not in (ACKS_ALL, 0, 1):
            raise ConfigError(f"acks={self.acks}: must be 0, 1 or -1 (all)")
        if self.enable_idempotence and not self._allows_idempotence:
            raise ConfigError(
                "enable_idempotence=True: needs acks=-1, retries > 0 and"
                f" max_in_flight_requests_per_connection <= {MAX_IN_FLIGHT_IDEMPOTENT}"
            )
        if self.delivery_timeout_ms < self.linger_ms + self.request_timeout_ms:
            raise ConfigError(
                f"delivery_timeout_ms={self.delivery_timeout_ms}:"
                " must be at least linger_ms + request_timeout_ms"
            )
        try:
            compression_from_name(self.compression_type)
        except ValueError as problem:
            raise ConfigError(f"compression_type: {problem}") from None

    @property
    def idempotent(self) -> bool:
        """Whether retries are free of duplicates."""
        return self._allows_idempotence if self.enable_idempotence is None else self._wanted

    @property
    def _wanted(self) -> bool:
        return bool(self.enable_idempotence)

    @property
    def _allows_idempotence(self) -> bool:
        return (
            self.acks == ACKS_ALL
            and self.retries > 0
            and self.max_in_flight_requests_per_connection <= MAX_IN_FLIGHT_IDEMPOTENT
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerConfig(ClientConfig):
    """How a consumer reads."""

    auto_offset_reset: str = "latest"
    """Where to start, and where to go on when the position is not in the log (any more)."""
    fetch_min_bytes: int = 1
    fetch_max_wait_ms: int = 500
    fetch_max_bytes: int = 50 * 1024 * 1024
    max_partition_fetch_bytes: int = 1024 * 1024
    max_poll_records: int = 500

    def __post_init__(self) -> None:
        """Refuse a reset policy that nobody knows."""
        if self.auto_offset_reset not in ("earliest", "latest", "none"):
            raise ConfigError(
                f"auto_offset_reset={self.auto_offset_reset}: must be earliest, latest or none"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminConfig(ClientConfig):
    """How an administrator asks."""

    default_api_timeout_ms: int = 60_000
    """From the call to a final word, all retries included."""

    @property
    def allow_auto_create_topics(self) -> bool:
        """Looking at a topic must not bring it into being."""
        return False
