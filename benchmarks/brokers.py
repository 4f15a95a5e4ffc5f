"""What is measured: ours, and Apache Kafka; one broker or a cluster of them, all on loopback.

Both are started the same way, on empty, formatted data directories. A broker counts as started when
it has answered an ApiVersions request, a cluster when all its brokers know each other.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks import messages
from benchmarks.children import LOOPBACK, Child, free_ports
from benchmarks.connection import Connection
from benchmarks.measure import cpu_seconds, megabytes
from broker.wire.messages.api_versions import ApiVersionsRequest

OURS, PEERS = "offset-zero", "Apache Kafka"
CREATE_TOPICS, DELETE_TOPICS = 7, 5


class Broker(ABC):
    """A broker, or a cluster, as a context manager; its processes and its data go when it ends."""

    name: str

    def __init__(self, nodes: int = 1) -> None:
        self.nodes = nodes
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="broker-bench-"))
        try:
            self.ports = free_ports(self.nodes)
            self.commands = self.prepare()
            self.seconds_to_answer = self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def prepare(self) -> list[list[str]]:
        """Do what does not count as starting; the commands that start it on `ports`."""

    def start(self) -> float:
        """Start its processes on what data there are; the seconds until it has answered."""
        started = time.monotonic()
        for number, command in enumerate(self.commands):
            self.children.append(Child(command, self.folder / f"broker-{number}.log"))
        self.wait()
        return time.monotonic() - started

    def stop(self) -> None:
        """End its processes in order; the data stay."""
        for child in self.children:
            child.ask_to_end()
        for child in self.children:
            child.end()
        self.children.clear()

    def wait(self) -> None:
        """Wait until every broker answers, and each knows of all."""
        for number, port in enumerate(self.ports):
            self.children[number % len(self.children)].wait_for_port(port).close()
            with Connection(port) as connection:
                connection.ask(ApiVersionsRequest(), 3)
                patience = time.monotonic() + 60
                while self.nodes > 1 and self.known(connection) < self.nodes:
                    if time.monotonic() > patience:
                        raise RuntimeError(f"{self.name}: the brokers do not find each other")
                    time.sleep(0.01)

    @staticmethod
    def known(connection: Connection) -> int:
        """How many brokers one of them knows."""
        return messages.brokers(connection.ask(messages.metadata(), messages.METADATA_VERSION))

    def close(self) -> None:
        """End it, and remove its data."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- while it runs ----------------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.ports)

    @property
    def cpu(self) -> float:
        """The CPU seconds that it has used so far, its own and the kernel's on its behalf."""
        return sum(map(cpu_seconds, self.processes))

    @property
    def megabytes(self) -> float:
        """Its memory that is in RAM, of all its processes."""
        return sum(map(megabytes, self.processes))

    @property
    def processes(self) -> list[psutil.Process]:
        """Its processes, with those that they have started."""
        if self.nodes == 1:
            return [child.process for child in self.children]
        return [
            process
            for child in self.children
            for process in (child.process, *child.process.children(recursive=True))
        ]

    def process_of(self, node: int) -> psutil.Process:
        """The process that listens on a node's port; nodes count from 1."""
        port = self.ports[node - 1]
        for process in self.processes:
            if any(
                c.status == "LISTEN" and c.laddr.port == port for c in process.net_connections()
            ):
                return process
        raise RuntimeError(f"{self.name}: nobody listens on the port of node {node}")

    def connect(self, topic: str = "") -> Connection:
        """A connection to it; in a cluster, to the leader of a topic's first partition."""
        if not topic or self.nodes == 1:
            return Connection(self.ports[0])
        return Connection(self.ports[self.leader(topic) - 1])

    def leader(self, topic: str) -> int:
        """The node that leads a topic's first partition, as the first node that answers knows."""
        for port in self.ports:
            try:
                with Connection(port) as connection:
                    answer = connection.ask(messages.metadata(topic), messages.METADATA_VERSION)
                    return messages.leader(answer)
            except OSError:
                continue
        raise RuntimeError(f"{self.name}: no node answers")

    def create_topic(
        self, name: str, partitions: int = 1, replication: int = 0, **configs: str
    ) -> None:
        """Create a topic, replicated to all brokers unless said, and wait until it is ready."""
        replication = replication or self.nodes
        wish = messages.create_topic(name, partitions, configs, replication)
        with self.connect() as connection:
            connection.ask(wish, CREATE_TOPICS)
        for port in self.ports:
            with Connection(port) as connection:
                self.wait_for_leaders(connection, name, partitions)

    def wait_for_leaders(self, connection: Connection, name: str, partitions: int) -> None:
        """Wait until a broker names a leader for each partition of a topic."""
        patience = time.monotonic() + 30
        asked = messages.metadata(name)
        while not messages.has_leaders(connection.ask(asked, 12), partitions):
            if time.monotonic() > patience:
                raise RuntimeError(f"{self.name}: topic {name} has no leaders")
            time.sleep(0.01)

    def delete_topic(self, name: str) -> None:
        """Delete a topic."""
        with self.connect() as connection:
            connection.ask(messages.delete_topic(name), DELETE_TOPICS)


class OffsetZero(Broker):
    """`broker start`, as a user starts it."""

    name = OURS

    def prepare(self) -> list[list[str]]:
        broker = str(Path(sys.executable).with_name("broker"))
        data = ("--data-dir", f"{self.folder}/data")
        many = ("--brokers", str(self.nodes)) if self.nodes > 1 else ()
        return [[broker, "start", *many, "--port", str(self.ports[0]), *data]]
