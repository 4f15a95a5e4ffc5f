"""Large batches: what a busy producer sends, and a consumer that has much to catch up with reads.

Prepared frames again, from a client that costs next to nothing: this is the broker, and below it
the kernel, which moves every byte twice in each direction. A batch holds 8,000 records of 100
bytes, about what librdkafka puts together under load; a fetch asks for a megabyte.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from benchmarks import messages
from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.connection import Connection, framed
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

BATCHES = 300
RECORDS = 8_000
IN_FLIGHT = 5


def tables(run: Run) -> Iterator[Table]:
    """One table: produce and fetch, rate and CPU."""
    batches = run.count(BATCHES, least=4)
    table = SideBySide(
        "Large batches",
        f"{batches} batches a round of {RECORDS:,} records of 100 B, not compressed, acks=1, "
        f"{IN_FLIGHT} in flight, then read from the beginning, 1 MiB a fetch; one connection, one "
        f"partition; {run.rounds} rounds in turns after a warm-up; CPU of the broker.",
    )
    with run.brokers() as brokers:
        found = alternate(brokers, run.rounds, partial(write_and_read, batches=batches))
    for verb in ("produce", "fetch"):
        table.compare(f"{verb}: records/s", found[f"{verb} rate"], more_is_better=True)
        table.compare(f"{verb}: CPU s a million records", found[f"{verb} cpu"])
    yield table


def write_and_read(broker: Broker, turn: int, *, batches: int) -> dict[str, float]:
    """A topic of its own for each round: written, read, deleted."""
    topic = f"batches-{turn}"
    broker.create_topic(topic, file_delete_delay_ms="0")
    batch = messages.batch(RECORDS, 100)
    frame = framed(messages.produce(batch, topic=topic), messages.PRODUCE_VERSION)
    records = batches * RECORDS
    found = {}
    with broker.connect() as connection:
        cpu, started = broker.cpu, time.monotonic()
        connection.pipeline([frame], batches, IN_FLIGHT)
        found["produce rate"] = records / (time.monotonic() - started)
        found["produce cpu"] = (broker.cpu - cpu) / records * 1e6
        cpu, started = broker.cpu, time.monotonic()
        read(connection, topic, records)
        found["fetch rate"] = records / (time.monotonic() - started)
        found["fetch cpu"] = (broker.cpu - cpu) / records * 1e6
    broker.delete_topic(topic)
    return found


def read(connection: Connection, topic: str, records: int) -> None:
    """Fetch records from the beginning; each answer holds one batch, and all are of one size."""
    request = messages.fetch(0, topic)
    if not messages.records_in(connection.ask(request, messages.FETCH_VERSION)):
        raise RuntimeError("nothing was found at offset 0")
    size = connection.answer_size(framed(request, messages.FETCH_VERSION))
    for offset in range(0, records, RECORDS):
        connection.exchange(framed(messages.fetch(offset, topic), messages.FETCH_VERSION), size)
