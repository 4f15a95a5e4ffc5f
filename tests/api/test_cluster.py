"""ApiVersions, DescribeCluster and InitProducerId."""

from __future__ import annotations

import importlib

import pytest

from broker.api.table import APIS, read_request
from broker.wire import codec
from broker.wire.errors import ErrorCode, FrameError
from broker.wire.frames import RequestHeader, encode_request
from broker.wire.messages.api_versions import ApiVersionsRequest
from broker.wire.messages.describe_cluster import DescribeClusterRequest
from broker.wire.messages.init_producer_id import InitProducerIdRequest
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("version", range(5))
def test_api_versions_tells_the_table(bench: Bench, version: int) -> None:
    answer = bench.ask(
        ApiVersionsRequest(client_software_name="bench", client_software_version="1"), version
    )
    told = {row.api_key: (row.min_version, row.max_version) for row in answer.api_keys}
    assert told == {key: (api.advertised_from, api.max_version) for key, api in APIS.items()}


def test_the_features_are_those_of_kafka_4_3(bench: Bench) -> None:
    answer = bench.ask(
        ApiVersionsRequest(client_software_name="bench", client_software_version="1")
    )
    finalized = {f.name: f.max_version_level for f in answer.finalized_features}
    assert finalized == {"eligible.leader.replicas.version": 1, "metadata.version": 30}


def test_each_row_of_the_table_has_a_handler_and_declared_messages() -> None:
    for api in APIS.values():
        assert callable(importlib.import_module(f"broker.api.{api.module}").handle)
        for kind in ("request", "response"):
            versions = codec.message_class(kind, api.key).schema.versions
            assert (versions.low, versions.high) == (api.min_version, api.max_version), api.name


def test_an_unknown_version_of_api_versions_is_answered_in_version_0(bench: Bench) -> None:
    header = RequestHeader(
        request_api_key=18, request_api_version=77, correlation_id=5, client_id="new"
    )
    body = ApiVersionsRequest(client_software_name="x", client_software_version="1")
    frame = bytearray(encode_request(header.replace(request_api_version=4), body)[4:])
    frame[2:4] = (77).to_bytes(2, "big")
    bench.carry_out(bench.node.handle(read_request(frame, 1), bench.now))
    assert bench.answers[5][:2] == (18, 0)
    decoded = bench.answer(5)
    assert decoded.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert [(row.api_key, row.max_version) for row in decoded.api_keys] == [(18, 4)]


def test_a_nameless_client_is_refused(bench: Bench) -> None:
    request = ApiVersionsRequest(client_software_name="", client_software_version="1")
    assert bench.ask(request, 3).error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(("key", "version"), [(0, 2), (1, 3), (3, 14), (99, 0), (-1, 0)])
def test_other_unserved_versions_cannot_be_read(key: int, version: int) -> None:
    frame = key.to_bytes(2, "big", signed=True) + version.to_bytes(2, "big") + bytes(20)
    with pytest.raises(FrameError):
        read_request(frame, 1)


def test_a_request_without_records_has_no_business_being_huge() -> None:
    topics = [MetadataRequestTopic(name="x" * 200)] * 12_000
    header = RequestHeader(
        request_api_key=3, request_api_version=12, correlation_id=5, client_id="flood"
    )
    frame = encode_request(header, MetadataRequest(topics=topics))[4:]
    with pytest.raises(FrameError, match="too many for a Metadata request"):
        read_request(frame, 1)


def test_a_request_before_the_broker_serves_is_turned_away() -> None:
    bench = Bench()
    bench.stop()
    bench.hold_syncs = True
    bench.boot()
    assert not bench.node.ready
    bench.send(MetadataRequest(topics=None), connection=3)
    assert "electing" in bench.closed[3]


def test_describe_cluster(bench: Bench) -> None:
    answer = bench.ask(DescribeClusterRequest())
    assert [(b.broker_id, b.is_fenced) for b in answer.brokers] == [(1, False)]
    assert answer.controller_id == 1
    assert len(answer.cluster_id) == 22
    wrong = bench.ask(DescribeClusterRequest(endpoint_type=2))
    assert wrong.error_code == ErrorCode.MISMATCHED_ENDPOINT_TYPE


def test_the_cluster_id_outlives_the_broker(bench: Bench) -> None:
    before = bench.ask(DescribeClusterRequest()).cluster_id
    bench.kill()
    assert bench.ask(DescribeClusterRequest()).cluster_id == before


# -- producer ids ---------------------------------------------------------------------------------


def new_producer(bench: Bench, version: int = 5) -> int:
    answer = bench.ask(
        InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0), version
    )
    assert (answer.error_code, answer.producer_epoch) == (0, 0)
    producer_id: int = answer.producer_id
    return producer_id


def test_producer_ids_are_never_given_twice(bench: Bench) -> None:
    ids = [new_producer(bench) for _ in range(1_500)]
    bench.kill()
    ids += [new_producer(bench) for _ in range(10)]
    assert len(set(ids)) == len(ids)
    assert ids[:1_500] == list(range(1_500))


def test_an_id_is_given_only_once_its_block_is_durable(bench: Bench) -> None:
    bench.hold_syncs = True
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0)
    numbers = [bench.send(request) for _ in range(3)]
    assert not any(bench.answered(number) for number in numbers)
    bench.sync()
    assert [bench.answer(number).producer_id for number in numbers] == [0, 1, 2]


@pytest.mark.parametrize("half", [{"producer_id": 7}, {"producer_epoch": 7}])
def test_half_an_identity_is_refused(bench: Bench, half: dict[str, int]) -> None:
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0, **half)
    assert bench.ask(request).error_code == ErrorCode.INVALID_REQUEST


def test_a_named_producer_id_still_gets_a_fresh_one(bench: Bench) -> None:
    request = InitProducerIdRequest(
        transactional_id=None, transaction_timeout_ms=0, producer_id=0, producer_epoch=0
    )
    assert [bench.ask(request).producer_id for _ in range(2)] == [0, 1]


def test_transactions_are_refused_for_good(bench: Bench) -> None:
    request = InitProducerIdRequest(transactional_id="shop", transaction_timeout_ms=1000)
    code = ErrorCode(bench.ask(request).error_code)
    assert code is not ErrorCode.NONE
    assert not code.retriable, "a client must not ask for ever"
