"""One-record requests: what a broker does when nobody gathers records into batches.

A client that costs next to nothing sends prepared Produce requests, each with one record of 100
bytes, and keeps so many of them in flight. One connection, one partition. The CPU is that of the
broker's process, user and system, so that sockets and files are in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from benchmarks import messages
from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.connection import framed
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

REQUESTS = 20_000
LOADS = ((1, 5), (1, 100), (-1, 5), (-1, 100))
"""acks, and how many requests are in flight."""
TOPIC = "requests"


def tables(run: Run) -> Iterator[Table]:
    """One table: two quantities for each load."""
    count = run.count(REQUESTS, least=200)
    table = SideBySide(
        "One-record requests, pipelined",
        f"{count:,} Produce requests a round (version {messages.PRODUCE_VERSION}), 100 B each, "
        f"{run.rounds} rounds in turns after a warm-up; CPU of the broker.",
    )
    with run.brokers() as brokers:
        for broker in brokers:
            broker.create_topic(TOPIC)
        for acks, in_flight in LOADS:
            measure = partial(load, acks=acks, in_flight=in_flight, count=count)
            found = alternate(brokers, run.rounds, measure)
            label = f"acks={'all' if acks < 0 else acks}, {in_flight} in flight"
            table.compare(f"{label}: requests/s", found["rate"], more_is_better=True)
            table.compare(f"{label}: CPU µs a request", found["cpu"])
    yield table


def load(broker: Broker, turn: int, *, acks: int, in_flight: int, count: int) -> dict[str, float]:
    """Send the same request many times."""
    frame = framed(messages.produce(messages.batch(1, 100), acks, TOPIC), messages.PRODUCE_VERSION)
    with broker.connect(TOPIC) as connection:
        cpu, started = broker.cpu, time.monotonic()
        connection.pipeline([frame], count, in_flight)
        seconds, cpu = time.monotonic() - started, broker.cpu - cpu
    return {"rate": count / seconds, "cpu": cpu / count * 1e6}
