"""The settings of the metadata quorum, under Kafka's names: `controller.quorum.*`, `metadata.*`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from broker.wire.primitives import ZERO_UUID


class VoterEndpoint(NamedTuple):
    """Where a voter's listener for controllers is, for those who ask."""

    node_id: int
    listener: str
    host: str
    port: int


DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumConfig:
    """Who votes, and how long anybody waits. Kafka's defaults for the times are in `QuorumConfig`
    and `MetadataLogConfig`; ours are shorter, see `broker/metadata/broker_settings.py`."""

    node_id: int
    voters: tuple[int, ...]
    """The ids of all voters. They are static: whoever starts with another list votes by it."""
    endpoints: tuple[VoterEndpoint, ...] = ()
    cluster_id: str = ""
    directory_id: bytes = ZERO_UUID
    election_timeout_ms: int = 400
    """How long a voter without a leader waits before it stands; up to twice as long, by chance."""
    fetch_timeout_ms: int = 600
    """How long a follower hears nothing of its leader before it asks for an election. A leader
    that hears nothing of a majority for one and a half times as long resigns."""
    election_backoff_max_ms: int = 300
    """How long those wait that a resigning leader did not name first."""
    request_timeout_ms: int = 1000
    retry_backoff_ms: int = 50
    fetch_max_wait_ms: int = 500
    """How long a fetch waits at the leader; never more than half of `fetch_timeout_ms`."""
    fetch_max_bytes: int = 1 << 20
    fetch_snapshot_max_bytes: int = 1 << 20
    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * DAY_MS
    retention_bytes: int = 100 << 20
    """What log and snapshots may take together before the oldest snapshot goes, and what it stands
    for (`metadata.max.retention.bytes`)."""
    retention_ms: int = 7 * DAY_MS

    @property
    def check_quorum_us(self) -> int:
        """How long a leader goes on without hearing a majority (LeaderState's factor of 1.5)."""
        return self.fetch_timeout_ms * 1500

    @property
    def wait_ms(self) -> int:
        """How long a fetch asks to wait: an answer must come well before the follower gives up."""
        return min(self.fetch_max_wait_ms, self.fetch_timeout_ms // 2)
