"""A broker that shares its process with others: it may die and live again while they go on.

All of them run on one event loop. What dies here is what dies with a process: connections, sockets,
everything in memory. What was written to files stays, as the page cache does for a killed process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from broker.metadata.configs import BrokerConfig
from broker.server.server import Server

if TYPE_CHECKING:
    from broker.node import Node


class Embedded:
    """One broker of several, through all its lives."""

    def __init__(self, config: BrokerConfig, on_failure: Callable[[], None]) -> None:
        self.address = str(config.advertised)
        self._config = config
        self._server: Server | None = None
        self._life: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._on_failure = on_failure
        self._failure: BaseException | None = None

    # -- lives -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start. `settled` tells when it answers, or cannot."""
        self._failure = None
        self._stop.clear()
        self._settled.clear()
        self._server = Server(self._config)
        self._life = asyncio.create_task(self._live(self._server))

    async def _live(self, server: Server) -> None:
        try:
            await server.start()
            self.address = str(server.address)
            self._settled.set()
            await server.serve(self._stop)
        except Exception as error:
            self._failure = error
            self._on_failure()
        finally:
            self._settled.set()

    async def settled(self) -> None:
        """Wait until clients are answered. Raises what keeps it from that."""
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    async def end(self) -> None:
        """Stop in order, if it runs."""
        life, server = self._life, self._server
        if life is None or server is None:
            return
        self._stop.set()
        if not self._settled.is_set():  # it waits for a quorum that may never come
            await self._cut_short(life)
            await server.stop()
        await asyncio.wait({life})
        self._server = self._life = None

    async def crash(self) -> None:
        """Die on the spot."""
        life, server = self._life, self._server
        if life is None or server is None:
            return
        await self._cut_short(life)
        await server.crash()
        self._server = self._life = None

    @staticmethod
    async def _cut_short(life: asyncio.Task[None]) -> None:
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life

    # -- what others see -------------------------------------------------------------------------

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is about to."""
        return self._life is not None and not self._life.done()

    @property
    def has_failed(self) -> bool:
        """Whether it has ended by itself."""
        return self._failure is not None

    @property
    def state(self) -> str:
        """What there is to say about it, if it does not simply serve."""
        if self._failure is not None:
            return f"stopped: {self._failure}"
        if self._life is None:
            return "down"
        return "" if self._settled.is_set() else "waits for the others"

    @property
    def node(self) -> Node | None:
        """Its node, as long as it lives."""
        if self._server is None or not hasattr(self._server, "host"):
            return None
        return cast("Node", self._server.host.node)

    def raise_failure(self) -> None:
        """Tell whoever stops it that it had ended before."""
        if self._failure is not None:
            raise self._failure
