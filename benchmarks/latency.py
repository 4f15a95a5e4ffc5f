"""Latency: how long one record takes when nothing else is in its way.

One at a time: a Produce request, its answer, the next request. End to end: a thousand records a
second, each in a request of its own, and a consumer whose Fetch is already waiting when the record
comes; the time is from the first byte sent to the last byte read. Both through frames on sockets,
so that it is the broker that is measured, and end to end once more through librdkafka (Python), as
an application sees it.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import confluent, messages
from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.connection import Connection, framed
from benchmarks.measure import percentile
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table
from broker.wire.records import iter_batches

REQUESTS = 4_000
RECORDS = 4_000
EVERY_S = 0.001
TOPIC = "latency"

Way = Callable[[Broker, int], list[float]]
"""One way to send so many records; the seconds that each took."""


def tables(run: Run) -> Iterator[Table]:
    """One table: medians and 99th percentiles."""
    requests, records = run.count(REQUESTS, least=100), run.count(RECORDS, least=100)
    table = SideBySide(
        "Latency",
        f"{requests:,} requests one at a time, {records:,} records end to end at 1,000 a second, "
        f"100 B, acks=all; {run.rounds} rounds in turns after a warm-up; milliseconds.",
    )
    with run.brokers() as brokers:
        for broker in brokers:
            broker.create_topic(TOPIC)
        for label, way, count in (
            ("one at a time", one_at_a_time, requests),
            ("end to end", end_to_end, records),
            ("end to end, librdkafka", through_librdkafka, records),
        ):
            found = alternate(brokers, run.rounds, partial(spread, way=way, count=count))
            for quantity, values in found.items():
                table.compare(f"{label}: {quantity}", values)
    yield table


def spread(broker: Broker, turn: int, *, way: Way, count: int) -> dict[str, float]:
    """The middle and the tail of one way's latencies."""
    seconds = way(broker, count)
    return {
        "p50 ms": percentile(seconds, 50) * 1e3,
        "p99 ms": percentile(seconds, 99) * 1e3,
    }


def one_at_a_time(broker: Broker, count: int) -> list[float]:
    """Wait for each answer before the next request."""
    frame = one_record()
    seconds = []
    with broker.connect(TOPIC) as connection:
        size = connection.answer_size(frame)
        for _ in range(count):
            started = time.perf_counter()
            connection.exchange(frame, size)
            seconds.append(time.perf_counter() - started)
    return seconds


def one_record() -> bytes:
    """A Produce request with one record, to be answered when it is committed."""
    return framed(messages.produce(messages.batch(1, 100), -1, TOPIC), messages.PRODUCE_VERSION)


def end_to_end(broker: Broker, count: int) -> list[float]:
    """Send records by the clock, and read them on another connection as they come."""
    frame = one_record()
    with broker.connect(TOPIC) as sending, broker.connect(TOPIC) as reading:
        sending.send(frame)
        first = next_offset = after(sending)
        sent: list[float] = []
        seconds: list[float] = []
        ask(reading, next_offset)
        due = time.perf_counter()
        while len(seconds) < count:
            now = time.perf_counter()
            if len(sent) < count and now >= due:
                sent.append(time.perf_counter())
                sending.send(frame)
                due += EVERY_S
            wait_s = max(0.0, due - time.perf_counter()) if len(sent) < count else 30.0
            ready, _, _ = select.select([sending.socket, reading.socket], [], [], wait_s)
            if not ready and len(sent) == count:
                raise messages.DisturbedError(f"only {len(seconds)} of {count} records came")
            if sending.socket in ready:
                sending.skim()
            if reading.socket in ready:
                reading.receive()
                if came := read_to(reading):
                    arrived = time.perf_counter()
                    seconds += [arrived - at for at in sent[next_offset - first : came - first]]
                    next_offset = came
                    ask(reading, next_offset)
    return seconds


def after(sending: Connection) -> int:
    """The offset behind the record that was just sent."""
    request = messages.produce(b"", topic=TOPIC)
    return messages.base_offset(sending.answer(request, messages.PRODUCE_VERSION)) + 1


def ask(reading: Connection, offset: int) -> None:
    """Ask for what comes at an offset."""
    reading.send(framed(messages.fetch(offset, TOPIC), messages.FETCH_VERSION))


def read_to(reading: Connection) -> int:
    """The offset up to which an answer reaches; 0 while it is not complete."""
    if not reading.has_frame:
        return 0
    answer = reading.answer(messages.fetch(), messages.FETCH_VERSION)
    return [header.next_offset for header, _ in iter_batches(messages.records_in(answer))][-1]


def through_librdkafka(broker: Broker, count: int) -> list[float]:
    """The same, with the producer and the consumer that applications use."""
    producer = confluent.producer(broker, acks="all", linger_ms=0)
    seconds: list[float] = []
    with confluent.reading(broker, TOPIC, 1, from_end=True) as consumer:
        sent, due = 0, time.perf_counter()
        while len(seconds) < count:
            if sent < count and time.perf_counter() >= due:
                producer.produce(TOPIC, b"%-100.9f" % time.perf_counter(), partition=0)
                sent += 1
                due += EVERY_S
            wait_s = max(0.0, due - time.perf_counter()) if sent < count else 30.0
            message = consumer.poll(wait_s)
            if message is not None:
                seconds.append(time.perf_counter() - float(confluent.value(message)))
            elif sent == count:
                raise RuntimeError(f"only {len(seconds)} of {count} records came")
            producer.poll(0)
    producer.flush(30)
    return seconds
