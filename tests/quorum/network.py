"""The network between the nodes of a small quorum: connections keep their order, and may be cut.

What is sent over a cut way is lost without a word; who sends to a machine that is down, or has gone
down, is told so.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from broker.events import Effect, HangUp, Respond, Send

if TYPE_CHECKING:
    from tests.quorum.harness import Host


class Link(NamedTuple):
    """Where a request came from, and on which connection of that node's."""

    node: int
    connection: int


class Network:
    """The ways between the hosts. Whoever has a clock extends it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.time = 0
        self.hosts: dict[int, Host] = {}
        self.loss = 0.0
        self.delay_us = (100, 3_000)
        self.cuts: set[tuple[int, int]] = set()
        self._way_free_at: dict[tuple[int, int, int], int] = {}
        self._connections: dict[tuple[int, int], int] = {}
        """(from, to) -> the number of the present connection."""
        self._opened = 0

    def later(self, delay_us: int, what: str, host: Host, *args: object) -> None:
        """Let something happen at a host after a while."""
        raise NotImplementedError

    def is_open(self, here: int, there: int, connection: int) -> bool:
        """Whether this is the present connection of one node to another."""
        return self._connections.get((here, there)) == connection

    def lose(self, here: int, there: int) -> None:
        """A connection is no more."""
        del self._connections[here, there]

    def carry_out(self, host: Host, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(host, effect)
        elif isinstance(effect, Respond):
            self._answer(host, effect)
        elif isinstance(effect, HangUp):
            connection = self._connections.pop((host.node_id, effect.peer), None)
            peer = self.hosts[effect.peer]
            if connection is not None and peer.up:
                self.later(self._latency(), "hung_up", peer, connection)

    def _send(self, host: Host, send: Send) -> None:
        here, there = host.node_id, send.peer
        assert here != there, "nobody sends to itself"
        if (here, there) not in self._connections:
            self._opened += 1
            self._connections[here, there] = self._opened
        connection = self._connections[here, there]
        peer = self.hosts[there]
        if (here, there) in self.cuts or self.random.random() < self.loss:
            return
        if not peer.up:
            self.later(self._latency(), "lost", host, there, connection)
            return
        delay = self._in_order(here, there, connection)
        self.later(delay, "request", peer, Link(here, connection), send)

    def _answer(self, host: Host, respond: Respond) -> None:
        for (here, there), connection in self._connections.items():
            if connection == respond.connection and there == host.node_id:
                if (there, here) not in self.cuts and self.random.random() >= self.loss:
                    delay = self._in_order(there, here, connection)
                    self.later(delay, "response", self.hosts[here], there, connection, respond)
                return

    def _latency(self) -> int:
        low, high = self.delay_us
        return low + int(self.random.random() * (high - low))

    def _in_order(self, here: int, there: int, connection: int) -> int:
        """One connection keeps the order of what is sent on it."""
        way = (here, there, connection)
        due = max(self.time + self._latency(), self._way_free_at.get(way, 0))
        self._way_free_at[way] = due
        return due - self.time

    def hang_up(self, node: int) -> None:
        """A machine is gone: all its connections are, and the others notice."""
        for (here, there), connection in list(self._connections.items()):
            if here == node:
                del self._connections[here, there]
                self.later(self._latency(), "hung_up", self.hosts[there], connection)
            elif there == node:
                self.later(self._latency(), "lost", self.hosts[here], there, connection)

    def cut(self, these: Iterable[int], those: Iterable[int], one_way: bool = False) -> None:
        """What one side sends does not reach the other, and nobody is told."""
        for here in these:
            for there in those:
                self.cuts.add((here, there))
                if not one_way:
                    self.cuts.add((there, here))

    def isolate(self, node: int) -> None:
        self.cut({node}, set(self.hosts) - {node})

    def heal(self) -> None:
        self.cuts.clear()
        self.loss = 0.0
        for host in self.hosts.values():
            if not host.up:
                host.start()
