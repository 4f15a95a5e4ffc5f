"""One run of the benchmarks: how much load, and who takes part."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks import messages, peer
from benchmarks.alternate import patiently
from benchmarks.brokers import Broker, OffsetZero
from benchmarks.connection import framed
from benchmarks.peer_broker import ApacheKafka

QUICK = 200


@dataclass(frozen=True)
class Run:
    """What was asked for on the command line."""

    quick: bool = False
    """A two-hundredth of the load: shows that everything runs, and nothing else."""
    alone: bool = False
    """Without Apache Kafka."""

    @property
    def rounds(self) -> int:
        """How often each broker has its turn."""
        return 1 if self.quick else 5

    def count(self, full: int, least: int = 1) -> int:
        """How many of something that is `full` in a real run."""
        return max(least, full // QUICK) if self.quick else full

    def peer_missing(self) -> str:
        """Why Apache Kafka does not take part, or nothing."""
        if self.alone:
            return "not asked for"
        try:
            peer.fetch()
        except peer.PeerMissingError as error:
            return str(error)
        return "" if shutil.which("java") else "needs java"

    def kinds(self) -> list[type[Broker]]:
        """The brokers that take part."""
        return [OffsetZero] if self.peer_missing() else [OffsetZero, ApacheKafka]

    @contextmanager
    def brokers(self, nodes: int = 1) -> Iterator[list[Broker]]:
        """All of them, running and warm; each waits while the other is measured."""
        with ExitStack() as running:
            brokers = [running.enter_context(kind(nodes)) for kind in self.kinds()]
            for broker in brokers:
                patiently(partial(self.warm_up, broker))
            yield brokers

    def warm_up(self, broker: Broker) -> None:
        """A few seconds of work that are not measured: a JVM is slow until it has compiled."""
        topic = f"warm-up-{time.monotonic_ns()}"
        broker.create_topic(topic, file_delete_delay_ms="0")
        with broker.connect(topic) as connection:
            for records, full in ((1, 20_000), (8_000, 200)):
                request = messages.produce(messages.batch(records, 100), topic=topic)
                frame = framed(request, messages.PRODUCE_VERSION)
                connection.pipeline([frame], self.count(full), 20)
            read = framed(messages.fetch(0, topic, max_bytes=10_000), messages.FETCH_VERSION)
            connection.pipeline([read], self.count(5_000), 20)
        broker.delete_topic(topic)
