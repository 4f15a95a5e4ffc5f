"""Failover: the longest gap between acknowledged writes when the leader's process is killed.

Three brokers with their own default settings, one partition, librdkafka with acks=all, a record
every few milliseconds. After a while the leader is killed (kill -9), and writing goes on until it
has long been replaced. Apache Kafka gives a silent broker nine seconds before it believes it dead;
ours one, and less when its connection is seen to close, as that of a killed process is. What that
costs is in the page on three brokers: a broker that pauses for longer than that loses its
partitions, though no record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

from confluent_kafka import KafkaError, Message, Producer

from benchmarks import confluent
from benchmarks.brokers import Broker
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table

NODES = 3
TOPIC = "failover"
EVERY_S = 0.002
BEFORE_S, AFTER_S = 2.0, 20.0
QUICK_AFTER_S = 6.0

Report = Callable[[KafkaError | None, Message], None]
"""What a producer calls when it knows what became of a record."""


def tables(run: Run) -> Iterator[Table]:
    """One table: the gap, and that nothing was lost."""
    table = SideBySide(
        "Failover",
        f"The leader of the only partition is killed {BEFORE_S:.0f} s after writing began; "
        f"{rounds(run)} runs of each.",
    )
    gaps: dict[str, list[float]] = {}
    for kind in run.kinds():
        gaps[kind.name] = [gap(run, kind(NODES)) for _ in range(rounds(run))]
    table.compare("longest gap between acknowledged writes: s", gaps)
    yield table


def rounds(run: Run) -> int:
    """How often a leader is killed."""
    return min(3, run.rounds)


def gap(run: Run, cluster: Broker) -> float:
    """Kill a leader under load; the longest time without an acknowledgement."""
    times: list[float] = []
    refused: list[KafkaError] = []

    def acknowledged(error: KafkaError | None, message: Message) -> None:
        if error is None:
            times.append(time.monotonic())
        else:
            refused.append(error)

    with cluster:
        cluster.create_topic(TOPIC)
        producer = confluent.producer(cluster, acks="all", linger_ms=0)
        write(producer, acknowledged, BEFORE_S)
        victim = cluster.leader(TOPIC)
        cluster.process_of(victim).kill()
        write(producer, acknowledged, QUICK_AFTER_S if run.quick else AFTER_S)
        left = producer.flush(30)
    if left or refused:
        raise RuntimeError(f"{cluster.name}: {left + len(refused)} records were not acknowledged")
    return max(later - earlier for earlier, later in pairwise(times))


def write(producer: Producer, acknowledged: Report, seconds: float) -> None:
    """Send a record every few milliseconds, for so long."""
    ends, due = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < ends:
        producer.produce(TOPIC, b"x" * 100, on_delivery=acknowledged)
        due += EVERY_S
        producer.poll(max(0.0, due - time.monotonic()))
