"""Three brokers under a real client's load, while they are killed one after the other.

The producer asks for acks=all, and two replicas at least must have a record before it is
acknowledged. RECORDS=100000 writes more of them than a quick run does.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import aiokafka
import kafka
import pytest
from confluent_kafka import Producer

from tests.clients.numbers import Writer, judge, read_all
from tests.clients.proxy import Network
from tests.clients.trio import BROKERS, Trio, same, wait_until

RECORDS = int(os.environ.get("RECORDS", "20000"))
PARTITIONS = 3


@pytest.fixture
def trio(tmp_path: Path) -> Trio:
    return Trio(tmp_path, num_partitions=PARTITIONS)


def test_the_leader_the_controller_and_two_of_three_are_killed(trio: Trio) -> None:
    with trio:
        trio.create("numbers", PARTITIONS)
        with Writer(trio.bootstrap, count=RECORDS, rate=RECORDS // 8) as writer:
            writer.goes_on()
            leader = trio.leader("numbers")
            trio.kill(leader)
            writer.goes_on()
            trio.start(leader)
            trio.wait_for_isr("numbers", 3)

            controller = trio.controller()
            trio.kill(controller)
            writer.goes_on()
            trio.start(controller)
            trio.wait_for_isr("numbers", 3)

            pair = sorted({trio.leader("numbers"), trio.controller(), *BROKERS})[:2]
            trio.kill(*pair)
            time.sleep(0.3)
            trio.start(*pair)
            writer.goes_on()
            trio.wait_for_isr("numbers", 3)
        found = read_all(trio.bootstrap)
        judge(writer, found)
        assert len(writer.acknowledged) >= RECORDS
        wait_until(lambda: all(same(trio.segments("numbers", p)) for p in range(PARTITIONS)))


def test_a_rolling_restart_is_noticed_by_nobody(trio: Trio) -> None:
    with trio:
        trio.create("numbers", PARTITIONS)
        with Writer(trio.bootstrap, rate=3_000) as writer:
            writer.goes_on()
            for broker in BROKERS:
                trio.stop(broker)
                trio.start(broker)
                trio.wait_for_isr("numbers", 3)
            writer.goes_on()
        judge(writer, read_all(trio.bootstrap))


def test_a_leader_that_is_cut_off_gives_way_and_forgets_what_it_had_not_committed(
    tmp_path: Path,
) -> None:
    trio = Trio(tmp_path)
    with Network(trio.pids) as network, trio.behind(network):
        trio.create("cut")
        leader = trio.leader("cut")
        others = set(BROKERS) - {leader}
        elsewhere = ",".join(trio.addresses[broker] for broker in others)
        write(trio.bootstrap, b"before")
        network.cut({leader}, others)
        # Nobody will ever see these: one replica has them, and two are asked for.
        write(trio.addresses[leader], b"uncommitted", acks=1)
        assert b"uncommitted" in trio.segments("cut")[leader]
        wait_until(lambda: trio.leader("cut", at=elsewhere) in others)
        with Writer(elsewhere, "cut", 1, rate=1_000) as writer:
            writer.goes_on()
            network.heal()
            trio.wait_for_isr("cut", 3)
            writer.goes_on()
        found = read_all(trio.bootstrap, "cut", 1)
        assert [found.pop((0, n)) for n in range(50)] == [b"before"] * 50
        assert b"uncommitted" not in found.values()
        judge(writer, found)
        wait_until(lambda: same(trio.segments("cut")))


def write(bootstrap: str, value: bytes, acks: int = -1) -> None:
    """Fifty records, each acknowledged."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": acks})
    for _ in range(50):
        producer.produce("cut", value, partition=0)
    assert producer.flush(10) == 0


def test_python_clients_find_the_next_leader(trio: Trio) -> None:
    """kafka-python and aiokafka, each as it comes; both leaders are killed under both."""
    with trio:
        trio.create("python", 2)
        told = KafkaPython(trio.bootstrap)
        told.start()
        asyncio.run(with_aiokafka(trio))
        told.join()
        assert told.offsets == list(range(200))
        found = read_all(trio.bootstrap, "python", 2)
    assert [found[0, n] for n in range(200)] == [b"%d" % n for n in range(200)]
    assert [found[1, n] for n in range(200)] == [b"%d" % n for n in range(200)]


class KafkaPython(threading.Thread):
    """Two hundred numbers for partition 0, over some two seconds."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__()
        self.bootstrap = bootstrap
        self.offsets: list[int] = []

    def run(self) -> None:
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        futures = []
        for n in range(200):
            futures.append(producer.send("python", b"%d" % n, partition=0))
            time.sleep(0.01)
        producer.flush(30)
        self.offsets = [future.get(10).offset for future in futures]
        producer.close()


async def with_aiokafka(trio: Trio) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=trio.bootstrap, acks="all", enable_idempotence=True
    )
    async with producer:
        for n in range(200):
            if n == 50:
                killing = asyncio.create_task(asyncio.to_thread(kill_and_start, trio))
            await producer.send_and_wait("python", b"%d" % n, partition=1)
            await asyncio.sleep(0.005)
        await killing


def kill_and_start(trio: Trio) -> None:
    for partition in (0, 1):
        leader = trio.leader("python", partition)
        trio.kill(leader)
        trio.start(leader)
        trio.wait_for_isr("python", 3)
