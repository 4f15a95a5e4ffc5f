"""One budget of memory for all connections: what they send in, and what they do not take back.

Three ways to fill a broker's memory from outside, and what is done about each:

- *Half requests.* Many connections send a part of something large, and stop. When the budget is
  used up, the connection that has been silent for the longest time is closed, at once. An honest
  request is complete within moments. (To stop reading instead, as a pool of fixed size would, lets
  a few such connections keep everybody else waiting.)
- *Answers nobody takes.* A client asks for 50 MB and does not read them. While the budget is used
  up no Fetch is handled, everything else is; who takes nothing for a whole second is closed.
- *Requests that wait*, each bound to be answered by its own deadline: their connections are not
  read any further (see `Connection`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

SMALL_BYTES = 64 * 1024
"""Who holds no more than this is not what fills the memory."""
PATIENCE_S = 1.0


class Holder(Protocol):
    """A connection, as far as its memory is concerned."""

    last_read: float

    @property
    def held(self) -> int: ...
    def release(self) -> int: ...
    def has_moved(self) -> bool: ...
    def abort(self, reason: str) -> None: ...
    def go_on(self) -> None: ...


class Budget:
    """How many bytes are held, and what happens when they are too many."""

    def __init__(
        self,
        limit_bytes: int,
        holders: Callable[[], Iterable[Holder]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.used_bytes = 0
        self.short = False
        """Whether more is held than should be."""
        self._limit_bytes = limit_bytes
        self._holders = holders
        self._loop = loop
        self._waiting: dict[Holder, None] = {}  # in the order in which they came
        self._timer: asyncio.TimerHandle | None = None

    def change(self, count: int, *, incoming: bool = False) -> None:
        """Somebody holds so many bytes more, or fewer."""
        self.used_bytes += count
        self.short = self.used_bytes > self._limit_bytes
        if self.short:
            if incoming and count > 0:
                self._loop.call_soon(self._close_silent)
            elif self._timer is None:
                self._timer = self._loop.call_later(PATIENCE_S, self._close_stuck)
        elif self._waiting:
            waiting, self._waiting = self._waiting, {}
            for holder in waiting:
                self._loop.call_soon(holder.go_on)

    def wait(self, holder: Holder) -> None:
        """Tell a connection to go on when there is room again."""
        self._waiting[holder] = None

    def forget(self, holder: Holder) -> None:
        """A connection is gone, and what it held with it."""
        self._waiting.pop(holder, None)
        self.change(-holder.release())

    def close(self) -> None:
        """The server stops."""
        if self._timer is not None:
            self._timer.cancel()

    def _large(self) -> list[Holder]:
        return [holder for holder in self._holders() if holder.held > SMALL_BYTES]

    def _close_silent(self) -> None:
        """Make room at once: whoever has sent nothing for the longest time goes first."""
        for holder in sorted(self._large(), key=lambda h: h.last_read):
            if not self.short:
                return
            self._evict(holder)

    def _close_stuck(self) -> None:
        """Close those in whom nothing has moved since the last look."""
        self._timer = None
        for holder in self._large():
            if not self.short:
                return
            if not holder.has_moved():
                self._evict(holder)
        if self.short:
            self._timer = self._loop.call_later(PATIENCE_S, self._close_stuck)

    def _evict(self, holder: Holder) -> None:
        holder.abort(f"memory is short, and it holds {holder.held} bytes that do not move")
        self.forget(holder)
