"""One connection of a client: requests in, answers out in the order in which they were asked.

The node may answer out of order: a Fetch that waits for records is overtaken by the Metadata
request behind it. The protocol forbids that on the wire, so every request gets a *slot*, and an
answer leaves when all slots before it are done (acks=0 has a slot too, which is done with nothing
to send).

A client that asks faster than it reads must not fill the broker's memory. Handling stops, and then
reading, while any of these holds:

- too many of its requests wait for their answers, or too many bytes of them;
- answers pile up because the client does not read them;
- a Fetch waits. Kafka holds a connection during every request; here only Fetch does it, because its
  answer may be 55 MiB, and no client sends more than one at a time over a connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, cast

from broker.events import Disconnected, Respond
from broker.server.framing import FrameReader
from broker.server.system import describe, now
from broker.wire.errors import FrameError
from broker.wire.frames import encode_response

if TYPE_CHECKING:
    from broker.server.server import Server

log = logging.getLogger("broker.server")

FETCH = 1
_FETCH_KEY = FETCH.to_bytes(2, "big")
WRITE_HIGH_BYTES = 1024 * 1024
"""Unsent bytes at which a connection's requests are no longer handled."""
WAITING_HIGH_BYTES = 16 * 1024 * 1024
"""Bytes of waiting requests at which no further ones are handled."""
_FLUSH_AT_BYTES = 256 * 1024


class Slot:
    """The place of one request in the order of answers."""

    __slots__ = ("answer", "correlation_id", "size")

    def __init__(self, correlation_id: int) -> None:
        self.correlation_id = correlation_id
        self.answer: bytes | None = None
        """None while the request waits."""
        self.size = 0
        """Bytes that are kept for it: the request while it waits, then an answer not in turn."""


