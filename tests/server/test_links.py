"""The way out: requests to peers, their answers in order, and every way in which a peer is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from broker.events import (
    FORWARD,
    QUORUM,
    Effect,
    Event,
    HangUp,
    Now,
    PeerLost,
    RequestArrived,
    ResponseArrived,
    Send,
)
from broker.metadata.configs import BrokerConfig
from broker.server import links
from broker.server.server import Server
from broker.wire.frames import decode_request
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from broker.wire.primitives import Buffer
from tests.server.story_node import VERSION, NoDisk, StoryNode, eventually, tell

PEER = 2


class Asker(StoryNode):
    """A node that asks its peers what the story tells it to."""

    def __init__(self, addresses: dict[int, tuple[str, int]] | None = None) -> None:
        super().__init__()
        self.addresses = addresses or {}
        self.heard: list[Event] = []
        self.plan: Callable[[], list[Effect]] = list

    def address(self, peer: int, lane: str) -> tuple[str, int] | None:
        return self.addresses.get(peer)

    def handle(self, event: Event, now: Now) -> list[Effect]:
        if isinstance(event, ResponseArrived | PeerLost):
            self.heard.append(event)
            return self.plan()
        return super().handle(event, now)

    @property
    def answers(self) -> list[str]:
        """What peers answered, in order; "lost" where one was lost."""
        return [
            e.body.cluster_id or ""
            if isinstance(e, ResponseArrived) and isinstance(e.body, MetadataResponse)
            else "lost"
            for e in self.heard
        ]


def read_request(frame: Buffer, connection: int, to_controller: bool = False) -> RequestArrived:
    """What the table does, for the one API that stories speak."""
    header, body = decode_request(frame)
    key, version, number = (
        header.request_api_key,
        header.request_api_version,
        header.correlation_id,
    )
    return RequestArrived(connection, number, key, version, header.client_id, body, to_controller)


def serving(node: StoryNode, **settings: str) -> Server:
    """A server for a story's node, with a listener for controllers."""
    config = two_ports(**settings)
    disk: Any = NoDisk()
    return Server(config, node=lambda *_: node, disk=disk, read_request=read_request)


def question(number: int, name: str, lane: str = QUORUM, peer: int = PEER) -> Send:
    body = MetadataRequest(topics=[MetadataRequestTopic(name=name)])
    return Send(peer, number, VERSION, body, lane)


def two_ports(**settings: str) -> BrokerConfig:
    given = {
        "listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
        "controller.listener.names": "CONTROLLER",
        **{name.replace("_", "."): text for name, text in settings.items()},
    }
    return BrokerConfig.from_settings(given)


class Pair:
    """A node that asks, and its peer, each behind its own server."""

    def __init__(self, asker: Server, peer: Server, node: Asker, other: StoryNode) -> None:
        self.server, self.peer = asker, peer
        self.node, self.other = node, other

    def do(self, *effects: Effect) -> None:
        """Let the node want something, as if an event had moved it."""
        self.node.plan = lambda: list(effects)
        self.server.host.tell(PeerLost(0))
        self.node.plan = list
        del self.node.heard[-1]


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[Pair]:
    node, other = Asker(), StoryNode()
    servers = [serving(n) for n in (node, other)]
    for server in servers:
        await server.start()
    node.addresses[PEER] = "127.0.0.1", servers[1].controller_port
    try:
        yield Pair(servers[0], servers[1], node, other)
    finally:
        for server in servers:
            await server.stop()


def test_answers_come_in_the_order_of_the_questions_several_at_once() -> None:
    async def story() -> None:
        async with pair() as there:
            there.do(question(1, "hold:A"), question(2, "echo:B"), question(3, "release:A"))
            await eventually(lambda: len(there.node.heard) == 3)
            assert there.node.answers == ["A", "B", "release:A"]
            assert [e.correlation_id for e in there.node.heard] == [1, 2, 3]  # type: ignore
            assert {e.lane for e in there.node.heard} == {QUORUM}  # type: ignore

    tell(story)


