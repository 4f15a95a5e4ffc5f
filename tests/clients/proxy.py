"""A network between processes of one machine that can be cut.

Brokers reach each other through ports of this proxy. Which process is at the other end of a
connection the system knows, so that a cut is between brokers, and clients still reach both sides.

A cut is silent, as a cable's is: nothing arrives, and nobody is told. What was under way is held
back, and goes on when the cut is healed, unless somebody has given up waiting by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

import psutil

HOST = "127.0.0.1"
CLIENT = 0


@dataclass(eq=False)
class Pipe:
    """One connection, in both directions."""

    source: int
    target: int
    whole: asyncio.Event = field(default_factory=asyncio.Event)


class Network:
    """Ports in front of ports, and cuts between those who use them."""

    def __init__(self, pid_of: Callable[[], dict[int, int]]) -> None:
        self._pid_of = pid_of
        """Process ids of the brokers that run, by broker."""
        self._pipes: set[Pipe] = set()
        self._cuts: set[tuple[int, int]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Network:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    # -- what a story does -------------------------------------------------------------------------

    def in_front_of(self, broker: int, port: int) -> int:
        """A port of the network's that leads to a port of a broker."""
        return asyncio.run_coroutine_threadsafe(self._open(broker, port), self._loop).result(10)

    def cut(self, one: Iterable[int], other: Iterable[int]) -> None:
        """From now on nothing passes between two groups of brokers."""
        pairs = {(a, b) for a in one for b in other}
        self._change(self._cuts | pairs | {(b, a) for a, b in pairs})

    def heal(self) -> None:
        """Everything passes again."""
        self._change(set())

    def _change(self, cuts: set[tuple[int, int]]) -> None:
        async def change() -> None:
            self._cuts = cuts
            for pipe in self._pipes:
                self._set(pipe)

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(10)

    def _set(self, pipe: Pipe) -> None:
        if (pipe.source, pipe.target) in self._cuts:
            pipe.whole.clear()
        else:
            pipe.whole.set()

    # -- connections -------------------------------------------------------------------------------

    async def _open(self, broker: int, port: int) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.CancelledError):  # streams make an error of it
                await self._carry(broker, port, reader, writer)

        server = await asyncio.start_server(connected, HOST, 0)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def _carry(
        self, broker: int, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        pipe = Pipe(self._who(writer.get_extra_info("peername")[1]), broker)
        self._pipes.add(pipe)
        self._set(pipe)
        ends = [writer]
        try:
            await pipe.whole.wait()
            with contextlib.suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection(HOST, port)
                ends.append(to_writer)
                ways = [
                    asyncio.ensure_future(self._pump(pipe, reader, to_writer)),
                    asyncio.ensure_future(self._pump(pipe, to_reader, writer)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
        finally:
            self._pipes.discard(pipe)
            for end in ends:
                end.transport.abort()

    @staticmethod
    async def _pump(pipe: Pipe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(256 * 1024):
                await pipe.whole.wait()
                writer.write(data)
                await writer.drain()
            await pipe.whole.wait()

    def _who(self, port: int) -> int:
        """Whose end of a connection this is."""
        for broker, pid in self._pid_of().items():
            with contextlib.suppress(psutil.Error):
                for connection in psutil.Process(pid).net_connections("tcp4"):
                    if connection.laddr.port == port:
                        return broker
        return CLIENT
