"""confluent-kafka, which is librdkafka for Python, as the benchmarks use it.

Its own defaults, but for a queue that a fast producer does not fill at once. A consumer is
*assigned* its partitions: groups are not what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    Message,
    Producer,
    TopicPartition,
)

from benchmarks.brokers import Broker

TIMEOUT_S = 60
_MANY = 10_000


def producer(broker: Broker, *, acks: str, linger_ms: int) -> Producer:
    """A producer, idle."""
    return Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "acks": acks,
            "linger.ms": linger_ms,
            "queue.buffering.max.messages": 1_000_000,
            "message.timeout.ms": TIMEOUT_S * 1000,
        }
    )


@contextmanager
def reading(
    broker: Broker, topic: str, partitions: int, *, from_end: bool = False
) -> Iterator[Consumer]:
    """A consumer of all partitions of a topic; at the end it waits until it stands there."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "bench",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "check.crcs": True,
        }
    )
    try:
        offset = OFFSET_END if from_end else OFFSET_BEGINNING
        consumer.assign([TopicPartition(topic, index, offset) for index in range(partitions)])
        if from_end:
            consumer.poll(1)
        yield consumer
    finally:
        consumer.close()


def write(
    broker: Broker, topic: str, partitions: int, size: int, count: int, acks: str = "1"
) -> float:
    """Produce so many records of a size, in turns to all partitions; seconds to the last answer."""
    client = producer(broker, acks=acks, linger_ms=5)
    value = bytes(size)
    started = time.monotonic()
    for number in range(count):
        while True:
            try:
                client.produce(topic, value, partition=number % partitions)
                break
            except BufferError:
                client.poll(0.01)
    if left := client.flush(TIMEOUT_S):
        raise RuntimeError(f"{left} of {count} records were not acknowledged")
    return time.monotonic() - started


def read(broker: Broker, topic: str, partitions: int, count: int) -> float:
    """Consume so many records from the beginning; seconds for all, at the pace after the first.

    librdkafka takes half a second of its own before it asks for the first, from any broker.
    """
    left, patience = count, time.monotonic() + TIMEOUT_S
    first, started = 0, 0.0
    with reading(broker, topic, partitions) as consumer:
        while left > 0:
            came = sum(map(_is_record, consumer.consume(_MANY, timeout=0.1)))
            left -= came
            if came and not first:
                first, started = came, time.monotonic()
            if time.monotonic() > patience:
                raise RuntimeError(f"{left} of {count} records did not come")
        seconds = time.monotonic() - started
    return seconds * count / max(1, count - first)


def _is_record(message: Message) -> bool:
    if error := message.error():
        raise RuntimeError(f"a consumer was told: {error}")
    return True


def value(message: Message) -> bytes:
    """The value of a message; an error ends the benchmark."""
    _is_record(message)
    content = message.value()
    assert isinstance(content, bytes)
    return content
