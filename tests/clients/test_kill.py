"""kill -9 in the middle of writing: every acknowledged record is there, nothing torn is served."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.clients.served import Served

PARTITIONS = 3


class Writer:
    """Writes numbers for as long as it is let, and notes which were acknowledged, and where."""

    def __init__(self, bootstrap: str) -> None:
        self.producer = Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 2}
        )
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _run(self) -> None:
        n = 0
        while not self.stopping.is_set():
            try:
                self.producer.produce(
                    "numbers", b"%d" % n, partition=n % PARTITIONS, on_delivery=self._delivered
                )
                n += 1
            except BufferError:
                self.producer.poll(0.05)
            if n % 100 == 0:
                self.producer.poll(0.005)
        assert self.producer.flush(30) == 0

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged[message.partition(), message.offset()] = message.value()


def read_all(bootstrap: str) -> dict[tuple[int, int], bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "check.crcs": True,
        }
    )
    consumer.assign([TopicPartition("numbers", p, 0) for p in range(PARTITIONS)])
    found: dict[tuple[int, int], bytes] = {}
    ended = 0
    while ended < PARTITIONS:
        for message in consumer.consume(10_000, timeout=0.2):
            if message.error() is not None:
                assert message.error().code() == -191, message.error()  # _PARTITION_EOF
                ended += 1
            else:
                found[message.partition(), message.offset()] = message.value()
    consumer.close()
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_survives(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    served = Served(tmp_path / "data", num_partitions=PARTITIONS, log_segment_bytes=2_000_000)
    served.start()
    try:
        with Writer(served.bootstrap) as writer:
            for _ in range(2):
                time.sleep(0.2 + 0.4 * dice.random())
                served.kill()
                served.start()
            time.sleep(0.3)
        found = read_all(served.bootstrap)
    finally:
        served.stop()
    assert len(writer.acknowledged) > 1000
    lost = {at: v for at, v in writer.acknowledged.items() if found.get(at) != v}
    assert not lost, f"{len(lost)} acknowledged records are lost, such as {sorted(lost)[:3]}"
    for partition in range(PARTITIONS):
        values = [int(v) for (p, _), v in sorted(found.items()) if p == partition]
        assert values == sorted(set(values)), "idempotence: no duplicates, and in order"
    assert "Traceback" not in served.log()
