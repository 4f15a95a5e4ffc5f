"""The waiting room: requests that cannot be answered yet, as plain data.

    room.enter(waiter, keys, deadline_us)     wait for one of these keys, until the deadline
    room.at(key)                              who waits for it, in the order in which they came
    room.due(mono_us)                         whose time is up
    room.leave(waiter) / room.forget(conn)    answered, or nobody is left to answer

What a waiter waits *for* is its own affair: its owner looks at it again whenever something happened
at one of its keys (Kafka's `DelayedOperationPurgatory`, without its timer wheel and its threads).
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """Anything that waits has a connection on which it will be answered."""

    connection: int


W = TypeVar("W", bound=Waiting)


class WaitingRoom(Generic[W]):
    """Who waits, for which keys, until when. All times are monotonic microseconds."""

    def __init__(self) -> None:
        self._tickets = 0
        self._waiters: dict[int, tuple[W, tuple[Hashable, ...]]] = {}
        self._ticket_of: dict[int, int] = {}
        self._by_key: dict[Hashable, dict[int, None]] = {}
        self._deadlines: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._waiters)

    def enter(self, waiter: W, keys: Iterable[Hashable], deadline_us: int) -> None:
        """Let a request wait. It may name a key twice, and still waits for it once."""
        self._tickets += 1
        ticket = self._tickets
        kept = tuple(dict.fromkeys(keys))
        self._waiters[ticket] = (waiter, kept)
        self._ticket_of[id(waiter)] = ticket
        for key in kept:
            self._by_key.setdefault(key, {})[ticket] = None
        heapq.heappush(self._deadlines, (deadline_us, ticket))

    def at(self, key: Hashable) -> list[W]:
        """Who waits for this key, first come first."""
        return [self._waiters[ticket][0] for ticket in self._by_key.get(key, ())]

    def leave(self, waiter: W) -> None:
        """The request is answered; nothing happens if it was not waiting."""
        ticket = self._ticket_of.pop(id(waiter), None)
        if ticket is None:
            return
        _, keys = self._waiters.pop(ticket)
        for key in keys:
            waiting = self._by_key[key]
            waiting.pop(ticket, None)
            if not waiting:
                del self._by_key[key]
        if len(self._deadlines) > 64 and len(self._deadlines) > 4 * len(self._waiters):
            # Most deadlines belong to requests that were answered long before.
            self._deadlines = [d for d in self._deadlines if d[1] in self._waiters]
            heapq.heapify(self._deadlines)

    def forget(self, connection: int) -> None:
        """The connection is gone: nobody is left to answer."""
        for waiter in [w for w, _ in self._waiters.values() if w.connection == connection]:
            self.leave(waiter)

    def due(self, mono_us: int) -> list[W]:
        """Whose time is up. They still wait until they leave."""
        out = []
        while self._deadlines and self._deadlines[0][0] <= mono_us:
            _, ticket = heapq.heappop(self._deadlines)
            if ticket in self._waiters:
                out.append(self._waiters[ticket][0])
        return out

    def deadline(self) -> int | None:
        """When the next one's time is up."""
        while self._deadlines and self._deadlines[0][1] not in self._waiters:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None
