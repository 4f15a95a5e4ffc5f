"""A client for Python: confluent-kafka, which is librdkafka for Python.

Here Python's side of the client is mostly the limit: about a million calls a second. To be no
slower than Apache Kafka is all that can be seen in the rates then; the CPU tells more. The client
and the broker share the machine's cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import confluent
from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

LOADS = ((100, 1, 500_000), (100, 6, 500_000), (1024, 1, 150_000), (1024, 6, 150_000))
"""Bytes of a record, partitions, records a round."""

Step = Callable[[Broker, str], float]
"""Writes or reads a whole topic; the seconds that it took."""


def tables(run: Run) -> Iterator[Table]:
    """One table: write and read, rate and CPU, for each load."""
    table = SideBySide(
        "confluent-kafka (librdkafka for Python)",
        f"{run.count(LOADS[0][2]):,} records of 100 B or {run.count(LOADS[-1][2]):,} of 1 KiB a "
        "round, acks=1, the client's defaults, then all read from the beginning; "
        f"{run.rounds} rounds in turns after a warm-up; CPU of the broker.",
    )
    with run.brokers() as brokers:
        for size, partitions, full in LOADS:
            count = run.count(full)
            steps: dict[str, Step] = {
                "produce": partial(confluent.write, partitions=partitions, size=size, count=count),
                "consume": partial(confluent.read, partitions=partitions, count=count),
            }
            measure = partial(there_and_back, steps=steps, partitions=partitions, count=count)
            found = alternate(brokers, run.rounds, measure)
            add_rows(table, label(size, partitions), found)
    yield table


def label(size: int, partitions: int) -> str:
    """What a load is called in a table."""
    amount = "1 KiB" if size == 1024 else f"{size} B"
    return f"{amount}, {partitions} partition{'s' if partitions > 1 else ''}"


def there_and_back(
    broker: Broker, turn: int, *, steps: dict[str, Step], partitions: int, count: int
) -> dict[str, float]:
    """A topic of its own for each round: written, read, deleted."""
    topic = f"round-{partitions}-{count}-{turn}-{time.monotonic_ns()}"
    broker.create_topic(topic, partitions, file_delete_delay_ms="0")
    found = {}
    for verb, step in steps.items():
        cpu = broker.cpu
        found[f"{verb} rate"] = count / max(step(broker, topic), 1e-6)
        found[f"{verb} cpu"] = (broker.cpu - cpu) / count * 1e6
    broker.delete_topic(topic)
    return found


def add_rows(table: SideBySide, name: str, found: dict[str, dict[str, list[float]]]) -> None:
    """A row for each verb and quantity."""
    for verb in ("produce", "consume"):
        table.compare(f"{verb} {name}: records/s", found[f"{verb} rate"], more_is_better=True)
        table.compare(f"{verb} {name}: CPU s a million records", found[f"{verb} cpu"])
