"""confluent-kafka (librdkafka), idempotent and not, in every compression."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tests.clients.served import Served
from tests.clients.stories import COUNT, FIRST_MS, Seen, all_written


def admin(served: Served) -> AdminClient:
    return AdminClient({"bootstrap.servers": served.bootstrap})


def create(served: Served, name: str, partitions: int = 1, **config: str) -> None:
    topic = NewTopic(
        name, partitions, 1, config={k.replace("_", "."): v for k, v in config.items()}
    )
    client = admin(served)
    for future in client.create_topics([topic]).values():
        future.result(10)


def consumer(served: Served, **config: Any) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": served.bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            **{
                key if key == "stats_cb" else key.replace("_", "."): value
                for key, value in config.items()
            },
        }
    )


def fetching(statistics: str, topic: str) -> bool:
    """Whether a consumer knows where it stands in a topic's first partition, by its own account."""
    partitions = json.loads(statistics)["topics"].get(topic, {}).get("partitions", {})
    return partitions.get("0", {}).get("fetch_state") == "active"


def seen(message: Any) -> Seen:
    assert message.error() is None, message.error()
    headers = tuple(message.headers() or ())
    key, value = message.key(), message.value()
    return Seen(message.offset(), message.timestamp()[1], key, value, headers)


def read(client: Consumer, count: int) -> list[Seen]:
    found: list[Seen] = []
    while len(found) < count:
        messages = client.consume(min(5_000, count - len(found)), timeout=10)
        assert messages, f"only {len(found)} of {count} records came"
        found += [seen(message) for message in messages]
    return found


@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_was_written_is_read_back(served: Served, compression: str, idempotent: bool) -> None:
    topic = f"confluent-{compression}-{idempotent}"
    create(served, topic)
    producer = Producer(
        {
            "bootstrap.servers": served.bootstrap,
            "compression.type": compression,
            "enable.idempotence": idempotent,
            "linger.ms": 20,
        }
    )
    failures: list[Any] = []
    for record in all_written():
        producer.produce(
            topic,
            record.value,
            record.key,
            partition=0,
            timestamp=record.timestamp_ms,
            headers=list(record.headers) or None,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    assert producer.flush(20) == 0
    assert failures == []

    client = consumer(served)
    client.assign([TopicPartition(topic, 0, 0)])
    assert read(client, COUNT) == all_written()
    half = TopicPartition(topic, 0, FIRST_MS + COUNT // 2)
    (found,) = client.offsets_for_times([half], timeout=10)
    assert found.offset == COUNT // 2
    client.assign([found])
    assert read(client, 3) == all_written()[COUNT // 2 : COUNT // 2 + 3]
    assert client.get_watermark_offsets(half, timeout=10) == (0, COUNT)
    client.close()


def test_reading_from_the_end_brings_only_what_comes_then(served: Served) -> None:
    create(served, "tail")
    producer = Producer({"bootstrap.servers": served.bootstrap})
    producer.produce("tail", b"before")
    producer.flush(10)
    told: list[str] = []
    client = consumer(served, statistics_interval_ms=50, stats_cb=told.append)
    client.assign([TopicPartition("tail", 0, -1)])  # OFFSET_END
    while not (told and fetching(told[-1], "tail")):
        assert client.poll(0.1) is None
    producer.produce("tail", b"after")
    producer.flush(10)
    assert read(client, 1)[0].value == b"after"
    client.close()


def test_an_offset_outside_of_the_log_is_reported(served: Served) -> None:
    create(served, "short")
    client = consumer(served)
    client.assign([TopicPartition("short", 0, 77)])
    message = client.poll(10)
    assert message is not None
    assert message.error().code() == KafkaError._AUTO_OFFSET_RESET
    client.close()


def test_topics_are_administered(served: Served) -> None:
    create(served, "administered", partitions=3, retention_ms="3600000")
    client = admin(served)
    topic = client.list_topics("administered", timeout=10).topics["administered"]
    assert sorted(topic.partitions) == [0, 1, 2]
    resource = ConfigResource(ResourceType.TOPIC, "administered")
    described = client.describe_configs([resource])[resource].result(10)
    assert described["retention.ms"].value == "3600000"
    resource.add_incremental_config(
        ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET)
    )
    client.incremental_alter_configs([resource])[resource].result(10)
    plain = ConfigResource(ResourceType.TOPIC, "administered")
    described = client.describe_configs([plain])[plain].result(10)
    assert described["retention.ms"].value == "7200000"
    cluster = client.describe_cluster().result(10)
    assert [node.id for node in cluster.nodes] == [1]
    for spec, offset in ((OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 0)):
        where = TopicPartition("administered", 0)
        assert client.list_offsets({where: spec})[where].result(10).offset == offset
    client.delete_topics(["administered"])["administered"].result(10)
    assert "administered" not in client.list_topics(timeout=10).topics


def test_refusals_reach_the_user(served: Served) -> None:
    create(served, "taken")
    for name, partitions, code in (
        ("taken", 1, KafkaError.TOPIC_ALREADY_EXISTS),
        ("a b", 1, KafkaError.TOPIC_EXCEPTION),
        ("zero", 0, KafkaError.INVALID_PARTITIONS),
    ):
        client = admin(served)
        with pytest.raises(KafkaException) as error:
            client.create_topics([NewTopic(name, partitions, 1)])[name].result(10)
        assert error.value.args[0].code() == code


def test_a_record_that_is_too_large_is_refused(served: Served) -> None:
    create(served, "small", max_message_bytes="1000")
    errors: list[Any] = []
    producer = Producer({"bootstrap.servers": served.bootstrap})
    producer.produce("small", b"x" * 2_000, on_delivery=lambda error, _: errors.append(error))
    producer.flush(10)
    assert errors[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
