"""The client of the benchmarks counts answers without reading them, and still notices errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import messages
from benchmarks.alternate import patiently
from benchmarks.connection import Connection, framed
from benchmarks.failover import longest
from benchmarks.messages import PRODUCE_VERSION, DisturbedError
from broker.wire.errors import ErrorCode
from broker.wire.frames import encode_response
from broker.wire.messages.produce import (
    PartitionProduceResponse,
    ProduceResponse,
    TopicProduceResponse,
)

REQUEST = framed(messages.produce(b""), PRODUCE_VERSION)


class Script:
    """In the place of a socket: what comes is written down beforehand."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)

    def sendall(self, data: bytes) -> None:
        """Nobody hears it."""

    def recv(self, size: int) -> bytes:
        """The next piece; at the end the other side hangs up."""
        return next(self._pieces, b"")


def connection(*pieces: bytes) -> Connection:
    """A connection on which these pieces come."""
    made = Connection.__new__(Connection)
    made.socket = Script(list(pieces))  # type: ignore[assignment]
    made.rest = bytearray()
    return made


def answer(error: ErrorCode = ErrorCode.NONE, message: str | None = None) -> bytes:
    """An answer to Produce."""
    partition = PartitionProduceResponse(index=0, error_code=error, error_message=message)
    topic = TopicProduceResponse(name=messages.TOPIC, partition_responses=[partition])
    body = ProduceResponse(responses=[topic])
    return bytes(encode_response(0, PRODUCE_VERSION, 1, body))


def test_answers_are_counted_wherever_they_are_torn() -> None:
    stream = answer() * 3
    connection(answer(), stream[:50], stream[50:51], stream[51:]).pipeline([REQUEST], 3, 3)


def test_an_answer_of_another_size_is_no_reason_to_wait_for_the_rest_of_it() -> None:
    """Where a leader has moved, errors come, and they are shorter or longer than what was asked."""
    told = answer(ErrorCode.NOT_ENOUGH_REPLICAS, "1 in sync is too few")
    for others in ([answer(), told], [answer() + told], [told]):
        with pytest.raises(DisturbedError, match="not like the first"):
            connection(answer(), *others).pipeline([REQUEST], 5, 5)
    with pytest.raises(DisturbedError, match="not like the first"):
        connection(told).exchange(REQUEST, len(answer()))


def test_an_error_that_looks_like_all_the_others_is_read_at_the_end() -> None:
    refused = answer(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    with pytest.raises(DisturbedError, match="NOT_LEADER_OR_FOLLOWER"):
        connection(refused, refused * 2).pipeline([REQUEST], 2, 2)


def test_a_round_that_was_disturbed_is_measured_again() -> None:
    moods = iter([True, True, False])

    def measure() -> str:
        if next(moods):
            raise DisturbedError("a leader moved")
        return "measured"

    assert patiently(measure) == "measured"
    with pytest.raises(DisturbedError):
        patiently(never_better)


def never_better() -> None:
    """It never gets better."""
    raise DisturbedError("a leader moved")


def test_the_longest_gap_and_when_it_was_over() -> None:
    """While it lasts, it is over now: so nobody stops waiting before writes go on."""
    assert longest([1.0, 2.0, 5.0, 6.0]) == (3.0, 5.0)
    assert longest([1.0, 2.0, 5.0, 6.0, 10.0]) == (4.0, 10.0)
