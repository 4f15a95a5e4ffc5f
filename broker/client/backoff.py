"""How long to wait before trying again (KIP-580).

Each failed attempt doubles the wait, up to a limit, and a random fifth is added or taken away:
clients that failed together must not come back together.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.events import Entropy

_JITTER = 0.2
_US_PER_MS = 1000


@dataclass(frozen=True, slots=True)
class ExponentialBackoff:
    """`initial_ms * 2^attempts`, at most `max_ms`, give or take a fifth."""

    initial_ms: int
    max_ms: int
    entropy: Entropy

    def delay_us(self, attempts: int) -> int:
        """The wait after `attempts` failures in a row before this one."""
        factor = 1 - _JITTER + 2 * _JITTER * self.entropy.random()
        # Beyond 2^32 there is no limit left to reach; this keeps the numbers small.
        grown_ms = min(self.initial_ms << min(attempts, 32), self.max_ms)
        return min(int(grown_ms * factor * _US_PER_MS), self.max_ms * _US_PER_MS)
