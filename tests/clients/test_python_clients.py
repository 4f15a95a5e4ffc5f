"""kafka-python and aiokafka as they come, and what they wrote read by one another."""

from __future__ import annotations

import asyncio
from typing import Any

import aiokafka
import kafka
import pytest
from aiokafka.structs import TopicPartition as AioPartition

from tests.clients.served import Served
from tests.clients.stories import COUNT, FIRST_MS, Seen, all_written

COMPRESSIONS = [None, "gzip", "snappy", "lz4", "zstd"]


def seen(record: Any) -> Seen:
    headers = tuple((name, value) for name, value in record.headers)
    return Seen(record.offset, record.timestamp, record.key, record.value, headers)


def write_with_kafka_python(served: Served, topic: str, compression: str | None) -> None:
    # kafka-python produces idempotently unless told otherwise, like Java.
    producer = kafka.KafkaProducer(
        bootstrap_servers=served.bootstrap, compression_type=compression, linger_ms=20
    )
    futures = [
        producer.send(
            topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=0,
            timestamp_ms=record.timestamp_ms,
        )
        for record in all_written()
    ]
    producer.flush(30)
    assert futures[-1].get(10).offset == COUNT - 1
    producer.close()


def read_with_kafka_python(served: Served, topic: str) -> None:
    consumer = kafka.KafkaConsumer(bootstrap_servers=served.bootstrap)
    partition = kafka.TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    found: list[Seen] = []
    while len(found) < COUNT:
        polled = consumer.poll(timeout_ms=10_000, max_records=5_000)
        assert polled, f"only {len(found)} of {COUNT} records came"
        found += [seen(record) for records in polled.values() for record in records]
    assert found == all_written()
    at = consumer.offsets_for_times({partition: FIRST_MS + COUNT // 2})[partition]
    assert at.offset == COUNT // 2
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: COUNT}
    consumer.close()


async def write_with_aiokafka(served: Served, topic: str, compression: str | None) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=served.bootstrap,
        compression_type=compression,
        enable_idempotence=True,
        linger_ms=20,
    )
    async with producer:
        futures = [
            await producer.send(
                topic,
                record.value,
                record.key,
                partition=0,
                timestamp_ms=record.timestamp_ms,
                headers=list(record.headers),
            )
            for record in all_written()
        ]
        await producer.flush()
        assert (await futures[-1]).offset == COUNT - 1


async def read_with_aiokafka(served: Served, topic: str) -> None:
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=served.bootstrap)
    partition = AioPartition(topic, 0)
    async with consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        found: list[Seen] = []
        while len(found) < COUNT:
            polled = await consumer.getmany(timeout_ms=10_000, max_records=5_000)
            assert polled, f"only {len(found)} of {COUNT} records came"
            found += [seen(record) for records in polled.values() for record in records]
        assert found == all_written()
        at = (await consumer.offsets_for_times({partition: FIRST_MS + 10}))[partition]
        assert at is not None
        assert at.offset == 10
        assert await consumer.end_offsets([partition]) == {partition: COUNT}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_kafka_python_writes_and_reads(served: Served, compression: str | None) -> None:
    topic = f"kafka-python-{compression}"
    write_with_kafka_python(served, topic, compression)
    read_with_kafka_python(served, topic)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_aiokafka_writes_and_both_read(served: Served, compression: str | None) -> None:
    topic = f"aiokafka-{compression}"
    asyncio.run(write_with_aiokafka(served, topic, compression))
    asyncio.run(read_with_aiokafka(served, topic))
    read_with_kafka_python(served, topic)


def test_kafka_python_administers(served: Served) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=served.bootstrap)
    admin.create_topics([kafka.admin.NewTopic("by-kafka-python", 2, 1)])
    assert "by-kafka-python" in admin.list_topics()
    admin.delete_topics(["by-kafka-python"])
    assert "by-kafka-python" not in admin.list_topics()
    admin.close()
