"""The settings of one log: Kafka's topic configs, under Kafka's names and with Kafka's defaults.

`retention.ms` is `retention_ms` here. What the names mean to a user, which values are allowed and
which broker setting stands behind each is said in `broker/metadata/configs.py`; a log only obeys.
"""

from __future__ import annotations

from dataclasses import dataclass

FOREVER = 2**63 - 1
"""Kafka's Long.MAX_VALUE: a limit that is never reached."""

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
MIB = 1024 * 1024

CREATE_TIME = "CreateTime"
LOG_APPEND_TIME = "LogAppendTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """How one log is cut, kept and checked. Replaced as a whole when a config changes."""

    cleanup_policy: tuple[str, ...] = ("delete",)
    compression_type: str = "producer"
    delete_retention_ms: int = DAY_MS
    file_delete_delay_ms: int = 60_000
    flush_messages: int = FOREVER
    flush_ms: int = FOREVER
    index_interval_bytes: int = 4096
    max_compaction_lag_ms: int = FOREVER
    max_message_bytes: int = MIB + 12
    message_timestamp_after_max_ms: int = HOUR_MS
    message_timestamp_before_max_ms: int = FOREVER
    message_timestamp_type: str = CREATE_TIME
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    min_insync_replicas: int = 1
    retention_bytes: int = -1
    retention_ms: int = 7 * DAY_MS
    segment_bytes: int = 1024 * MIB
    segment_index_bytes: int = 10 * MIB
    segment_ms: int = 7 * DAY_MS
    unclean_leader_election_enable: bool = False
    producer_id_expiration_ms: int = DAY_MS
    """A broker setting (producer.id.expiration.ms), here because the log carries it out."""

    @property
    def compact(self) -> bool:
        """Whether only the last record of each key is kept."""
        return "compact" in self.cleanup_policy

    @property
    def delete(self) -> bool:
        """Whether whole segments go once they are old, or the log is too large."""
        return "delete" in self.cleanup_policy

    @property
    def stamps_append_time(self) -> bool:
        """Whether the broker's clock replaces the producer's timestamps."""
        return self.message_timestamp_type == LOG_APPEND_TIME
