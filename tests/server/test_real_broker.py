"""The broker itself behind the port: requests that are nearly right, and crowds."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from broker import Cluster
from broker.api.table import APIS
from broker.wire.codec import message_class
from broker.wire.frames import decode_response, encode_request
from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from broker.wire.messages.delete_topics import DeleteTopicsRequest
from broker.wire.messages.describe_cluster import DescribeClusterRequest
from broker.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from broker.wire.messages.headers import RequestHeader
from broker.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from broker.wire.messages.init_producer_id import InitProducerIdRequest
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from broker.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from broker.wire.records import build_batch
from broker.wire.schema import Message

METADATA = 3
BATCH = bytes(build_batch([(1_700_000_000_000, b"key", b"value", ())]))

# One request of each kind, in a version without topic ids, so that each reaches its handler.
REQUESTS: list[tuple[int, int, Message]] = [
    (
        0,
        9,
        ProduceRequest(
            transactional_id=None,
            acks=-1,
            timeout_ms=100,
            topic_data=[
                TopicProduceData(
                    name="orders", partition_data=[PartitionProduceData(index=0, records=BATCH)]
                )
            ],
        ),
    ),
    (
        1,
        12,
        FetchRequest(
            max_wait_ms=1,
            min_bytes=1,
            max_bytes=1000,
            topics=[
                FetchTopic(
                    topic="orders",
                    partitions=[
                        FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
                    ],
                )
            ],
        ),
    ),
    (
        2,
        7,
        ListOffsetsRequest(
            replica_id=-1,
            topics=[
                ListOffsetsTopic(
                    name="orders",
                    partitions=[ListOffsetsPartition(partition_index=0, timestamp=-1)],
                )
            ],
        ),
    ),
    (3, 12, MetadataRequest(topics=[MetadataRequestTopic(name="orders")])),
    (
        19,
        7,
        CreateTopicsRequest(
            topics=[CreatableTopic(name="more", num_partitions=1, replication_factor=1)],
            timeout_ms=100,
        ),
    ),
    (20, 5, DeleteTopicsRequest(topic_names=["less"], timeout_ms=100)),
    (22, 4, InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000)),
    (
        32,
        4,
        DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=2, resource_name="orders", configuration_keys=None
                )
            ],
            include_synonyms=True,
        ),
    ),
    (
        44,
        1,
        IncrementalAlterConfigsRequest(
            resources=[
                AlterConfigsResource(
                    resource_type=2,
                    resource_name="orders",
                    configs=[
                        AlterableConfig(name="retention.ms", config_operation=0, value="1000")
                    ],
                )
            ],
        ),
    ),
    (60, 1, DescribeClusterRequest()),
]
# Of the rest, what asks for nothing in particular.
REQUESTS += [
    (key, api.max_version, message_class("request", key)())
    for key, api in APIS.items()
    if key not in {18, *(key for key, _, _ in REQUESTS)}
]


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    # Mutations rarely spell "a million partitions", but one need not wait for it.
    with Cluster(settings={"num.partitions": 2}) as cluster:
        host, _, port = cluster.bootstrap_servers.rpartition(":")
        yield host, int(port)


def request(key: int, version: int, body: Message) -> bytes:
    header = RequestHeader(
        request_api_key=key, request_api_version=version, correlation_id=1, client_id="test"
    )
    return encode_request(header, body)


def is_served(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request(METADATA, 9, MetadataRequest(topics=[])))
        stream = connection.makefile("rb")
        frame = stream.read(int.from_bytes(stream.read(4), "big"))
    _, body = decode_response(METADATA, 9, frame)
    return isinstance(body, MetadataResponse) and len(body.brokers) == 1


@pytest.mark.parametrize(("key", "version", "body"), REQUESTS)
def test_requests_with_bytes_changed_harm_nobody(
    address: tuple[str, int],
    key: int,
    version: int,
    body: Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(key)
    good = request(key, version, body)
    with caplog.at_level(logging.WARNING):
        for _ in range(60):
            frame = bytearray(good[4:])
            for _ in range(chance.randrange(1, 4)):
                # Not the key and version in front: they have a test of their own.
                frame[chance.randrange(8, len(frame))] = chance.randrange(256)
            _send_and_leave(address, len(frame).to_bytes(4, "big") + frame)
        assert is_served(address)
    failures = [r.getMessage() for r in caplog.records if "failed" in r.getMessage()]
    assert failures == [], "a bad request is answered, or ends its connection: the broker is well"


def _send_and_leave(address: tuple[str, int], data: bytes) -> None:
    """Send a request and wait a moment for what comes, be it an answer, an end or nothing."""
    with socket.create_connection(address) as connection:
        connection.settimeout(0.02)
        connection.sendall(data)
        try:
            connection.recv(100)
        except (TimeoutError, ConnectionError):
            return


def test_every_key_and_version_is_answered_or_refused(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    for key in range(-1, 95, 3):
        for version in (-1, 0, 5, 99):
            head = key.to_bytes(2, "big", signed=True) + version.to_bytes(2, "big", signed=True)
            _send_and_leave(address, b"\0\0\0\x0c" + head + b"\0\0\0\1\xff\xff\0\0")
    assert is_served(address)
    assert not [r for r in caplog.records if "failed" in r.getMessage()]


def test_five_hundred_idle_connections_and_the_others_are_served(
    address: tuple[str, int],
) -> None:
    assert is_served(address)
    before = psutil.Process().memory_info().rss
    idle = []
    for number in range(500):
        idle.append(socket.create_connection(address))
        if number % 25 == 0:  # a client may wait its turn; a crowd of them at once would too
            assert is_served(address)
    assert is_served(address)
    assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024
    for each in idle:
        each.close()


def test_a_request_in_pieces_over_time(address: tuple[str, int]) -> None:
    good = request(METADATA, 9, MetadataRequest(topics=[]))
    with socket.create_connection(address, timeout=10) as connection:
        for start in range(0, len(good), 7):
            connection.sendall(good[start : start + 7])
            time.sleep(0.001)
        assert connection.recv(4) != b""
