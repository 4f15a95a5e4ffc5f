"""The messages that the benchmarks send: what a client sends most often, made once."""

from __future__ import annotations

from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
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

TOPIC = "orders"
TOPIC_ID = bytes(range(16))


def batch(records: int, size: int) -> bytes:
    """A record batch of so many records with values of so many bytes, and no keys."""
    value = bytes(size)
    return bytes(build_batch([(1_700_000_000_000, None, value, ())] * records))


def create_topic(partitions: int) -> CreateTopicsRequest:
    """Create the topic that everything else is about."""
    topic = CreatableTopic(name=TOPIC, num_partitions=partitions, replication_factor=1)
    return CreateTopicsRequest(topics=[topic], timeout_ms=10_000)


def produce(records: bytes, acks: int = 1) -> ProduceRequest:
    """Append a batch to partition 0."""
    partition = PartitionProduceData(index=0, records=records)
    topic = TopicProduceData(name=TOPIC, topic_id=TOPIC_ID, partition_data=[partition])
    return ProduceRequest(acks=acks, timeout_ms=30_000, topic_data=[topic])


def produced() -> ProduceResponse:
    """The answer to that."""
    partition = PartitionProduceResponse(index=0, base_offset=41, log_start_offset=0)
    topic = TopicProduceResponse(name=TOPIC, topic_id=TOPIC_ID, partition_responses=[partition])
    return ProduceResponse(responses=[topic])


def fetch() -> FetchRequest:
    """Read partition 0 from offset 41."""
    partition = FetchPartition(partition=0, fetch_offset=41, partition_max_bytes=1 << 20)
    topic = FetchTopic(topic=TOPIC, topic_id=TOPIC_ID, partitions=[partition])
    return FetchRequest(max_wait_ms=500, min_bytes=1, max_bytes=50 << 20, topics=[topic])


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


def metadata() -> MetadataRequest:
    """Who leads the partitions of this topic?"""
    return MetadataRequest(topics=[MetadataRequestTopic(name=TOPIC)])


def described(partitions: int) -> MetadataResponse:
    """The answer to that."""
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
