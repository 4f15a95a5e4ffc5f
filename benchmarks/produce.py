"""Produce: what a request costs the broker, in CPU.

A broker in its own process, and a client that costs next to nothing: it sends one prepared frame
over and over and counts the bytes that come back. The CPU is the broker's, user and system, from
`/proc`: sockets and files are in it. Requests are pipelined, so that one read may bring several.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import messages
from benchmarks.measure import cpu_seconds, megabytes
from benchmarks.served import Connection, Served, framed
from benchmarks.table import Table

VERSION = 9
SMALL_REQUESTS = 40_000
BATCHES = 600
# About what librdkafka sends when it is busy: a batch of up to a megabyte.
RECORDS_A_BATCH = 8_000


def tables() -> Iterator[Table]:
    """Two tables: one record a request, and large batches."""
    with Served() as broker:
        connection = broker.connect()
        connection.ask(messages.create_topic(partitions=1), 7)
        yield one_record(broker, connection)
        yield large_batches(broker, connection)
        connection.close()


def one_record(broker: Served, connection: Connection) -> Table:
    """One record of 100 bytes a request."""
    table = Table(
        "Produce, one record a request",
        f"{SMALL_REQUESTS:,} requests of version {VERSION}, 100 B each, one connection, "
        "one partition; after a warm-up.",
        ("acks", "in flight", "requests/s", "broker CPU us a request"),
    )
    connection.pipeline(framed(messages.produce(messages.batch(1, 100)), VERSION), 5_000, 100)
    for acks in (1, -1):
        frame = framed(messages.produce(messages.batch(1, 100), acks), VERSION)
        for in_flight in (1, 5, 100):
            count = SMALL_REQUESTS if in_flight > 1 else SMALL_REQUESTS // 4
            seconds, cpu = load(broker, connection, frame, count, in_flight)
            table.add(
                "all" if acks < 0 else str(acks), str(in_flight), count / seconds, cpu / count * 1e6
            )
    return table


def large_batches(broker: Served, connection: Connection) -> Table:
    """Batches as a busy producer sends them."""
    table = Table(
        "Produce, large batches",
        f"{BATCHES} batches of {RECORDS_A_BATCH:,} records of 100 B, not compressed, acks=1, "
        f"5 in flight. Resident memory of the broker afterwards: {{memory}} MB.",
        ("records/s", "MB/s", "broker CPU s a million records"),
    )
    batch = messages.batch(RECORDS_A_BATCH, 100)
    frame = framed(messages.produce(batch), VERSION)
    connection.pipeline(frame, 50, 5)
    seconds, cpu = load(broker, connection, frame, BATCHES, 5)
    records = BATCHES * RECORDS_A_BATCH
    table.add(records / seconds, BATCHES * len(batch) / seconds / 1e6, cpu / records * 1e6)
    table.method = table.method.format(memory=f"{megabytes(broker.process):.0f}")
    return table


def load(
    broker: Served, connection: Connection, frame: bytes, count: int, in_flight: int
) -> tuple[float, float]:
    """Send a frame many times; the seconds that passed, and the broker's CPU seconds."""
    cpu, started = cpu_seconds(broker.process), time.monotonic()
    connection.pipeline(frame, count, in_flight)
    return time.monotonic() - started, cpu_seconds(broker.process) - cpu
