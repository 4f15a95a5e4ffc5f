"""A server's life: it starts when the node is ready, and ends when all is said."""

from __future__ import annotations

import asyncio
import socket

import pytest

from broker.events import Effect, Now, RequestArrived, Sync, Synced
from broker.metadata.configs import BrokerConfig
from broker.server.server import Server
from broker.server.syncing import SyncThreads
from broker.wire.errors import ConfigError, StorageError
from tests.server.story_node import NoDisk, StoryNode, ask, eventually, tell, world


def server_of(node: StoryNode, **settings: str) -> Server:
    given = {name.replace("_", "."): text for name, text in settings.items()}
    config = BrokerConfig.from_settings({"listeners": "PLAINTEXT://127.0.0.1:0", **given})
    return Server(config, node=lambda *_: node, disk=NoDisk())  # type: ignore[arg-type]


class SlowStarter(StoryNode):
    """A node that is ready once its first sync is done, and has stopped after its last."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False

    def start(self, now: Now) -> list[Effect]:
        return [Sync(0, ("meta.properties",))]

    def shutdown(self, now: Now) -> list[Effect]:
        return [Sync(1, ("orders-0",))]

    def handle(self, event: object, now: Now) -> list[Effect]:
        if getattr(event, "token", None) == 0:
            self.ready = True
        elif getattr(event, "token", None) == 1:
            self.stopped = True
        else:
            return super().handle(event, now)  # type: ignore[arg-type]
        return []


def test_a_node_has_the_time_it_needs_to_start_and_to_stop() -> None:
    async def story() -> None:
        node = SlowStarter()
        server = server_of(node)
        await server.start()
        assert node.ready
        await server.stop()
        assert node.stopped

    tell(story)


def test_who_waits_for_the_node_is_woken_when_it_is_time_and_not_before() -> None:
    async def story() -> None:
        node = StoryNode()
        server = server_of(node)
        await server.start()
        turns_of_its_own = 0

        def has_stopped() -> bool:
            nonlocal turns_of_its_own
            turns_of_its_own += asyncio.current_task() is waiting
            return node.stopped

        waiting = asyncio.ensure_future(server.host.until(has_stopped))
        await asyncio.sleep(0)
        for token in range(3):
            node.syncing[token] = RequestArrived(9, 0, 3, 9, None, None)
            server.host.tell(Synced(token))
            await asyncio.sleep(0)
        assert turns_of_its_own == 1
        await server.stop()
        await waiting
        assert turns_of_its_own == 2

    tell(story)


def test_clients_are_told_the_port_that_was_bound() -> None:
    async def story() -> None:
        node = StoryNode()
        told: list[BrokerConfig] = []

        def make(config: BrokerConfig, *_: object) -> StoryNode:
            told.append(config)
            return node

        config = BrokerConfig.from_settings({"listeners": "PLAINTEXT://127.0.0.1:0"})
        server = Server(config, node=make, disk=NoDisk())  # type: ignore[arg-type]
        await server.start()
        assert told[0].advertised.port == server.port > 0
        await server.stop()

    tell(story)


@pytest.mark.parametrize("host", ["", "localhost", "[::1]", "0.0.0.0"])
def test_it_listens_where_it_is_told(host: str) -> None:
    if "::" in host and not socket.has_ipv6:
        pytest.skip("needs IPv6")

    async def story() -> None:
        server = server_of(StoryNode(), listeners=f"PLAINTEXT://{host}:0")
        await server.start()
        _, writer = await asyncio.open_connection(server.address.host, server.port)
        writer.close()
        await server.stop()

    tell(story)


def test_a_node_that_gives_up_ends_the_server() -> None:
    async def story() -> None:
        node = StoryNode()
        server = server_of(node)
        await server.start()
        serving = asyncio.ensure_future(server.serve(asyncio.Event()))
        await asyncio.sleep(0)
        node.failure, node.stopped = "the disk is gone", True
        node.due_us = 1
        server.host.settle()
        with pytest.raises(StorageError, match="the disk is gone"):
            await serving

    tell(story)


def test_a_node_that_cannot_start_leaves_the_port_free() -> None:
    async def story() -> None:
        node = StoryNode()
        node.ready, node.stopped, node.failure = False, True, "no metadata"
        server = server_of(node)
        with pytest.raises(StorageError, match="no metadata"):
            await server.start()
        again = server_of(StoryNode(), listeners=f"PLAINTEXT://127.0.0.1:{server.port}")
        await again.start()
        await again.stop()

    tell(story)


def test_a_port_in_use_is_named() -> None:
    async def story() -> None:
        async with world() as there:
            second = server_of(StoryNode(), listeners=f"PLAINTEXT://127.0.0.1:{there.server.port}")
            with pytest.raises(ConfigError, match=f"127.0.0.1:{there.server.port}: the port is in"):
                await second.start()

    tell(story)


def test_what_was_answered_is_sent_before_the_end_and_nothing_new_is_begun() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(b"".join(ask(i, "large:30000") for i in range(100)))
            await eventually(lambda: len(there.node.handled) > 30)
            stopping = asyncio.ensure_future(there.server.stop())
            handled = len(there.node.handled)
            answers = await client.answers(handled)
            assert [i for i, _ in answers] == list(range(handled))
            assert await client.closed()
            await stopping
            assert len(there.node.handled) <= handled + 1

    tell(story)


def test_more_syncs_than_threads_are_all_done() -> None:
    async def story() -> None:
        done: list[int] = []
        threads = SyncThreads(most=2)
        for i in range(50):
            threads.run(lambda i=i: done.append(i))  # type: ignore[misc]
        threads.close()
        assert sorted(done) == list(range(50))

    tell(story)
