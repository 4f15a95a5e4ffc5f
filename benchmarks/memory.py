"""Memory: what of a broker's process is in RAM, fresh and after load.

Fresh is after the first answer. The load is what a busy day looks like in a few seconds: a million
records of 100 bytes and 200,000 of a kilobyte, into six partitions through librdkafka, and all of
them read again. (The page cache, where the records themselves are, belongs to no process.)
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import confluent
from benchmarks.brokers import Broker
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

LOADS = ((100, 1_000_000), (1024, 200_000))
PARTITIONS = 6


def tables(run: Run) -> Iterator[Table]:
    """One table: fresh, and after load."""
    table = SideBySide("Memory", "Resident MB of the broker's process; one run of each.")
    fresh: dict[str, list[float]] = {}
    loaded: dict[str, list[float]] = {}
    for kind in run.kinds():
        with kind() as broker:
            fresh[broker.name] = [broker.megabytes]
            work(run, broker)
            loaded[broker.name] = [broker.megabytes]
    table.compare("fresh: MB", fresh)
    table.compare("after load: MB", loaded)
    yield table


def work(run: Run, broker: Broker) -> None:
    """Write and read."""
    for size, full in LOADS:
        count, topic = run.count(full), f"memory-{size}"
        broker.create_topic(topic, PARTITIONS)
        confluent.write(broker, topic, PARTITIONS, size, count)
        confluent.read(broker, topic, PARTITIONS, count)
