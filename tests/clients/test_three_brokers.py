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
        # A leader that is cut off does not know it; its clients have to become impatient.
        impatient = {"request_timeout_ms": 1_000, "topic_metadata_refresh_interval_ms": 200}
        with Writer(trio.bootstrap, "cut", 1, rate=1_000, **impatient) as writer:
            writer.goes_on()
            network.cut({leader}, others)
            # Nobody will ever see these: one replica has them, and two are asked for.
            stranger = Producer({"bootstrap.servers": trio.addresses[leader], "acks": 1})
            for _ in range(50):
                stranger.produce("cut", b"uncommitted", partition=0)
            stranger.flush(0.5)
            writer.goes_on()
            assert trio.leader("cut") in others
            assert b"uncommitted" in trio.segments("cut")[leader]
            network.heal()
            trio.wait_for_isr("cut", 3)
            writer.goes_on()
        found = read_all(trio.bootstrap, "cut", 1)
        judge(writer, {at: v for at, v in found.items() if v != b"uncommitted"})
        wait_until(lambda: same(trio.segments("cut")))


def test_python_clients_find_the_next_leader(trio: Trio) -> None:
    with trio:
        trio.create("python")
        with_kafka_python(trio)
        asyncio.run(with_aiokafka(trio))
        found = read_all(trio.bootstrap, "python", 1)
        assert [found[0, n] for n in range(600)] == [b"%d" % n for n in range(600)]


def kill_and_start(trio: Trio, topic: str) -> None:
    leader = trio.leader(topic)
    trio.kill(leader)
    trio.start(leader)
    trio.wait_for_isr(topic, 3)


def with_kafka_python(trio: Trio) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=trio.bootstrap, acks="all")
    futures = [producer.send("python", b"%d" % n, partition=0) for n in range(100)]
    producer.flush(10)
    killing = threading.Thread(target=kill_and_start, args=(trio, "python"))
    killing.start()
    for n in range(100, 300):
        futures.append(producer.send("python", b"%d" % n, partition=0))
        time.sleep(0.005)
    producer.flush(30)
    killing.join()
    assert [future.get(10).offset for future in futures] == list(range(300))
    producer.close()


async def with_aiokafka(trio: Trio) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=trio.bootstrap, acks="all", enable_idempotence=True
    )
    async with producer:
        for n in range(300, 400):
            await producer.send_and_wait("python", b"%d" % n, partition=0)
        killing = asyncio.create_task(asyncio.to_thread(kill_and_start, trio, "python"))
        for n in range(400, 600):
            await producer.send_and_wait("python", b"%d" % n, partition=0)
            await asyncio.sleep(0.002)
        await killing
