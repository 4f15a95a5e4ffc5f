"""A broker that grows: what a request costs over its partitions, and over the size of a log.

It should cost the same. A real broker, and the plainest of clients: a record of 100 bytes to each
partition in turn, then a fetch of that record from each in turn; and, in one log that grows, a
record at its end and fetches of a kilobyte from all over it. The CPU is that of the broker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from benchmarks import messages
from benchmarks.brokers import Broker, OffsetZero
from benchmarks.connection import Connection, framed
from benchmarks.messages import FETCH_VERSION, PRODUCE_VERSION
from benchmarks.run import Run
from benchmarks.table import Table

PARTITIONS = (1, 10, 100, 1_000, 5_000)
RECORDS = (1_000, 100_000, 3_000_000)
REQUESTS = 10_000
IN_FLIGHT = 20
BATCH = 1_000
"""Records in each of the batches that a log is filled with."""


def tables(run: Run) -> Iterator[Table]:
    """Two tables."""
    requests = run.count(REQUESTS, least=50)
    with OffsetZero() as broker:
        yield over_partitions(broker, run, requests)
        yield over_size(broker, run, requests)


def over_partitions(broker: Broker, run: Run, requests: int) -> Table:
    """The same requests to ever more partitions."""
    table = Table(
        "A request, over the number of partitions",
        f"{requests:,} requests to the partitions in turn, {IN_FLIGHT} in flight; broker CPU.",
        ("partitions", "append: µs", "fetch: µs", "resident MB"),
    )
    for partitions in PARTITIONS:
        if run.quick and partitions > 100:
            continue
        topic = f"many-{partitions}"
        broker.create_topic(topic, partitions)
        record = messages.batch(1, 100)
        appends = [
            framed(messages.produce(record, 1, topic, index), PRODUCE_VERSION)
            for index in range(partitions)
        ]
        fetches = [
            framed(messages.fetch(0, topic, index, len(record)), FETCH_VERSION)
            for index in range(partitions)
        ]
        with broker.connect() as connection:
            connection.pipeline(appends, partitions, IN_FLIGHT)  # the files come into being
            append = cost_us(broker, connection, appends, requests)
            fetch = cost_us(broker, connection, fetches, requests)
        table.add(f"{partitions:,}", append, fetch, broker.megabytes)
        broker.delete_topic(topic)
    return table


def over_size(broker: Broker, run: Run, requests: int) -> Table:
    """The same requests to a log that grows."""
    table = Table(
        "A request, over the size of the log",
        f"{requests:,} records appended; {requests:,} fetches of one batch of {BATCH:,} records "
        f"each at random; {IN_FLIGHT} in flight; broker CPU.",
        ("records in the log", "append: µs", "fetch: µs"),
    )
    random, size = Random(7), len(messages.batch(BATCH, 100))
    for records in RECORDS:
        batches = run.count(records, least=BATCH) // BATCH
        topic = f"size-{records}"
        broker.create_topic(topic)
        filling = messages.produce(messages.batch(BATCH, 100), topic=topic)
        one = framed(messages.produce(messages.batch(1, 100), topic=topic), PRODUCE_VERSION)
        fetches = [
            framed(messages.fetch(random.randrange(batches) * BATCH, topic, 0, size), FETCH_VERSION)
            for _ in range(1_000)
        ]
        with broker.connect() as connection:
            connection.pipeline([framed(filling, PRODUCE_VERSION)], batches, IN_FLIGHT)
            append = cost_us(broker, connection, [one], requests)
            fetch = cost_us(broker, connection, fetches, requests)
        table.add(f"{records:,}", append, fetch)
        broker.delete_topic(topic)
    return table


def cost_us(
    broker: Broker, connection: Connection, frames: Sequence[bytes], requests: int
) -> float:
    """Microseconds of the broker's CPU for each of so many requests."""
    before = broker.cpu
    connection.pipeline(frames, requests, IN_FLIGHT)
    return (broker.cpu - before) / requests * 1e6
