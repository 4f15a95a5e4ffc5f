"""A node small enough to see through: it answers Metadata requests as their topic's name says.

echo:A     answered at once, with cluster_id "A"
hold:A     answered when it is released by another request
release:A  answered, and hold:A with it, but after this one
silent     done without an answer, as Produce with acks=0 is
large:N    answered with N bytes
fail       the node fails
close      the node wants the connection closed
sync:A     answered when a file is synced
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from broker.events import (
    Close,
    DeadlineCame,
    Disconnected,
    Effect,
    Event,
    Now,
    RequestArrived,
    Respond,
    Sync,
    Synced,
)
from broker.metadata.configs import BrokerConfig
from broker.server.server import Server
from broker.wire.frames import decode_response, encode_request
from broker.wire.messages.headers import RequestHeader
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)

METADATA = 3
VERSION = 9


class StoryNode:
    """A node whose every answer is asked for by name."""

    def __init__(self) -> None:
        self.config = BrokerConfig()
        self.failure = ""
        self.ready = True
        self.stopped = False
        self.held: dict[str, RequestArrived] = {}
        self.syncing: dict[int, RequestArrived] = {}
        self.handled: list[str] = []
        self.disconnected: list[int] = []
        self.synced: list[Synced] = []
        self.due_us: int | None = None
        self.rings: list[int] = []

    def start(self, now: Now) -> list[Effect]:
        return []

    def shutdown(self, now: Now) -> list[Effect]:
        self.stopped = True
        return []

    def deadline(self) -> int | None:
        return self.due_us

    def address(self, peer: int, lane: str) -> tuple[str, int] | None:
        return None

    def handle(self, event: Event, now: Now) -> list[Effect]:
        match event:
            case RequestArrived():
                return self._request(event)
            case Disconnected(connection):
                self.disconnected.append(connection)
            case Synced(token):
                self.synced.append(event)
                return [answer(self.syncing.pop(token), "synced")]
            case DeadlineCame():
                self.rings.append(now.mono_us)
                self.due_us = None
        return []

    def _request(self, request: RequestArrived) -> list[Effect]:
        assert isinstance(request.body, MetadataRequest)
        assert request.body.topics
        name = request.body.topics[0].name or ""
        self.handled.append(name)
        verb, _, word = name.partition(":")
        match verb:
            case "hold":
                self.held[word] = request
                return []
            case "release":
                return [answer(request, name), answer(self.held.pop(word), word)]
            case "silent":
                return [answer(request, None)]
            case "large":
                return [answer(request, "x" * int(word))]
            case "fail":
                raise KeyError("a bug of the node's")
            case "close":
                return [Close(request.connection, "the node wants it")]
            case "sync":
                token = len(self.synced) + len(self.syncing)
                self.syncing[token] = request
                return [Sync(token, (word,))]
        return [answer(request, word)]


def answer(request: RequestArrived, text: str | None) -> Respond:
    body = None if text is None else MetadataResponse(cluster_id=text)
    return Respond(
        request.connection, request.correlation_id, request.api_key, request.api_version, body
    )


class NoDisk:
    """A disk that remembers what was synced, and in which thread."""

    def __init__(self, broken: bool = False) -> None:
        self.synced: list[str] = []
        self.threads: set[str] = set()
        self._broken = broken

    def sync(self, paths: Iterable[str]) -> None:
        self.threads.add(threading.current_thread().name)
        if self._broken:
            raise OSError(5, "Input/output error")
        self.synced.extend(paths)


def ask(correlation_id: int, name: str, api_key: int = METADATA) -> bytes:
    """The bytes of one request."""
    header = RequestHeader(
        request_api_key=api_key,
        request_api_version=VERSION,
        correlation_id=correlation_id,
        client_id="story",
    )
    return encode_request(header, MetadataRequest(topics=[MetadataRequestTopic(name=name)]))


class Client:
    """A client that speaks bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answers(self, count: int) -> list[tuple[int, str]]:
        """The next so many answers: their correlation ids and what they say."""
        return [await self._answer() for _ in range(count)]

    async def _answer(self) -> tuple[int, str]:
        size = int.from_bytes(await self._reader.readexactly(4), "big")
        frame = await self._reader.readexactly(size)
        correlation_id, body = decode_response(METADATA, VERSION, frame)
        assert isinstance(body, MetadataResponse)
        return correlation_id, body.cluster_id or ""

    async def closed(self) -> bool:
        """Whether the broker has closed the connection, without another byte."""
        try:
            return await self._reader.read() == b""
        except ConnectionError:
            return True


class World:
    """A server with a story node, and clients of it."""

    def __init__(self, server: Server, node: StoryNode, disk: NoDisk) -> None:
        self.server = server
        self.node = node
        self.disk = disk
        self._clients: list[Client] = []

    async def client(self) -> Client:
        streams = await asyncio.open_connection(self.server.address.host, self.server.address.port)
        client = Client(*streams)
        self._clients.append(client)
        return client

    async def stranger(self, data: bytes = b"") -> socket.socket:
        """A connection without asyncio's manners, for those who mean ill."""
        loop = asyncio.get_running_loop()
        plain = socket.socket()
        plain.setblocking(False)
        await loop.sock_connect(plain, (self.server.address.host, self.server.address.port))
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(plain, data)
        return plain

    async def close(self) -> None:
        for client in self._clients:
            client.writer.close()
        await self.server.stop()


@contextlib.asynccontextmanager
async def world(disk: NoDisk | None = None, **settings: str) -> AsyncIterator[World]:
    """A running server on a free port. Settings with underscores for dots."""
    given = {name.replace("_", "."): text for name, text in settings.items()}
    config = BrokerConfig.from_settings({"listeners": "PLAINTEXT://127.0.0.1:0", **given})
    node, disk = StoryNode(), disk or NoDisk()
    node.config = config
    server = Server(config, node=lambda *_: node, disk=disk)  # type: ignore[arg-type]
    await server.start()
    there = World(server, node, disk)
    try:
        yield there
    finally:
        await there.close()


async def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait until something is true; the test fails if it never is."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.001)


def tell(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story to its end, and not for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story()

    asyncio.run(bounded())
