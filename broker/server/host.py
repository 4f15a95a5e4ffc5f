"""The host of a node in real time: it tells the node what happens, and does what the node asks.

The node is a state machine that never waits. Around it stand the things that do: connections of
clients and to peers, the clock, the disk's `fsync`. Each turn of the event loop that touches the
node has two halves:

    1. events go in, effects come out and are carried out, which fills buffers of connections;
    2. `settle`: each connection that has something to say writes once, what is to be synced goes to
       the threads that do so, and the one timer is set to the node's next deadline.

Nothing that goes wrong for one request may end the others: an error that escapes the node is one
line in the log and the end of the connection that caused it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from broker.events import (
    Close,
    DeadlineCame,
    Effect,
    Event,
    HangUp,
    Now,
    RequestArrived,
    Respond,
    Send,
    Sync,
    Synced,
)
from broker.metadata.configs import BrokerConfig
from broker.server.links import Address, Links
from broker.server.syncing import SyncThreads
from broker.server.system import describe, now

log = logging.getLogger("broker.server")

_AFTER_FAILURE_US = 1_000_000
"""A deadline that fails is tried again, but not at once and for ever."""


class Hosted(Protocol):
    """What a host needs of a node: DESIGN's joint, and a beginning and an end."""

    config: BrokerConfig
    failure: str

    @property
    def ready(self) -> bool: ...
    @property
    def stopped(self) -> bool: ...
    def start(self, now: Now) -> list[Effect]: ...
    def handle(self, event: Event, now: Now) -> list[Effect]: ...
    def deadline(self) -> int | None: ...
    def shutdown(self, now: Now) -> list[Effect]: ...
    def address(self, peer: int, lane: str) -> Address | None: ...


class Syncing(Protocol):
    """What a host needs of a disk: the one slow call. It must be safe in another thread."""

    def sync(self, paths: Iterable[str]) -> None: ...


class Writer(Protocol):
    """Whatever has something to write at the end of a turn."""

    def flush(self) -> None: ...


class Client(Writer, Protocol):
    """What a host needs of a connection on which requests come."""

    def respond(self, effect: Respond) -> None: ...
    def close(self, reason: str) -> None: ...


class Host:
    """Runs one node on one event loop."""

    def __init__(self, node: Hosted, disk: Syncing, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self.connections: dict[int, Client] = {}
        self.dirty: list[Writer] = []
        """Who has something to write when this turn settles."""
        config = node.config
        self.links = Links(
            config.node_id, node.address, self, loop, config.socket_request_max_bytes
        )
        self._disk = disk
        self._loop = loop
        self._threads = SyncThreads()
        self._to_sync: list[Sync] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0
        self._not_before_us = 0
        self._awaiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._closed = False

    # -- events ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Wake the node up. It may need time (recovery) until it is `ready`."""
        self._carry_out(self.node.start(now()))
        self.settle()
        self._look_up()

    def shut_down(self) -> None:
        """Let the node end in order. It may need time until it is `stopped`."""
        self._carry_out(self.node.shutdown(now()))
        self.settle()
        self._look_up()

    def request(self, request: RequestArrived, moment: Now) -> None:
        """A request came in. The caller settles, once for all that came together."""
        try:
            effects = self.node.handle(request, moment)
        except Exception as error:
            log.debug("the error in full", exc_info=error)
            what = f"request {request.api_key} v{request.api_version}"
            self._drop(request.connection, f"the broker failed on {what}: {describe(error)}")
            return
        self._carry_out(effects)

    def tell(self, event: Event) -> None:
        """Anything else happened."""
        self.hear((event,))

    def hear(self, events: Iterable[Event]) -> None:
        """Several things happened at once, such as all the answers of one read."""
        if self._closed:
            return
        moment = now()
        for event in events:
            self._hand_over(event, moment)
        self.settle()
        self._look_up()

    def _hand_over(self, event: Event, moment: Now) -> None:
        try:
            effects = self.node.handle(event, moment)
        except Exception as error:
            self._report(type(event).__name__, error)
            self._not_before_us = moment.mono_us + _AFTER_FAILURE_US
            return
        self._carry_out(effects)

    # -- effects ---------------------------------------------------------------------------------

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Respond:
                client = self.connections.get(effect.connection)  # type: ignore[union-attr]
                if client is not None:
                    client.respond(effect)  # type: ignore[arg-type]
            elif isinstance(effect, Send):
                self.links.send(effect)
            elif isinstance(effect, Sync):
                self._to_sync.append(effect)
            elif isinstance(effect, Close):
                self._drop(effect.connection, effect.reason)
            elif isinstance(effect, HangUp):
                self.links.hang_up(effect.peer, effect.lane)

    def will_write(self, writer: Writer) -> None:
        """Somebody has something to write when this turn settles."""
        self.dirty.append(writer)

    def _drop(self, connection: int, reason: str) -> None:
        client = self.connections.get(connection)
        if client is not None:
            client.close(reason)

    def _sync_in_thread(self, effect: Sync) -> None:
        failed = False
        try:
            self._disk.sync(effect.paths)
        except Exception as error:
            failed = True
            self._report("sync", error)
        # The loop is gone when the process ends in the middle of a sync: nobody is left to tell.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.tell, Synced(effect.token, failed))

    # -- the end of a turn -----------------------------------------------------------------------

    def settle(self) -> None:
        """Write what is to be written, and set the timer."""
        if self.dirty:
            dirty, self.dirty = self.dirty, []
            for writer in dirty:
                writer.flush()
        if self._to_sync:
            self._sync()
        due_us = self.node.deadline()
        if due_us is not None and (self._timer is None or due_us < self._timer_us):
            self._set_timer(max(due_us, self._not_before_us))

    def _sync(self) -> None:
        """Not before others were told what they need not wait with: a thread that wakes up wants
        the interpreter, and takes it from this one."""
        to_sync, self._to_sync = self._to_sync, []
        for effect in to_sync:
            self._threads.run(partial(self._sync_in_thread, effect))

    def _set_timer(self, due_us: int) -> None:
        # A timer that is set too early is left alone: it finds nothing to do and sets the next one.
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = due_us
        self._timer = self._loop.call_at(due_us / 1_000_000, self._timer_rang)

    def _timer_rang(self) -> None:
        self._timer = None
        moment = now()
        due_us = self.node.deadline()
        if due_us is not None and due_us <= moment.mono_us >= self._not_before_us:
            self._hand_over(DeadlineCame(), moment)
        self.settle()
        self._look_up()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of the node that requests do not change."""
        while not condition():
            awaited = self._loop.create_future()
            self._awaiting.append((condition, awaited))
            await awaited

    def _look_up(self) -> None:
        """Wake up those for whom it has come true, and nobody else: to wake a task for nothing
        costs a turn of the event loop, as much as a small request."""
        for waits in self._awaiting[:]:
            condition, awaited = waits
            if awaited.done() or condition():
                self._awaiting.remove(waits)
                if not awaited.done():
                    awaited.set_result(None)

    def close(self) -> None:
        """Nothing reaches the node any more. Waits for syncs that are going on."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._threads.close()

    @staticmethod
    def _report(what: str, error: Exception) -> None:
        """One line for whoever runs the broker, and the whole story for whoever debugs it."""
        log.error("%s failed: %s", what, describe(error))
        log.debug("the error in full", exc_info=error)
