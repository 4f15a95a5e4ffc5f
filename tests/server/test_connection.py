"""Requests over one connection: order, pipelining, back-pressure, and what ends it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.server.story_node import NoDisk, ask, eventually, tell, world


def test_answers_keep_the_order_of_requests_even_if_the_node_does_not() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(1, "hold:slow") + ask(2, "echo:quick") + ask(3, "release:slow"))
            assert await client.answers(3) == [(1, "slow"), (2, "quick"), (3, "release:slow")]
            assert there.node.handled == ["hold:slow", "echo:quick", "release:slow"]

    tell(story)


def test_an_answer_may_be_set_free_by_another_connection() -> None:
    async def story() -> None:
        async with world() as there:
            waiting, other = await there.client(), await there.client()
            waiting.send(ask(1, "hold:A"))
            await eventually(lambda: "A" in there.node.held)
            other.send(ask(7, "release:A"))
            assert await waiting.answers(1) == [(1, "A")]
            assert await other.answers(1) == [(7, "release:A")]

    tell(story)


def test_a_request_without_an_answer_frees_its_place() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(1, "silent") + ask(2, "echo:A") + ask(3, "silent") + ask(4, "echo:B"))
            assert await client.answers(2) == [(2, "A"), (4, "B")]

    tell(story)


def test_correlation_ids_may_repeat() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(0, "hold:A") + ask(0, "echo:B") + ask(0, "release:A"))
            assert [text for _, text in await client.answers(3)] == ["B", "release:A", "A"]

    tell(story)


def test_frames_arrive_in_any_pieces() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            for byte in ask(1, "echo:A") + ask(2, "echo:B"):
                client.send(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            assert await client.answers(2) == [(1, "A"), (2, "B")]

    tell(story)


def test_a_large_request_and_a_large_answer_pass_whole() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            name = "echo:" + "A" * 30_000  # a string of the protocol has at most 32,767 bytes
            client.send(b"".join(ask(i, name) for i in range(100)))
            assert await client.answers(100) == [(i, "A" * 30_000) for i in range(100)]

    tell(story)


def test_five_thousand_requests_in_a_row_are_all_answered() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(b"".join(ask(i, f"echo:{i}") for i in range(5_000)))
            assert await client.answers(5_000) == [(i, str(i)) for i in range(5_000)]

    tell(story)


def test_a_client_that_does_not_read_is_not_served_on() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(b"".join(ask(i, "large:30000") for i in range(2_000)))
            await asyncio.sleep(0.2)
            handled = len(there.node.handled)
            assert handled < 1_000, "60 MB of answers must not lie in the broker's memory"
            assert (await client.answers(2_000))[-1][0] == 1_999, "and all come in the end"

    tell(story)


def test_too_many_waiting_requests_stop_the_reading() -> None:
    async def story() -> None:
        async with world(queued_max_requests="5") as there:
            client, other = await there.client(), await there.client()
            client.send(b"".join(ask(i, f"hold:{i}") for i in range(8)))
            await eventually(lambda: len(there.node.held) == 5)
            await asyncio.sleep(0.02)
            assert len(there.node.held) == 5
            for i in range(8):
                await eventually(lambda i=i: str(i) in there.node.held)  # type: ignore[misc]
                other.send(ask(i, f"release:{i}"))
            assert [i for i, _ in await client.answers(8)] == list(range(8))

    tell(story)


def test_answers_that_wait_for_their_turn_are_counted() -> None:
    async def story() -> None:
        async with world() as there:
            client, other = await there.client(), await there.client()
            client.send(ask(1, "hold:A"))
            client.send(b"".join(ask(i, "large:30000") for i in range(2, 450)))
            await eventually(lambda: there.server.budget.used_bytes > 448 * 30_000)
            other.send(ask(1, "release:A"))
            assert [i for i, _ in await client.answers(449)] == list(range(1, 450))
            await eventually(lambda: there.server.budget.used_bytes == 0)

    tell(story)


def test_a_waiting_fetch_holds_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    # The story node speaks Metadata only: for this story, that is what a Fetch is.
    monkeypatch.setattr("broker.server.connection.FETCH", 3)

    async def story() -> None:
        async with world() as there:
            client, other = await there.client(), await there.client()
            client.send(ask(1, "hold:A"))
            await eventually(lambda: "A" in there.node.held)
            client.send(ask(2, "echo:B"))
            await asyncio.sleep(0.02)
            assert "echo:B" not in there.node.handled
            other.send(ask(1, "release:A"))
            assert await client.answers(2) == [(1, "A"), (2, "B")]

    tell(story)


def test_an_error_of_the_node_ends_one_connection_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with world() as there:
            unlucky, other = await there.client(), await there.client()
            unlucky.send(ask(1, "echo:A") + ask(2, "fail"))
            assert await unlucky.answers(1) == [(1, "A")]
            assert await unlucky.closed()
            other.send(ask(1, "echo:still here"))
            assert await other.answers(1) == [(1, "still here")]

    with caplog.at_level(logging.INFO):
        tell(story)
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("broker")]
    assert 'the broker failed on request 3 v9: KeyError: "a bug of the node\'s"' in line


def test_the_node_may_close_a_connection_after_its_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(1, "echo:A") + ask(2, "close") + ask(3, "echo:never"))
            assert await client.answers(1) == [(1, "A")]
            assert await client.closed()
            await eventually(lambda: there.node.disconnected == [1])
            assert there.node.handled == ["echo:A", "close"]

    tell(story)
    assert "the node wants it" in caplog.text


def test_the_node_hears_of_a_client_that_leaves() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(1, "hold:A"))
            await eventually(lambda: "A" in there.node.held)
            client.writer.close()
            await eventually(lambda: there.node.disconnected == [1])
            other = await there.client()
            other.send(ask(2, "release:A"))  # the answer for who left goes nowhere
            assert await other.answers(1) == [(2, "release:A")]

    tell(story)


def test_an_idle_connection_is_closed_and_a_waiting_one_is_not() -> None:
    async def story() -> None:
        async with world(connections_max_idle_ms="250") as there:
            idle, waiting = await there.client(), await there.client()
            waiting.send(ask(1, "hold:A"))
            assert await idle.closed()
            other = await there.client()
            other.send(ask(1, "release:A"))
            assert await waiting.answers(1) == [(1, "A")]

    tell(story)


def test_a_sync_happens_in_a_thread_and_comes_back_as_an_event() -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(ask(1, "sync:orders-0/00.log") + ask(2, "echo:A"))
            assert await client.answers(2) == [(1, "synced"), (2, "A")]
            assert there.disk.synced == ["orders-0/00.log"]
            assert all(name.startswith("sync") for name in there.disk.threads)
            assert not there.node.synced[0].failed

    tell(story)


def test_a_failed_sync_is_reported_as_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with world(NoDisk(broken=True)) as there:
            client = await there.client()
            client.send(ask(1, "sync:orders-0/00.log"))
            await client.answers(1)
            assert there.node.synced[0].failed

    tell(story)
    assert "sync failed" in caplog.text


def test_the_node_is_woken_at_its_deadline_and_not_before() -> None:
    async def story() -> None:
        async with world() as there:
            loop = asyncio.get_running_loop()
            client = await there.client()
            due = there.node.due_us = int((loop.time() + 0.03) * 1_000_000)
            client.send(ask(1, "echo:A"))  # any event makes the host look at the deadline
            await client.answers(1)
            await eventually(lambda: bool(there.node.rings))
            assert len(there.node.rings) == 1
            assert there.node.rings[0] >= due

    tell(story)
