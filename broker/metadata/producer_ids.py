"""Producer ids: each idempotent producer gets one that nobody had before.

The controller gives brokers whole blocks of ids (KIP-730), each recorded in the metadata log, so
that handing one out costs nothing and no id is ever given twice, whoever crashes: what is left of a
block when its broker stops is never used.
"""

from __future__ import annotations


class ProducerIds:
    """The rest of this broker's block."""

    def __init__(self) -> None:
        self._block = range(0)
        self.asked = False
        """Whether the controller was asked for the next block and has not answered yet."""

    @property
    def left(self) -> int:
        """How many ids of the block are left."""
        return len(self._block)

    def take(self) -> int | None:
        """The next id, or None when a new block is needed first."""
        if not self._block:
            return None
        producer_id = self._block[0]
        self._block = self._block[1:]
        return producer_id

    def refill(self, block: range) -> None:
        """The controller has given a block; it is committed, so nobody else will ever get it."""
        self._block, self.asked = block, False
