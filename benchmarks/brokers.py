"""The brokers that are measured: ours, and Apache Kafka; each in a process of its own, on loopback.

Both are started the same way, on an empty, formatted data directory, and count as started when
they have answered an ApiVersions request.
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

from benchmarks import messages
from benchmarks.children import LOOPBACK, Child, free_port
from benchmarks.connection import Connection
from benchmarks.measure import cpu_seconds, megabytes
from broker.wire.messages.api_versions import ApiVersionsRequest

OURS, PEERS = "offset-zero", "Apache Kafka"
CREATE_TOPICS, DELETE_TOPICS = 7, 5


class Broker(ABC):
    """A broker as a context manager; its process and its data go when it ends."""

    name: str

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="broker-bench-"))
        try:
            self.port = free_port()
            command = self.prepare()
            started = time.monotonic()
            self.child = Child(command, self.folder / "broker.log")
        except BaseException:
            self.remove()
            raise
        try:
            self.child.wait_for_port(self.port).close()
            with self.connect() as connection:
                connection.ask(ApiVersionsRequest(), 3)
            self.seconds_to_answer = time.monotonic() - started
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
    def prepare(self) -> list[str]:
        """Do what does not count as starting; the command that starts it on `port`."""

    def close(self) -> None:
        """End it, and remove its data."""
        try:
            self.child.end()
        finally:
            self.remove()

    def remove(self) -> None:
        """Remove its data."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- while it runs ----------------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def cpu(self) -> float:
        """The CPU seconds that it has used so far, its own and the kernel's on its behalf."""
        return cpu_seconds(self.child.process)

    @property
    def megabytes(self) -> float:
        """Its memory that is in RAM."""
        return megabytes(self.child.process)

    def connect(self) -> Connection:
        """A connection to it."""
        return Connection(self.port)

    def create_topic(self, name: str, partitions: int = 1, **configs: str) -> None:
        """Create a topic, and wait until its partitions take records."""
        with self.connect() as connection:
            connection.ask(messages.create_topic(name, partitions, configs), CREATE_TOPICS)
            patience = time.monotonic() + 30
            while not messages.has_leaders(connection.ask(messages.metadata(name), 12), partitions):
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

    def prepare(self) -> list[str]:
        broker = str(Path(sys.executable).with_name("broker"))
        data = ("--data-dir", f"{self.folder}/data")
        return [broker, "start", "--port", str(self.port), *data]
