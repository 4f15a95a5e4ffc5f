"""Which ways through the network are cut, slow or lossy, and what waits behind a cut.

A way has a direction. With all its ways cut a broker is alone; with one direction cut it may still
be heard, or still hear, and each side believes something else about the other. The shapes that
have broken real clusters have names: a *bridge* (two halves that only meet in one broker), an
*isolated* broker, a *ring* in which everybody hears a majority and no two hear the same.

Nobody is told of a cut. Messages wait, their senders lose patience, and when the way is open again
the kernel still sends what it could not deliver, whether or not anybody wants it any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from broker.sim.packets import Notice, Packet, Stream
from broker.sim.world import World

Way = tuple[str, str]
"""From one host to another."""

AGAIN_US = (1_000, 200_000)
"""After a cut is healed, TCP sends again at its own pace: the least and the most that takes."""


class Links:
    """The ways between hosts, as far as they are not like all others."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cuts: dict[Way, None] = {}
        self.changes = 0
        """How often ways were cut or healed."""
        self.delays: dict[Way, tuple[int, int]] = {}
        """The least and the most that a message takes, where that is another than elsewhere."""
        self.losses: dict[Way, float] = {}
        """The share of messages that is lost, where that is another than elsewhere."""
        self.streams: dict[Stream, None] = {}
        """Streams that are stalled."""
        self.restless: dict[object, None] = {}
        """What goes on cutting and healing by itself."""
        self._dice: Random = world.dice("links")

    # -- cutting and healing --------------------------------------------------------------------

    def cut(self, ways: Iterable[Way]) -> None:
        """Let nothing through any more."""
        self.changes += 1
        self.cuts.update(dict.fromkeys(ways))

    def heal(self, ways: Iterable[Way] | None = None) -> None:
        """Open ways again, or all; what has waited follows after a while, each stream by itself."""
        self.changes += 1
        if ways is None:
            self.cuts.clear()
            self.restless.clear()
        else:
            for way in ways:
                self.cuts.pop(way, None)
        low, high = AGAIN_US
        # First of its moment, as what it puts on the plan will be: it must stay ahead of that.
        for stream in self.streams:
            if not self.is_cut(stream):
                wait_us = low + int(self._dice.random() * (high - low))
                time_us = self.world.now_us + wait_us
                self.world.plan(time_us, Retransmission(self, stream, time_us), first=True)

    def is_cut(self, stream: Stream) -> bool:
        """Whether nothing gets through in this direction."""
        return (stream.sender.name, stream.receiver.name) in self.cuts

    def lets_connect(self, client: str, server: str) -> bool:
        """A connection needs both directions."""
        return (client, server) not in self.cuts and (server, client) not in self.cuts

    # -- what waits -----------------------------------------------------------------------------

    def stalls(self, stream: Stream, item: Packet | Notice) -> bool:
        """Keep something back that has come to a cut, or behind others that wait there."""
        if not stream.stalled and not (self.cuts and self.is_cut(stream)):
            return False
        stream.stalled.append(item)
        self.streams[stream] = None
        return True

    def waiting(self) -> list[Packet | Notice]:
        """Everything that is kept back."""
        return [item for stream in self.streams for item in stream.stalled]


class Retransmission:
    """TCP sends again what a stream could not deliver."""

    __slots__ = ("links", "stream", "time_us")

    def __init__(self, links: Links, stream: Stream, time_us: int) -> None:
        self.links = links
        self.stream = stream
        self.time_us = time_us

    def still(self) -> bool:
        """Put what has waited on the plan, in its order. That it does so is no event of its own."""
        links, stream = self.links, self.stream
        if stream.stalled and not links.is_cut(stream):
            items, stream.stalled = stream.stalled, []
            del links.streams[stream]
            for item in items:
                links.world.plan(self.time_us, item, first=True)
        return False

    def happen(self) -> None:
        """Never: see `still`."""
