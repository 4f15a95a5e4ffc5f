"""Somebody who writes numbers while brokers die, and what became of each number."""

from __future__ import annotations

import threading
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

Found = dict[tuple[int, int], bytes]
"""Values by partition and offset."""


class Writer:
    """Writes numbers for as long as it is let, and notes which were acknowledged, and where.

    At least `count` of them, with acks=all and idempotence as librdkafka has it, `rate` a second.
    """

    def __init__(
        self, bootstrap: str, topic: str = "numbers", partitions: int = 3, count: int = 0,
        rate: int = 1_000_000, **config: Any,
    ) -> None:  # fmt: skip
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.timeout.ms": 60_000,
                **{name.replace("_", "."): value for name, value in config.items()},
            }
        )
        self.topic, self.partitions, self.count, self.rate = topic, partitions, count, rate
        self.acknowledged: Found = {}
        self.errors: list[str] = []
        self.written = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self.stopping.is_set() or self.written < self.count:
            n = self.written
            try:
                self.producer.produce(
                    self.topic, b"%d" % n, partition=n % self.partitions,
                    on_delivery=self._delivered,
                )  # fmt: skip
                self.written += 1
            except BufferError:
                self.producer.poll(0.05)
            if n % 20 == 0:
                early = began + n / self.rate - time.monotonic()
                self.producer.poll(max(0.0, early) if not self.stopping.is_set() else 0)
        assert self.producer.flush(60) == 0

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged[message.partition(), message.offset()] = message.value()
        else:
            self.errors.append(str(error))

    def goes_on(self, seconds: float = 20.0) -> None:
        """Wait until something is acknowledged that was not when this was asked."""
        before = len(self.acknowledged)
        end = time.monotonic() + seconds
        while len(self.acknowledged) < before + 100:
            assert time.monotonic() < end, "nothing is acknowledged any more"
            time.sleep(0.02)


def read_all(bootstrap: str, topic: str = "numbers", partitions: int = 3) -> Found:
    """Everything there is, from the beginning to the high watermark."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "check.crcs": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    found: Found = {}
    ended = 0
    while ended < partitions:
        for message in consumer.consume(10_000, timeout=0.2):
            if message.error() is not None:
                assert message.error().code() == -191, message.error()  # _PARTITION_EOF
                ended += 1
            else:
                found[message.partition(), message.offset()] = message.value()
    consumer.close()
    return found


def judge(writer: Writer, found: Found) -> None:
    """Nothing that was acknowledged is lost; each partition is in order, and nothing is twice."""
    assert writer.errors == []
    lost = {at: v for at, v in writer.acknowledged.items() if found.get(at) != v}
    assert not lost, f"{len(lost)} acknowledged records are lost, such as {sorted(lost)[:3]}"
    for partition in range(writer.partitions):
        values = [int(v) for (p, _), v in sorted(found.items()) if p == partition]
        assert values == sorted(set(values)), "idempotence: no duplicates, and in order"
