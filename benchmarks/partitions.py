"""Many partitions: a cluster of three with ten thousand of them, created, restarted, failed over.

The partitions are empty, each replicated three times: what is measured is the metadata, from the
controller's records to what every broker knows and does. Failed over is from the kill of a broker
to the moment when another broker's Metadata names no partition that it leads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import messages
from benchmarks.brokers import Broker, OffsetZero
from benchmarks.connection import Connection
from benchmarks.run import Run
from benchmarks.table import Table

NODES = 3
SIZES = (1_000, 10_000)
TOPIC = "many"
PATIENCE_S = 120


def tables(run: Run) -> Iterator[Table]:
    """One table: a row for each number of partitions."""
    table = Table(
        "Three brokers with many partitions",
        "Replicated three times and empty; one run of each; memory is that of all processes.",
        ("partitions", "created: s", "failed over: s", "restarted: s", "resident MB"),
    )
    for full in SIZES:
        partitions = run.count(full, least=10)
        with OffsetZero(NODES) as cluster:
            created = seconds_until(partial(create, cluster, partitions))
            megabytes = cluster.megabytes
            failed_over = fail_over(cluster, partitions)
            cluster.stop()
            restarted = seconds_until(partial(restart, cluster, partitions))
        table.add(f"{partitions:,}", created, failed_over, restarted, megabytes)
    yield table


def seconds_until(done: Callable[[], None]) -> float:
    """How long a call takes."""
    started = time.monotonic()
    done()
    return time.monotonic() - started


def create(cluster: Broker, partitions: int) -> None:
    """Create the topic; done when every broker names a leader for each partition."""
    cluster.create_topic(TOPIC, partitions)


def restart(cluster: Broker, partitions: int) -> None:
    """Start again; done when every broker names a leader for each partition."""
    cluster.start()
    for port in cluster.ports:
        with Connection(port) as connection:
            cluster.wait_for_leaders(connection, TOPIC, partitions)


def fail_over(cluster: Broker, partitions: int) -> float:
    """Kill a broker that is not the first; the seconds until the first knows new leaders."""
    victim = NODES
    with Connection(cluster.ports[0]) as connection:
        cluster.process_of(victim).kill()
        started = time.monotonic()
        while time.monotonic() < started + PATIENCE_S:
            answer = connection.ask(messages.metadata(TOPIC), messages.METADATA_VERSION)
            leaders = messages.leaders(answer)
            if len(leaders) == partitions and not {victim, -1} & set(leaders):
                return time.monotonic() - started
            time.sleep(0.02)
    raise RuntimeError(f"after {PATIENCE_S} s broker {victim} still leads partitions")
