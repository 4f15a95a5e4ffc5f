"""Produce: what is appended, what is refused, and when the answer leaves."""

from __future__ import annotations

import pytest

from broker.api.table import APIS
from broker.wire.errors import ErrorCode
from broker.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from broker.wire.records import build_batch
from tests.bench import DAWN_MS, Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.create_topic("orders")
    return bench


def test_records_get_the_next_offsets(bench: Bench) -> None:
    first = bench.produce("orders", "created", "paid")
    second = bench.produce("orders", "shipped")
    assert (first.error_code, first.base_offset) == (0, 0)
    assert (second.error_code, second.base_offset) == (0, 2)
    assert bench.values("orders") == ["created", "paid", "shipped"]


@pytest.mark.parametrize("version", range(3, 14))
def test_every_served_version_appends(version: int) -> None:
    bench = Bench()
    topic = bench.create_topic("orders")
    data = PartitionProduceData(index=0, records=bench.batch("created"))
    named = TopicProduceData(name="orders", topic_id=topic.topic_id, partition_data=[data])
    answer = bench.ask(ProduceRequest(acks=1, timeout_ms=9, topic_data=[named]), version=version)
    assert answer.responses[0].partition_responses[0].error_code == 0
    assert bench.values("orders") == ["created"]


def test_without_acks_nothing_is_answered(bench: Bench) -> None:
    request = bench.produce_request("orders", bench.batch("created"), acks=0)
    number = bench.send(request, version=12)
    assert bench.answered(number)
    assert bench.answer(number) is None
    assert bench.values("orders") == ["created"]


def test_without_acks_an_error_closes_the_connection(bench: Bench) -> None:
    bench.send(bench.produce_request("nowhere", bench.batch("x"), acks=0), version=12, connection=5)
    assert "UNKNOWN_TOPIC_OR_PARTITION" in bench.closed[5]


@pytest.mark.parametrize("acks", [-2, 2, 77])
def test_other_acks_are_refused(bench: Bench, acks: int) -> None:
    answer = bench.produce("orders", "created", acks=acks)
    assert answer.error_code == ErrorCode.INVALID_REQUIRED_ACKS
    assert bench.values("orders") == []


def test_an_unknown_topic_or_partition_is_refused(bench: Bench) -> None:
    assert bench.produce("nowhere", "x").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    other = bench.produce("orders", "x", partition=1)
    assert other.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert other.base_offset == -1


def test_a_deleted_topics_id_is_unknown(bench: Bench) -> None:
    data = PartitionProduceData(index=0, records=bench.batch("x"))
    named = TopicProduceData(topic_id=bytes(15) + b"\1", partition_data=[data])
    answer = bench.ask(ProduceRequest(acks=1, timeout_ms=9, topic_data=[named]), version=13)
    code = answer.responses[0].partition_responses[0].error_code
    assert code == ErrorCode.UNKNOWN_TOPIC_ID


def test_one_bad_partition_does_not_spoil_the_other() -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    torn = bytearray(bench.batch("torn"))
    torn[70] ^= 1
    data = [
        PartitionProduceData(index=0, records=bytes(torn)),
        PartitionProduceData(index=1, records=bench.batch("whole")),
    ]
    topic = TopicProduceData(name="orders", partition_data=data)
    answer = bench.ask(ProduceRequest(acks=-1, timeout_ms=9, topic_data=[topic]), version=12)
    codes = [one.error_code for one in answer.responses[0].partition_responses]
    assert codes == [ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE]
    assert bench.values("orders", partition=1) == ["whole"]


def test_a_batch_larger_than_the_topic_allows_is_refused() -> None:
    bench = Bench()
    bench.create_topic("small", max_message_bytes=1000)
    assert bench.produce("small", "x" * 900).error_code == ErrorCode.NONE
    assert bench.produce("small", "x" * 1000).error_code == ErrorCode.MESSAGE_TOO_LARGE


def test_no_batch_and_two_batches_are_refused(bench: Bench) -> None:
    two = bench.batch("one") + bench.batch("two")
    for records in (b"", two):
        answer = bench.ask(bench.produce_request("orders", records), version=12)
        code = answer.responses[0].partition_responses[0].error_code
        assert code in (ErrorCode.INVALID_RECORD, ErrorCode.CORRUPT_MESSAGE)
    assert bench.values("orders") == []


def test_a_transactional_batch_is_refused(bench: Bench) -> None:
    """No marker would ever end its transaction."""
    kind = {"producer_id": 9, "producer_epoch": 0, "base_sequence": 0}
    answer = bench.produce("orders", "a", transactional=True, **kind)
    assert answer.error_code == ErrorCode.INVALID_TXN_STATE
    assert bench.values("orders") == []