def test_lanes_do_not_wait_for_each_other() -> None:
    async def story() -> None:
        async with pair() as there:
            there.do(question(1, "hold:A"), question(1, "echo:B", FORWARD))
            await eventually(lambda: there.node.answers == ["B"])
            there.do(question(2, "release:A", FORWARD))
            await eventually(lambda: sorted(there.node.answers) == ["A", "B", "release:A"])

    tell(story)


def test_what_comes_to_the_controllers_is_marked() -> None:
    async def story() -> None:
        async with pair() as there:
            there.do(question(1, "hold:A"))
            await eventually(lambda: "A" in there.other.held)
            assert there.other.held["A"].to_controller
            assert there.other.held["A"].client_id == "broker-1"

    tell(story)


def test_controllers_are_answered_before_the_node_is_ready_and_clients_are_not() -> None:
    async def story() -> None:
        node, other = Asker(), StoryNode()
        other.ready = False
        server = serving(other)
        starting = asyncio.ensure_future(server.start())
        await eventually(lambda: server.controller_port > 0)
        node.addresses[PEER] = "127.0.0.1", server.controller_port
        asker = serving(node)
        await asker.start()
        Pair(asker, server, node, other).do(question(1, "echo:A"))
        await eventually(lambda: node.answers == ["A"])
        assert not starting.done()
        starting.cancel()
        await server.stop()
        await asker.stop()
        assert other.stopped, "who is told to stop before it is ready ends in order, too"

    tell(story)


def test_a_peer_that_refuses_and_one_without_an_address_are_lost_once() -> None:
    async def story() -> None:
        async with pair() as there:
            with socket.create_server(("127.0.0.1", 0)) as free:
                there.node.addresses[3] = free.getsockname()[:2]
            there.do(question(1, "echo:A", peer=3), question(2, "echo:B", peer=3))
            there.do(question(1, "echo:A", peer=9))
            await eventually(lambda: len(there.node.heard) == 2)
            assert set(there.node.heard) == {PeerLost(3, QUORUM), PeerLost(9, QUORUM)}

    tell(story)


def test_a_node_that_asks_again_at_once_does_not_spin() -> None:
    async def story() -> None:
        async with pair() as there:
            with socket.create_server(("127.0.0.1", 0)) as free:
                there.node.addresses[PEER] = free.getsockname()[:2]
            loop = asyncio.get_running_loop()
            began = loop.time()
            there.do(question(1, "echo:A"))
            there.node.plan = lambda: [question(1, "echo:A")]
            await eventually(lambda: len(there.node.heard) == 4)
            there.node.plan = list
            assert loop.time() - began >= 3 * links.RETRY_S

    tell(story)


def test_a_peer_that_dies_takes_its_answers_along_and_may_come_back() -> None:
    async def story() -> None:
        async with pair() as there:
            there.do(question(1, "hold:A"), question(1, "hold:B", FORWARD))
            await eventually(lambda: len(there.other.held) == 2)
            await there.peer.crash()
            await eventually(lambda: len(there.node.heard) == 2)
            assert set(there.node.heard) == {PeerLost(PEER, QUORUM), PeerLost(PEER, FORWARD)}

            again = StoryNode()
            server = serving(
                again,
                listeners=f"PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:{there.peer.controller_port}",
            )
            await server.start()
            there.do(question(2, "echo:C"))
            await eventually(lambda: there.node.answers[2:] == ["C"])
            await server.stop()

    tell(story)


