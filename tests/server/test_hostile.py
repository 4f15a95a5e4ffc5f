"""Who connects need not be a client, nor mean well: the others are served all the same."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import socket

import psutil
import pytest

from tests.server.story_node import World, ask, eventually, tell, world

MIB = 1024 * 1024


async def still_serves(there: World) -> None:
    """A client who comes now is answered."""
    client = await there.client()
    client.send(ask(1, "echo:still here"))
    assert await client.answers(1) == [(1, "still here")]


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def test_random_bytes() -> None:
    async def story() -> None:
        chance = random.Random(7)
        async with world() as there:
            for _ in range(200):
                (await there.stranger(chance.randbytes(chance.randrange(1, 2000)))).close()
            await eventually(lambda: len(there.server.host.connections) == 0)
            await still_serves(there)

    tell(story)


def test_frames_of_random_bytes() -> None:
    async def story() -> None:
        chance = random.Random(7)
        async with world() as there:
            for _ in range(200):
                frame = chance.randbytes(chance.randrange(1, 300))
                (await there.stranger(len(frame).to_bytes(4, "big") + frame)).close()
            await still_serves(there)

    tell(story)


def test_a_request_cut_short_at_every_byte() -> None:
    async def story() -> None:
        request = ask(1, "echo:A")[4:]
        async with world() as there:
            for end in range(1, len(request)):
                client = await there.client()
                client.send(end.to_bytes(4, "big") + request[:end])
                assert await client.closed()
            await still_serves(there)

    tell(story)


@pytest.mark.parametrize(
    ("hello", "line"),
    [
        (bytes.fromhex("160301020001000100"), "speaks TLS to a port without TLS"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "speaks HTTP"),
        (b"\x7f\xff\xff\xff", "2147483647 bytes is larger than socket.request.max.bytes"),
        (b"\x00\x00\x00\x04\x00\x63\x00\x00", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    hello: bytes, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with world() as there:
            client = await there.client()
            client.send(hello)
            assert await client.closed()

    tell(story)
    (record,) = caplog.records
    assert line in record.getMessage()
    assert "\n" not in record.getMessage()
    assert record.exc_info is None


def test_a_flood_of_nonsense_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with world() as there:
            for _ in range(300):
                (await there.stranger(b"GET / HTTP/1.1\r\n\r\n")).close()
            await still_serves(there)

    with caplog.at_level(logging.WARNING):
        tell(story)
    assert len(caplog.records) <= 30


def test_five_hundred_idle_connections_cost_little() -> None:
    async def story() -> None:
        async with world() as there:
            await still_serves(there)
            before = memory()
            idle = [await there.stranger() for _ in range(500)]
            await eventually(lambda: len(there.server.host.connections) >= 500)
            await still_serves(there)
            assert memory() - before < 12 * MIB
            for each in idle:
                each.close()
            await eventually(lambda: len(there.server.host.connections) < 10)

    tell(story)


def test_half_frames_that_claim_100_mib_cost_what_came_of_them() -> None:
    async def story() -> None:
        async with world() as there:
            await still_serves(there)
            before = memory()
            claim = (100 * MIB).to_bytes(4, "big") + b"x" * 1000
            liars = [await there.stranger(claim) for _ in range(300)]
            await asyncio.sleep(0.05)
            await still_serves(there)
            assert memory() - before < 12 * MIB
            for liar in liars:
                liar.close()

    tell(story)


def test_a_budget_bounds_what_all_half_frames_hold(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with world(queued_max_request_bytes=str(8 * MIB)) as there:
            half = (50 * MIB).to_bytes(4, "big") + b"x" * (2 * MIB)
            liars = [await there.stranger(half) for _ in range(10)]
            await eventually(lambda: "memory is short" in caplog.text)
            await still_serves(there)
            assert there.server.budget.used_bytes <= 8 * MIB
            assert 0 < len(connections(there)) < 10, "the oldest went, the newest are heard"
            for liar in liars:
                liar.close()

    tell(story)


def test_clients_who_take_no_answers_are_closed_before_memory_is_full(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.server.budget.PATIENCE_S", 0.2)
    # The story node speaks Metadata only: for this story, that is what a Fetch is.
    monkeypatch.setattr("broker.server.connection._FETCH_KEY", b"\0\3")

    async def story() -> None:
        greedy = b"".join(ask(i, "large:30000") for i in range(400))  # 12 MB of answers
        async with world(queued_max_request_bytes=str(4 * MIB)) as there:
            strangers = [await there.stranger(greedy) for _ in range(10)]
            reader = await there.client()
            reader.send(greedy)
            assert len(await reader.answers(400)) == 400, "who reads is served in the end"
            assert there.server.budget.used_bytes < 6 * MIB
            for stranger in strangers:
                stranger.close()

    tell(story)
    assert "memory is short" in caplog.text


def connections(there: World) -> list:  # type: ignore[type-arg]
    return list(there.server.host.connections.values())


def test_no_more_connections_than_allowed() -> None:
    async def story() -> None:
        async with world(max_connections="3") as there:
            clients = [await there.client() for _ in range(3)]
            clients[0].send(ask(1, "echo:A"))
            assert await clients[0].answers(1) == [(1, "A")]
            fourth = await there.client()
            assert await fourth.closed()
            clients[1].writer.close()
            await eventually(lambda: len(connections(there)) == 2)
            await still_serves(there)

    tell(story)


def test_no_more_connections_of_one_address_than_allowed() -> None:
    async def story() -> None:
        async with world(max_connections_per_ip="2") as there:
            _, _ = await there.client(), await there.client()
            third = await there.client()
            assert await third.closed()

    tell(story)


def test_clients_that_reset_their_connections() -> None:
    async def story() -> None:
        async with world() as there:
            for _ in range(100):
                rude = await there.stranger(ask(1, "large:30000") + os.urandom(3))
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                rude.close()
            await still_serves(there)
            await eventually(lambda: len(connections(there)) <= 1)

    tell(story)
