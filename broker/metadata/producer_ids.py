"""Producer ids: each idempotent producer gets one that nobody had before.

The controller gives brokers whole blocks of ids (KIP-730), each recorded in the metadata log, so
that handing one out costs nothing and no id is ever given twice, whoever crashes: what is left of a
block when its broker stops is never used.
"""

from __future__ import annotations


class ProducerIds:
    """The rest of this broker's block, and the block that is being committed."""

    def __init__(self) -> None:
        self._block = range(0)
        self._coming: range | None = None
        self._coming_offset = 0

    def take(self) -> int | None:
        """The next id, or None when a new block is needed first."""
        if not self._block:
            return None
        producer_id = self._block[0]
        self._block = self._block[1:]
        return producer_id

    @property
    def coming(self) -> int | None:
        """The metadata offset that the next block waits for, if one was asked for."""
        return None if self._coming is None else self._coming_offset

    def expect(self, block: range, offset: int) -> None:
        """A block was recorded; it may be used once the metadata are committed up to `offset`."""
        self._coming, self._coming_offset = block, offset

    def committed(self, offset: int) -> None:
        """The metadata are committed up to `offset`."""
        if self._coming is not None and self._coming_offset <= offset:
            self._block, self._coming = self._coming, None