class Connection(asyncio.BufferedProtocol):
    """What asyncio calls when bytes come or may go."""

    def __init__(self, server: Server, number: int, *, is_controllers: bool = False) -> None:
        self.number = number
        self.is_controllers = is_controllers
        """Whether it came in on the listener for controllers."""
        self.peer = "?"
        self.host = ""
        self.last_read = monotonic()
        self._server = server
        self._read_request = (
            partial(server.read_request, to_controller=True)
            if is_controllers
            else server.read_request
        )
        self._frames = FrameReader(server.scratch, server.config.socket_request_max_bytes)
        self._inbox: deque[bytearray] = deque()
        self._slots: deque[Slot] = deque()
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._waiting_bytes = 0
        self._unsent_bytes = 0
        self._counted = 0  # what of our memory the budget has been told about
        self._seen: tuple[int, float] | None = None  # see has_moved()
        self._fetch_waits = False
        self._writing_paused = False
        self._reading_paused = False
        self._closing = False
        self._stopping = False
        self._transport: asyncio.Transport

    # -- asyncio's side --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        address = self._transport.get_extra_info("peername")
        if address:
            self.host, self.peer = address[0], f"{address[0]}:{address[1]}"
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
        )
        self._server.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        buffer = self._frames.buffer()
        if self._counted:
            self._recount(incoming=True)
        return buffer

    def buffer_updated(self, count: int) -> None:
        self.last_read = monotonic()
        try:
            frames = self._frames.received(count)
        except FrameError as error:
            self.close(str(error))
            return
        if frames:
            self._inbox.extend(frames)
            self.go_on()
        self._recount(incoming=True)

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._recount()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._unsent_bytes = 0
        self._recount()
        self.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        self._inbox.clear()
        self._slots.clear()
        self._server.lost(self)
        self._server.host.tell(Disconnected(self.number))

    # -- requests --------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Handle what has come, as far as limits allow, then write once."""
        inbox = self._inbox
        if inbox and not self._blocked():
            host = self._server.host
            read_request = self._read_request
            moment = now()
            while inbox and not self._blocked():
                frame = inbox.popleft()
                try:
                    request = read_request(frame, self.number)
                except Exception as error:
                    self.close(f"its request cannot be read: {describe(error)}")
                    break
                slot = Slot(request.correlation_id)
                self._slots.append(slot)
                host.request(request, moment)
                if slot.answer is None:
                    slot.size = len(frame)
                    self._waiting_bytes += slot.size
                    self._fetch_waits = request.api_key == FETCH
                if self._out_bytes > _FLUSH_AT_BYTES:
                    self.flush()
            host.settle()
        self._read_or_not()

    def _blocked(self) -> bool:
        return (
            self._fetch_waits
            or self._writing_paused
            or self._closing
            or len(self._slots) >= self._server.config.queued_max_requests
            or self._waiting_bytes > WAITING_HIGH_BYTES
            or (self._server.budget.short and self._waits_for_room())
        )

    def _waits_for_room(self) -> bool:
        """While memory is short, nothing is done that takes much more of it."""
        if self._inbox[0].startswith(_FETCH_KEY) or self._waiting_bytes:
            self._server.budget.wait(self)
            return True
        return False

    def _recount(self, *, incoming: bool = False) -> None:
        """Tell the budget how many bytes are kept for this connection."""
        if self._closing:
            return
        total = self._frames.held + self._waiting_bytes + self._unsent_bytes
        if self._inbox:
            total += sum(map(len, self._inbox))
        if total != self._counted:
            change, self._counted = total - self._counted, total
            self._server.budget.change(change, incoming=incoming)

    def _read_or_not(self) -> None:
        """Stop reading while requests lie unhandled; go on when they are."""
        if bool(self._inbox) == self._reading_paused or self._closing or self._stopping:
            return
        self._reading_paused = not self._reading_paused
        if self._reading_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- answers (called by the host) ------------------------------------------------------------

    def respond(self, effect: Respond) -> None:
        """Encode an answer, and send it when it is its turn."""
        _, correlation_id, api_key, api_version, body = effect
        slots = self._slots
        for slot in slots:
            if slot.correlation_id == correlation_id and slot.answer is None:
                break
        else:
            return  # The connection is closing, and its slots are gone.
        try:
            slot.answer = (
                b"" if body is None else encode_response(api_key, api_version, correlation_id, body)
            )
        except Exception as error:
            self.close(f"the answer to request {api_key} cannot be written: {describe(error)}")
            return
        if api_key == FETCH:
            self._fetch_waits = False
        if slots[0] is slot:
            self._pass_on_answers()
        else:
            self._waiting_bytes += len(slot.answer) - slot.size
            slot.size = len(slot.answer)

    def _pass_on_answers(self) -> None:
        """Take the answers that are in turn from their slots."""
        if not self._out:
            self._server.host.dirty.append(self)
        slots = self._slots
        freed = 0
        while slots and (answer := slots[0].answer) is not None:
            freed += slots.popleft().size
            if answer:
                self._out.append(answer)
                self._out_bytes += len(answer)
        if freed:
            self._waiting_bytes -= freed
            self._recount()
            if self._inbox:
                # Not at once: this is the middle of a turn, and a node is not entered twice.
                self._server.loop.call_soon(self.go_on)

    def flush(self) -> None:
        """Write all answers that are in turn, in one piece."""
        out = self._out
        if not out or self._closing:
            return
        self._out = []
        self._out_bytes = 0
        data = out[0] if len(out) == 1 else b"".join(out)
        # A view, so that the rest which the kernel does not take at once is not copied to be cut.
        self._transport.write(memoryview(data) if len(data) > _FLUSH_AT_BYTES else data)

    def close(self, reason: str) -> None:
        """Send what is in turn, then close, and say why."""
        if self._closing:
            return
        self.flush()
        self._closing = True
        self._server.closed(self, reason)
        self._transport.close()

    def close_quietly(self) -> None:
        """Close without a word: the broker stops, or nothing was said for too long."""
        self.flush()
        self._closing = True
        self._transport.close()

    def abort(self, reason: str = "") -> None:
        """Close at once, whatever is still to be sent. Without a reason: without a word."""
        self._closing = True
        if reason:
            self._server.closed(self, reason)
        self._transport.abort()

    def ignore_requests(self) -> None:
        """The broker stops: what has not been handled will not be."""
        self._stopping = True
        self._inbox.clear()
        if not self._reading_paused and not self._closing:
            self._reading_paused = True
            self._transport.pause_reading()

    def release(self) -> int:
        """Stop counting what this connection holds; how much it was."""
        counted, self._counted = self._counted, 0
        return counted

    @property
    def idle(self) -> bool:
        """Nothing is asked and nothing is owed."""
        return not self._slots and not self._writing_paused

    @property
    def held(self) -> int:
        """Bytes that are kept for this connection: requests, and answers it does not take."""
        return self._counted

    def has_moved(self) -> bool:
        """Whether anything came or went since this was last asked."""
        before = self._seen
        self._seen = (self._transport.get_write_buffer_size(), self.last_read)
        return self._seen != before
