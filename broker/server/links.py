"""The way out: connections of a node to its peers, a connection of its own for each (peer, lane).

A node says `Send`, and never how. A link is made with the first request on a lane, carries any
number of them at once, and hands back the answers, which come in the order of the questions. When
it ends, for whatever reason, the node hears `PeerLost` once and decides by itself what to do about
what was in flight; its next `Send` makes a new link. Nothing here tries again on its own.

Brokers of one cluster know each other's versions: there is no ApiVersions in front. An answer that
does not fit the question, or cannot be read, ends the link like any other loss.

A peer that takes nothing more (a process that is stopped, a network that is cut) is noticed by
whoever waits for its answer, and hung up on. Until then what is sent to it lies in our memory, and
that has a bound, too.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple, Protocol, cast

from broker.events import PeerLost, ResponseArrived, Send
from broker.server.framing import SCRATCH_BYTES, FrameReader
from broker.server.system import describe
from broker.wire.errors import FrameError
from broker.wire.frames import decode_response, encode_request
from broker.wire.messages.headers import RequestHeader

log = logging.getLogger("broker.server")

CONNECT_TIMEOUT_S = 2.0
"""After that nobody is there. (A lost SYN is sent again after one second.)"""
RETRY_S = 0.05
"""Two attempts on one lane begin no closer together (Kafka's reconnect.backoff.ms)."""
PATIENCE_S = 1.0
"""How long a peer may be away before that is worth a line in the log."""
UNSENT_MAX_BYTES = 128 * 1024 * 1024
"""What may wait for a peer to take it: a few answers of the largest size."""
_AT_ONCE_BYTES = 256 * 1024

Way = tuple[int, str]
"""A peer and a lane."""
Address = tuple[str, int]


class Asked(NamedTuple):
    """A request on its way: what its answer must fit."""

    correlation_id: int
    api_key: int
    api_version: int


def _header(asked: Asked, client_id: str) -> RequestHeader:
    return RequestHeader(
        request_api_key=asked.api_key,
        request_api_version=asked.api_version,
        correlation_id=asked.correlation_id,
        client_id=client_id,
    )


class Ends(Protocol):
    """What the links need of the host: somebody who hears, and somebody who flushes."""

    def hear(self, events: Iterable[ResponseArrived | PeerLost]) -> None: ...
    def will_write(self, link: Link) -> None: ...


class Links:
    """All links of one node."""

    def __init__(
        self,
        node_id: int,
        address: Callable[[int, str], Address | None],
        ends: Ends,
        loop: asyncio.AbstractEventLoop,
        max_bytes: int,
    ) -> None:
        self.scratch = bytearray(SCRATCH_BYTES)
        self.max_bytes = max_bytes
        self.loop = loop
        self._node_id = node_id
        self._address = address
        self._ends = ends
        self._links: dict[Way, Link] = {}
        self._last_attempt: dict[Way, float] = {}
        self._away: dict[tuple[int, Address], float] = {}
        """Since when a peer cannot be reached; negative: and that has been said."""
        self._ending: set[Link] = set()
        self._closed = False

    # -- the host's side ---------------------------------------------------------------------------

    def send(self, effect: Send) -> None:
        """Send a request, over a new link if there is none."""
        if self._closed:
            return
        way = effect.peer, effect.lane
        link = self._links.get(way)
        if link is None:
            link = self._links[way] = Link(self, effect.peer, effect.lane)
            link.task = self.loop.create_task(self._connect(link))
        asked = Asked(effect.correlation_id, effect.body.schema.key, effect.api_version)
        client_id = f"broker-{self._node_id}"
        try:
            frame = encode_request(_header(asked, client_id), effect.body)
        except Exception as error:
            reason = f"request {asked.api_key} cannot be written: {describe(error)}"
            # Not at once: this is the middle of a turn, and a node is not entered twice.
            self.loop.call_soon(self.complain, link, reason)
            return
        if link.ask(asked, frame):
            self._ends.will_write(link)

    def hang_up(self, peer: int, lane: str) -> None:
        """Give a link up without a word to the node, which has asked for it."""
        link = self._links.pop((peer, lane), None)
        if link is not None:
            link.end()

    async def close(self, last_words_s: float) -> None:
        """The node has stopped: let out what it said last, for as long as peers take it."""
        self._closed = True
        links = list(self._links.values())
        self._links.clear()
        for link in links:
            link.finish()
        patience = monotonic() + last_words_s
        while any(link.is_open for link in links) and monotonic() < patience:
            await asyncio.sleep(0.001)
        for link in links:
            link.end()
        await asyncio.gather(*(link.task for link in links), return_exceptions=True)
        await asyncio.sleep(0)  # aborted connections are closed in the next turn

    # -- a link's life -----------------------------------------------------------------------------

    async def _connect(self, link: Link) -> None:
        """Make a link's connection. Ends with the link open, or lost."""
        way = link.peer, link.lane
        wait = self._last_attempt.get(way, -RETRY_S) + RETRY_S - monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._last_attempt[way] = monotonic()
        address = self._address(*way)
        if address is None:
            self.lost(link, "its address is not known")
            return
        link.address = address
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.loop.create_connection(lambda: link, *address)
        except TimeoutError:
            self.lost(link, f"no answer within {CONNECT_TIMEOUT_S:g} s")
        except OSError as error:
            self.lost(link, os.strerror(error.errno) if error.errno else describe(error))

    def opened(self, link: Link) -> None:
        """A peer is there."""
        if self._away.pop((link.peer, link.address), 0) < 0:
            log.info("broker %d is reached again at %s:%d", link.peer, *link.address)

    def heard(self, events: list[ResponseArrived | PeerLost]) -> None:
        """Answers came."""
        if not self._closed:
            self._ends.hear(events)

    def lost(self, link: Link, reason: str) -> None:
        """A link has ended, and not because the node wanted it."""
        link.end()
        if self._links.get((link.peer, link.lane)) is link:
            del self._links[link.peer, link.lane]
            self._note(link, reason)
            self.heard([PeerLost(link.peer, link.lane)])

    def _note(self, link: Link, reason: str) -> None:
        """One line about a peer that stays away, whatever the number of links and attempts."""
        peer, address = link.peer, link.address
        if self._closed or not address[1]:
            return
        since = self._away.setdefault((peer, address), monotonic())
        if since >= 0 and monotonic() - since >= PATIENCE_S:
            self._away[peer, address] = -1.0
            log.warning("broker %d cannot be reached at %s:%d: %s", peer, *address, reason)

    def complain(self, link: Link, reason: str) -> None:
        """Something on a link makes no sense: that is no matter of patience."""
        if link.is_open:
            log.warning("hung up on broker %d (%s): %s", link.peer, link.lane, reason)
        self.lost(link, reason)


class Link(asyncio.BufferedProtocol):
    """One connection to a peer, from before it is made until after it is lost."""

    def __init__(self, links: Links, peer: int, lane: str) -> None:
        self.peer = peer
        self.lane = lane
        self.address: Address = ("", 0)
        self.task: asyncio.Task[None]
        self._links = links
        self._frames = FrameReader(links.scratch, links.max_bytes)
        self._asked: deque[Asked] = deque()
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._ended = False
        """Whatever happens from now on, nobody wants to hear of it."""
        self._finishing = False
        """It ends once it is made and what is there is written."""
        self.is_open = True

    # -- asyncio's side ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # TCP_NODELAY is asyncio's own habit.
        self._transport = cast("asyncio.Transport", transport)
        if not self.is_open:
            self._transport.abort()
            return
        self._links.opened(self)
        self.flush()
        if self._finishing:
            self._transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._frames.buffer()

    def buffer_updated(self, count: int) -> None:
        answers: list[ResponseArrived | PeerLost] = []
        trouble = ""
        try:
            for frame in self._frames.received(count):
                answers.append(self._read(frame))
        except FrameError as error:
            trouble = str(error)
        if answers and not self._ended:
            self._links.heard(answers)
        if trouble and not self._ended:
            self._links.complain(self, trouble)

    def _read(self, frame: bytearray) -> ResponseArrived:
        if not self._asked:
            raise FrameError("it answered what nobody asked")
        asked = self._asked.popleft()
        if len(frame) < 4 or int.from_bytes(frame[:4], "big", signed=True) != asked.correlation_id:
            raise FrameError(f"it answered something else than request {asked.correlation_id}")
        _, body = decode_response(asked.api_key, asked.api_version, frame)
        return ResponseArrived(self.peer, asked.correlation_id, body, self.lane)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if not self._ended:
            self._links.lost(self, describe(error) if error else "it closed the connection")

    # -- the way out -------------------------------------------------------------------------------

    def ask(self, asked: Asked, frame: bytes) -> bool:
        """Put a request behind the others; whether it is the first that is to be written."""
        self._asked.append(asked)
        self._out.append(frame)
        self._out_bytes += len(frame)
        return len(self._out) == 1

    def flush(self) -> None:
        """Write what is there, in one piece; before the connection is made, wait for it."""
        transport = self._transport
        if not self.is_open or not self._out:
            return
        if transport is not None:
            out, self._out, self._out_bytes = self._out, [], 0
            data = out[0] if len(out) == 1 else b"".join(out)
            # A view, so that what the kernel does not take at once is not copied to be cut.
            transport.write(memoryview(data) if len(data) > _AT_ONCE_BYTES else data)
        unsent = self._out_bytes + (transport.get_write_buffer_size() if transport else 0)
        if unsent > UNSENT_MAX_BYTES and not self._ended:
            # Not at once: this is the middle of a turn, and a node is not entered twice.
            reason = f"it has not taken {unsent} bytes"
            self._links.loop.call_soon(self._links.complain, self, reason)

    def finish(self) -> None:
        """Close the connection once it is made and everything is written."""
        self._ended = self._finishing = True
        if self._transport is not None:
            self.flush()
            self._transport.close()
        elif not self._out:
            self.end()

    def end(self) -> None:
        """Close the connection at once, or stop making it."""
        self._ended = True
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        else:
            self.task.cancel()
