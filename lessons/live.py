"""A real broker for a cell that talks to one.

Ours, started on this machine for as long as the `with` block lasts, or the cluster that the
environment variable BOOTSTRAP_SERVERS names: the cells are the same, because they use only
what Apache Kafka does too.

    with a_topic() as (servers, topic):
        producer = confluent_kafka.Producer({"bootstrap.servers": servers})

This is the one part of a lesson that needs sockets and threads. A browser has neither, and
says so in one sentence instead of a page of traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from uuid import uuid4


class NotHereError(Exception):
    """This cell cannot run here. The sentence says why; a notebook shows nothing else."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this before it prints a stack nobody needs here.
        return [str(self)]


if sys.platform == "emscripten":
    raise NotHereError(
        "This cell needs a real machine: a browser has no sockets for a broker and its clients. "
        "Everything else in this lesson runs here."
    )

try:
    import confluent_kafka
except ImportError:
    raise NotHereError(
        "This cell needs the confluent-kafka client: pip install confluent-kafka"
    ) from None

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # noqa: E402

__all__ = ["NotHereError", "a_broker", "a_topic", "confluent_kafka"]

PATIENCE_S = 15.0


def a_broker() -> AbstractContextManager[str]:
    """The address of a broker: BOOTSTRAP_SERVERS, or one that runs as long as the block."""
    servers = os.environ.get("BOOTSTRAP_SERVERS")
    return nullcontext(servers) if servers else _our_own()


@contextmanager
def _our_own() -> Iterator[str]:
    from broker import Cluster

    with Cluster() as cluster:
        yield cluster.bootstrap_servers


@contextmanager
def a_topic(name: str = "orders", partitions: int = 1) -> Iterator[tuple[str, str]]:
    """A broker's address and a fresh topic on it, which is removed at the end of the block."""
    with a_broker() as servers:
        # The cluster may be somebody's real one: take a name that nobody has, and tidy up.
        topic = f"{name}-{uuid4().hex[:6]}"
        try:
            _create(servers, topic, partitions)
        except confluent_kafka.KafkaException as problem:
            raise NotHereError(f"No topic could be created at {servers}: {problem}") from None
        try:
            yield servers, topic
        finally:
            _delete(servers, topic)


# An admin client lives only as long as its function, and reports errors only: it would otherwise
# go on telling, between the learner's lines, how it lost its connection to a stopped broker.

QUIET: dict[str, str | int | float | bool] = {"log_level": 3}


def _create(servers: str, topic: str, partitions: int) -> None:
    admin = AdminClient({**QUIET, "bootstrap.servers": servers})
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1)
    admin.create_topics([new], operation_timeout=PATIENCE_S)[topic].result(PATIENCE_S)


def _delete(servers: str, topic: str) -> None:
    admin = AdminClient({**QUIET, "bootstrap.servers": servers})
    admin.delete_topics([topic])[topic].result(PATIENCE_S)