def test_after_hanging_up_nothing_is_heard_and_a_new_way_is_found() -> None:
    async def story() -> None:
        async with pair() as there:
            there.do(question(1, "hold:A"))
            await eventually(lambda: "A" in there.other.held)
            there.do(HangUp(PEER, QUORUM), question(2, "echo:B"))
            await eventually(lambda: there.node.answers == ["B"])
            await eventually(lambda: len(there.other.disconnected) == 1)
            there.do(question(3, "release:A"))
            await eventually(lambda: there.node.answers == ["B", "release:A"])
            # Before the way is made, and without one.
            there.do(question(4, "echo:C", FORWARD), HangUp(PEER, FORWARD), HangUp(7, QUORUM))
            await asyncio.sleep(0.02)
            assert there.node.answers == ["B", "release:A"]

    tell(story)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\0\0\0\4\0\0\0\7", "something else than request 1"),
        (b"\0\0\0\6\0\0\0\1\0\1", "MetadataResponse"),
        (b"GET ", "HTTP"),
        (b"\0\0\0\0", "0 bytes"),
    ],
)
def test_nonsense_ends_the_link(
    answer: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async def peer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        strange = await asyncio.start_server(peer, "127.0.0.1", 0)
        async with pair() as there:
            there.node.addresses[PEER] = strange.sockets[0].getsockname()[:2]
            there.do(question(1, "echo:A"), question(2, "echo:B"))
            await eventually(lambda: there.node.heard == [PeerLost(PEER, QUORUM)])
        strange.close()

    tell(story)
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("broker")]
    assert line.startswith("hung up on broker 2 (quorum): ")
    assert reason in line


def test_a_peer_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "UNSENT_MAX_BYTES", 1_000_000)

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            async with pair() as there:
                there.node.addresses[PEER] = deaf.getsockname()[:2]
                for number in range(500):
                    there.do(question(number, "echo:" + "A" * 30_000))
                    await asyncio.sleep(0)
                await eventually(lambda: PeerLost(PEER, QUORUM) in there.node.heard)

    tell(story)


def test_nobody_there_is_found_out_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CONNECT_TIMEOUT_S", 0.05)

    async def story() -> None:
        # A listener whose queue is full lets the next one knock in vain.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            crowd = [socket.socket() for _ in range(4)]
            for each in crowd:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            async with pair() as there:
                there.node.addresses[PEER] = full.getsockname()[:2]
                there.do(question(1, "echo:A"))
                await eventually(lambda: there.node.heard == [PeerLost(PEER, QUORUM)])
            for each in crowd:
                each.close()

    tell(story)


def test_the_last_words_are_sent() -> None:
    class Polite(Asker):
        def shutdown(self, now: Now) -> list[Effect]:
            self.stopped = True
            return [question(1, "echo:goodbye"), question(1, "echo:goodbye too", FORWARD)]

    async def story() -> None:
        node, other = Polite(), StoryNode()
        servers = [serving(n) for n in (node, other)]
        for server in servers:
            await server.start()
        node.addresses[PEER] = "127.0.0.1", servers[1].controller_port
        await servers[0].stop()
        await eventually(lambda: sorted(other.handled) == ["echo:goodbye", "echo:goodbye too"])
        await servers[1].stop()

    tell(story)


def test_a_peer_that_stays_away_is_one_line_and_one_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(links, "PATIENCE_S", 0.05)

    async def story() -> None:
        async with pair() as there:
            address: Any = there.node.addresses[PEER]
            there.do(question(1, "echo:A"))
            await eventually(lambda: there.node.answers == ["A"])
            await there.peer.crash()
            there.node.plan = lambda: [question(1, "echo:B"), question(1, "echo:B", FORWARD)]
            await eventually(lambda: len(there.node.heard) > 7)
            there.node.plan = list
            again = StoryNode()
            server = serving(
                again, listeners=f"PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:{address[1]}"
            )
            await server.start()
            there.do(question(2, "echo:C"))
            await eventually(lambda: "C" in there.node.answers)
            await server.stop()

    with caplog.at_level(logging.INFO):
        tell(story)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("broker")]
    assert len(lines) == 2
    assert lines[0].endswith(": Connection refused")
    assert "broker 2 is reached again" in lines[1]
