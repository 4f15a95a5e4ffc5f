"""Three brokers: replicated three times, two in sync at least, side by side.

Both clusters stand on this one machine, each broker in a process of its own: all three replicas of
a record are written by the same cores and to the same disk. Start is from the commands to the
moment when each broker knows of all; memory and CPU are those of all processes of a cluster.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from benchmarks import confluent, latency, requests
from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.clients import label
from benchmarks.run import Run
from benchmarks.start import start
from benchmarks.table import SideBySide, Table

NODES = 3
STARTS, ROUNDS = 2, 3
"""Fewer than elsewhere: each of them keeps a whole cluster busy for some seconds."""
SECONDS = 30.0
"""What a row of a table may take, more or less: the rounds are fewer where the machine is busy."""
LOADS = (
    (100, 1, "1", 300_000),
    (100, 6, "1", 300_000),
    (100, 1, "all", 300_000),
    (100, 6, "all", 300_000),
    (1024, 6, "1", 60_000),
    (1024, 6, "all", 60_000),
)
"""Bytes of a record, partitions, acks, records a round."""
PIPELINED = 5_000
ONE_BY_ONE = 1_000


def tables(run: Run) -> Iterator[Table]:
    """Start, produce, single requests, latency, memory."""
    yield starts(run)
    with run.brokers(NODES) as brokers:
        fresh = {broker.name: [broker.megabytes] for broker in brokers}
        yield produce(run, brokers)
        yield single(run, brokers)
        yield latencies(run, brokers)
        loaded = {broker.name: [broker.megabytes] for broker in brokers}
    memory = SideBySide("Three brokers: memory", "Resident MB of all three; one run of each.")
    memory.compare("warm: MB", fresh)
    memory.compare("after the load of the tables above: MB", loaded)
    yield memory


def rounds(run: Run) -> int:
    """How often each cluster has its turn."""
    return min(ROUNDS, run.rounds)


def starts(run: Run) -> Table:
    """From the commands to a cluster."""
    times = min(STARTS, run.rounds)
    table = SideBySide(
        "Three brokers: start", f"Up to {times} starts on empty folders, in turns, after one more."
    )
    found = alternate(
        [kind(NODES) for kind in run.kinds()], times, lambda broker, _: start(broker), SECONDS
    )
    for name, values in found.items():
        table.compare(name, values)
    return table


def produce(run: Run, brokers: list[Broker]) -> Table:
    """librdkafka for Python against all partitions."""
    table = SideBySide(
        "Three brokers: produce (librdkafka for Python)",
        f"{run.count(LOADS[0][3]):,} records of 100 B or {run.count(LOADS[-1][3]):,} of 1 KiB a "
        f"round, the client's defaults; up to {rounds(run)} rounds in turns after a warm-up; CPU "
        "of all three brokers.",
    )
    for size, partitions, acks, full in LOADS:
        measure = partial(write, size=size, partitions=partitions, acks=acks, count=run.count(full))
        found = alternate(brokers, rounds(run), measure, SECONDS)
        name = f"{label(size, partitions)}, acks={acks}"
        table.compare(f"{name}: records/s", found["rate"], more_is_better=True)
        table.compare(f"{name}: CPU s a million records", found["cpu"])
    return table


def write(
    broker: Broker, turn: int, *, size: int, partitions: int, acks: str, count: int
) -> dict[str, float]:
    """A topic of its own for each round."""
    topic = f"round-{size}-{partitions}-{acks}-{turn}-{time.monotonic_ns()}"
    broker.create_topic(topic, partitions, file_delete_delay_ms="0")
    cpu = broker.cpu
    seconds = confluent.write(broker, topic, partitions, size, count, acks)
    found = {"rate": count / seconds, "cpu": (broker.cpu - cpu) / count * 1e6}
    broker.delete_topic(topic)
    return found


def single(run: Run, brokers: list[Broker]) -> Table:
    """Requests with one record each."""
    count = run.count(PIPELINED, least=200)
    table = SideBySide(
        "Three brokers: one-record requests, pipelined",
        f"{count:,} Produce requests a round to one leader, 100 B each, 100 in flight; "
        f"up to {rounds(run)} rounds in turns after a warm-up.",
    )
    for broker in brokers:
        broker.create_topic(requests.TOPIC)
    for acks in (1, -1):
        measure = partial(requests.load, acks=acks, in_flight=100, count=count)
        found = alternate(brokers, rounds(run), measure, SECONDS)
        name = f"acks={'all' if acks < 0 else acks}"
        table.compare(f"{name}: requests/s", found["rate"], more_is_better=True)
        table.compare(f"{name}: CPU µs a request", found["cpu"])
    return table


def latencies(run: Run, brokers: list[Broker]) -> Table:
    """One request at a time, and from the producer to the consumer."""
    count = run.count(ONE_BY_ONE, least=100)
    table = SideBySide(
        "Three brokers: latency",
        f"{count:,} requests one at a time, {count:,} records end to end at 1,000 a second, 100 B, "
        f"acks=all; up to {rounds(run)} rounds in turns after a warm-up; milliseconds.",
    )
    for broker in brokers:
        broker.create_topic(latency.TOPIC)
    for name, way in (
        ("one at a time", latency.one_at_a_time),
        ("end to end", latency.end_to_end),
    ):
        measure = partial(latency.spread, way=way, count=count)
        found = alternate(brokers, rounds(run), measure, SECONDS)
        for quantity, values in found.items():
            table.compare(f"{name}: {quantity}", values)
    return table
