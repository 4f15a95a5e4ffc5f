"""The messages that the benchmarks send, and the answers they look for."""

from __future__ import annotations

from collections.abc import Mapping

from broker.wire.errors import ErrorCode
from broker.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from broker.wire.messages.delete_topics import DeleteTopicsRequest
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from broker.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.wire.records import build_batch
from broker.wire.schema import Message

TOPIC = "orders"
TOPIC_ID = bytes(range(16))
PRODUCE_VERSION, FETCH_VERSION, METADATA_VERSION = 9, 12, 12
"""The newest that name topics by their names; librdkafka speaks much the same."""


class DisturbedError(RuntimeError):
    """Something came between: a leader that moved, on a machine that is too busy. Try again."""


def batch(records: int, size: int) -> bytes:
    """A record batch of so many records with values of so many bytes, and no keys."""
    value = bytes(size)
    return bytes(build_batch([(1_700_000_000_000, None, value, ())] * records))


def create_topic(
    name: str, partitions: int, configs: Mapping[str, str], replication: int = 1
) -> CreateTopicsRequest:
    """Create a topic."""
    topic = CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=replication,
        configs=[
            CreatableTopicConfig(name=key.replace("_", "."), value=value)
            for key, value in configs.items()
        ],
    )
    return CreateTopicsRequest(topics=[topic], timeout_ms=30_000)


def delete_topic(name: str) -> DeleteTopicsRequest:
    """Delete a topic."""
    return DeleteTopicsRequest(topic_names=[name], timeout_ms=30_000)


def metadata(name: str = TOPIC) -> MetadataRequest:
    """Who leads the partitions of this topic?"""
    topics = [MetadataRequestTopic(name=name)]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=False)


def brokers(answer: Message) -> int:
    """How many brokers there are, by an answer to Metadata."""
    assert isinstance(answer, MetadataResponse)
    return len(answer.brokers)


def leader(answer: Message) -> int:
    """Who leads the first partition of the topic that was asked for."""
    assert isinstance(answer, MetadataResponse)
    first = min(answer.topics[0].partitions, key=lambda partition: partition.partition_index)
    return first.leader_id


def leaders(answer: Message) -> list[int]:
    """Who leads the partitions of the topic that was asked for."""
    assert isinstance(answer, MetadataResponse)
    return [partition.leader_id for partition in answer.topics[0].partitions]


def has_leaders(answer: Message, partitions: int) -> bool:
    """Whether all partitions of the topic that was asked for can be written to."""
    assert isinstance(answer, MetadataResponse)
    found = answer.topics[0].partitions
    return len(found) == partitions and all(
        partition.leader_id >= 0 and partition.error_code == ErrorCode.NONE for partition in found
    )


def described(partitions: int) -> MetadataResponse:
    """The answer to `metadata`."""
    each = [
        MetadataResponsePartition(
            partition_index=index,
            leader_id=1,
            leader_epoch=0,
            replica_nodes=[1],
            isr_nodes=[1],
        )
        for index in range(partitions)
    ]
    topic = MetadataResponseTopic(name=TOPIC, topic_id=TOPIC_ID, partitions=each)
    broker = MetadataResponseBroker(node_id=1, host="127.0.0.1", port=9092)
    return MetadataResponse(brokers=[broker], cluster_id="bench", controller_id=1, topics=[topic])


def produce(
    records: bytes, acks: int = 1, topic: str = TOPIC, partition: int = 0
) -> ProduceRequest:
    """Append a batch to a partition."""
    data = PartitionProduceData(index=partition, records=records)
    named = TopicProduceData(name=topic, topic_id=TOPIC_ID, partition_data=[data])
    return ProduceRequest(acks=acks, timeout_ms=30_000, topic_data=[named])


def produced() -> ProduceResponse:
    """The answer to that."""
    partition = PartitionProduceResponse(index=0, base_offset=41, log_start_offset=0)
    topic = TopicProduceResponse(name=TOPIC, topic_id=TOPIC_ID, partition_responses=[partition])
    return ProduceResponse(responses=[topic])


def base_offset(answer: Message) -> int:
    """Where a batch went; an error disturbs it."""
    assert isinstance(answer, ProduceResponse)
    partition = answer.responses[0].partition_responses[0]
    if partition.error_code:
        raise DisturbedError(
            f"a produce request was answered {ErrorCode(partition.error_code).name}"
        )
    return partition.base_offset


def check(answer: Message) -> ErrorCode:
    """What an answer to `produce` or `fetch` has to complain of."""
    if isinstance(answer, ProduceResponse):
        return ErrorCode(answer.responses[0].partition_responses[0].error_code)
    assert isinstance(answer, FetchResponse)
    if answer.error_code:
        return ErrorCode(answer.error_code)
    return ErrorCode(answer.responses[0].partitions[0].error_code)


def fetch(
    offset: int = 41,
    topic: str = TOPIC,
    partition: int = 0,
    max_bytes: int = 1 << 20,
    max_wait_ms: int = 500,
) -> FetchRequest:
    """Read a partition from an offset on."""
    asked = FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=max_bytes)
    named = FetchTopic(topic=topic, topic_id=TOPIC_ID, partitions=[asked])
    return FetchRequest(
        max_wait_ms=max_wait_ms, min_bytes=1, max_bytes=max(max_bytes, 50 << 20), topics=[named]
    )


def fetched(records: bytes) -> FetchResponse:
    """The answer to that."""
    partition = PartitionData(
        partition_index=0,
        high_watermark=42,
        last_stable_offset=42,
        log_start_offset=0,
        records=records,
    )
    topic = FetchableTopicResponse(topic=TOPIC, topic_id=TOPIC_ID, partitions=[partition])
    return FetchResponse(responses=[topic])


def records_in(answer: Message) -> memoryview:
    """The batches in an answer to `fetch`; an error disturbs it."""
    assert isinstance(answer, FetchResponse)
    if answer.error_code or not answer.responses:
        raise DisturbedError(f"a fetch was answered {ErrorCode(answer.error_code).name}")
    partition = answer.responses[0].partitions[0]
    if partition.error_code:
        raise DisturbedError(f"a fetch was answered {ErrorCode(partition.error_code).name}")
    return memoryview(partition.records or b"")
