"""Failover: the longest gap between acknowledged writes when the leader's process is killed.

Three brokers with their own default settings, one partition, librdkafka with acks=all, a record
every few milliseconds; its other settings are its own, and the same for both (`linger.ms` is 0, and
a record may take a minute). After a while the leader is killed (kill -9), and writing goes on until
it has long been replaced. When that is counts: librdkafka looks every second for partitions without
a leader, and sooner if a request was under way when the connection broke. So each run kills at
another moment of its second.

Apache Kafka gives a silent broker nine seconds before it believes it dead;
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
BEFORE_S, AFTER_S = 2.0, 4.0
"""How long is written before the leader is killed, and after the longest gap."""
PATIENCE_S = 60.0

Report = Callable[[KafkaError | None, Message], None]
"""What a producer calls when it knows what became of a record."""


def tables(run: Run) -> Iterator[Table]:
    """One table: the gap, and that nothing was lost."""
    table = SideBySide(
        "Failover",
        f"The leader of the only partition is killed {BEFORE_S:.0f} to {BEFORE_S + 1:.0f} s after "
        "writing began, acks=all, librdkafka's own settings; "
        f"{rounds(run)} runs of each, in turns.",
    )
    kinds = run.kinds()
    gaps: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    for turn in range(rounds(run)):
        for kind in kinds:
            gaps[kind.name].append(gap(kind(NODES), BEFORE_S + turn / rounds(run)))
    table.compare("longest gap between acknowledged writes: s", gaps)
    table.compare("the worst of them: s", {name: [max(found)] for name, found in gaps.items()})
    yield table


def rounds(run: Run) -> int:
    """How often a leader is killed."""
    return min(3, run.rounds)


def gap(cluster: Broker, before_s: float) -> float:
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
        write(producer, acknowledged, before_s)
        victim = cluster.process_of(cluster.leader(TOPIC))
        killed = time.monotonic()
        victim.kill()
        while (now := time.monotonic()) < killed + PATIENCE_S:
            if now > AFTER_S + max(killed, longest([*times, now])[1]):
                break
            write(producer, acknowledged, AFTER_S / 4)
        left = producer.flush(30)
        del producer  # it would complain of the brokers' end
    if left or refused:
        raise RuntimeError(f"{cluster.name}: {left + len(refused)} records were not acknowledged")
    return longest(times)[0]


def longest(times: list[float]) -> tuple[float, float]:
    """The longest gap, and when it was over."""
    return max((later - earlier, later) for earlier, later in pairwise(times))


def write(producer: Producer, acknowledged: Report, seconds: float) -> None:
    """Send a record every few milliseconds, for so long."""
    ends, due = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < ends:
        producer.produce(TOPIC, b"x" * 100, on_delivery=acknowledged)
        due += EVERY_S
        producer.poll(max(0.0, due - time.monotonic()))
