"""How far a replica of the metadata log has come, as its leader knows it."""

from __future__ import annotations

from dataclasses import dataclass

from broker.events import Now
from broker.wire.primitives import ZERO_UUID


@dataclass(slots=True)
class Progress:
    """One replica. A follower's fetch offset says what it holds: all before it is on its disk."""

    replica_id: int
    directory_id: bytes = ZERO_UUID
    log_end_offset: int = -1
    last_fetch_us: int | None = None
    """On the monotonic clock, for the leader's own deadlines."""
    last_fetch_ms: int = -1
    """On the wall clock, for those who ask (KIP-836)."""
    last_caught_up_ms: int = -1
    _leader_end_then: int = -1

    def fetched(self, offset: int, leader_end: int, now: Now) -> None:
        """The replica fetches from an offset (LeaderState.ReplicaState.updateFollowerState).

        It counts as caught up if it has all, or all that there was when it fetched before.
        """
        if offset >= leader_end:
            self.last_caught_up_ms = max(self.last_caught_up_ms, now.wall_ms)
        elif 0 < self._leader_end_then <= offset:
            self.last_caught_up_ms = max(self.last_caught_up_ms, self.last_fetch_ms)
        self._leader_end_then = leader_end
        self.last_fetch_us = now.mono_us
        self.last_fetch_ms = max(self.last_fetch_ms, now.wall_ms)
        self.log_end_offset = offset