def test_the_records_that_spoil_a_batch_are_named(bench: Bench) -> None:
    """KIP-467: a producer can drop these and send the others again."""
    bench.create_topic("profiles", cleanup_policy="compact")
    records = [(DAWN_MS, key, b"profile", ()) for key in (b"A", None, b"C", None)]
    answer = bench.ask(bench.produce_request("profiles", bytes(build_batch(records))), version=12)
    result = answer.responses[0].partition_responses[0]
    assert [one.batch_index for one in result.record_errors] == [1, 3]
    assert all(one.batch_index_error_message for one in result.record_errors)


# -- idempotent producers (KIP-98) ----------------------------------------------------------------


def test_a_repeated_batch_is_answered_with_its_first_offset(bench: Bench) -> None:
    kind = {"producer_id": 9, "producer_epoch": 0}
    assert bench.produce("orders", "a", "b", base_sequence=0, **kind).base_offset == 0
    assert bench.produce("orders", "c", base_sequence=2, **kind).base_offset == 2
    again = bench.produce("orders", "a", "b", base_sequence=0, **kind)
    assert (again.error_code, again.base_offset) == (0, 0)
    assert bench.values("orders") == ["a", "b", "c"]


def test_a_gap_in_the_sequence_is_refused(bench: Bench) -> None:
    kind = {"producer_id": 9, "producer_epoch": 0}
    bench.produce("orders", "a", base_sequence=0, **kind)
    gap = bench.produce("orders", "c", base_sequence=2, **kind)
    assert gap.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert bench.values("orders") == ["a"]


def test_the_memory_of_sequences_survives_a_crash(bench: Bench) -> None:
    kind = {"producer_id": 9, "producer_epoch": 0}
    bench.produce("orders", "a", base_sequence=0, **kind)
    bench.kill()
    again = bench.produce("orders", "a", base_sequence=0, **kind)
    assert (again.error_code, again.base_offset) == (0, 0)
    bench.stop()
    bench.boot()
    assert bench.produce("orders", "b", base_sequence=1, **kind).base_offset == 1
    assert bench.values("orders") == ["a", "b"]


# -- timestamps -----------------------------------------------------------------------------------


def test_the_broker_can_stamp_the_records() -> None:
    bench = Bench()
    bench.create_topic("stamped", message_timestamp_type="LogAppendTime")
    bench.wait(5_000)
    answer = bench.produce("stamped", "a", timestamp_ms=5)
    assert answer.log_append_time_ms == DAWN_MS + 5_000
    bench.create_topic("theirs")
    assert bench.produce("theirs", "a").log_append_time_ms == -1


def test_a_timestamp_far_in_the_future_is_refused(bench: Bench) -> None:
    late = bench.produce("orders", "a", timestamp_ms=DAWN_MS + 2 * 60 * 60 * 1000)
    assert late.error_code == ErrorCode.INVALID_TIMESTAMP


# -- waiting for the disk (flush.messages) --------------------------------------------------------


def test_with_flush_messages_1_an_answer_waits_for_the_disk() -> None:
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.hold_syncs = True
    number = bench.send(bench.produce_request("careful", bench.batch("a"), acks=1), version=12)
    assert not bench.answered(number)
    assert bench.values("careful") == [], "nobody learns of a record that may still be lost"
    bench.sync()
    assert bench.answer(number).responses[0].partition_responses[0].error_code == 0
    assert bench.values("careful") == ["a"]


def test_who_waits_too_long_is_told_so_and_the_record_stays() -> None:
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.hold_syncs = True
    request = bench.produce_request("careful", bench.batch("a"), timeout_ms=100)
    number = bench.send(request, version=12)
    bench.wait(99)
    assert not bench.answered(number)
    bench.wait(1)
    code = bench.answer(number).responses[0].partition_responses[0].error_code
    assert code == ErrorCode.REQUEST_TIMED_OUT
    bench.sync()
    assert bench.values("careful") == ["a"]


def test_nobody_is_answered_on_a_connection_that_is_gone() -> None:
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.hold_syncs = True
    request = bench.produce_request("careful", bench.batch("a"))
    number = bench.send(request, version=12, connection=4)
    bench.disconnect(4)
    bench.sync()
    assert not bench.answered(number)


def test_what_must_look_inside_needs_keys() -> None:
    bench = Bench()
    bench.create_topic("profiles", cleanup_policy="compact")
    assert bench.produce("profiles", "no key").error_code == ErrorCode.INVALID_RECORD
    keyed = bytes(build_batch([(DAWN_MS, b"A", b"profile", ())]))
    answer = bench.ask(bench.produce_request("profiles", keyed), version=12)
    assert answer.responses[0].partition_responses[0].error_code == 0


def test_the_table_says_produce_is_advertised_from_0() -> None:
    assert APIS[0].advertised_from == 0
    assert not APIS[0].serves(2)
