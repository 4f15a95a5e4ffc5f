"""The codec: microseconds to read a request, and to write its response.

Each message is what a client sends most often: one topic, one partition. The records of a Produce
request stay a view on the frame, whatever their size; a Fetch response carries one batch of 1 KiB,
which is copied into the frame once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import messages
from benchmarks.connection import framed, key_of
from benchmarks.measure import cpu_us
from benchmarks.run import Run
from benchmarks.table import Table
from broker.wire.frames import SIZE_BYTES, decode_request, encode_response
from broker.wire.schema import Message


def tables(run: Run) -> Iterator[Table]:
    """One table: a row for each pair of messages."""
    round_seconds = 0.002 if run.quick else 0.05
    table = Table(
        "Codec",
        "CPU of reading one request from its frame, header included, and of writing one response.",
        ("messages", "version", "read µs", "write µs", "both µs"),
    )
    for name, version, request, response in pairs():
        frame = memoryview(framed(request, version))[SIZE_BYTES:]
        read = cpu_us(partial(decode_request, frame), round_seconds)
        write = cpu_us(
            partial(encode_response, key_of(request), version, 1, response), round_seconds
        )
        table.add(name, f"v{version}", read, write, read + write)
    yield table


def pairs() -> Iterator[tuple[str, int, Message, Message]]:
    """Requests and their responses, as (name, version, request, response)."""
    for version in (7, 9, 13):
        yield "Produce", version, messages.produce(messages.batch(1, 100)), messages.produced()
    for version in (11, 12, 17):
        yield "Fetch", version, messages.fetch(), messages.fetched(messages.batch(1, 1_000))
    yield "Metadata, 6 partitions", 12, messages.metadata(), messages.described(6)
    yield "Metadata, 1,000 partitions", 12, messages.metadata(), messages.described(1_000)
