"""Appending: which batches a log takes in, and what it does to them."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.producer_state import Origin
from broker.log.validation import RecordsRejectedError
from broker.wire.compression import Compression
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.records import (
    BATCH_OVERHEAD,
    build_batch,
    control_key,
    read_header,
    read_records,
)
from tests.log.stories import T0, append, at, batch, contents, open_log


def test_batches_get_the_next_offsets(disk: Disk) -> None:
    log = open_log(disk)
    assert append(log, "A", "B", "C") == 0
    assert append(log, "D") == 3
    assert log.log_end_offset == 4
    assert contents(log) == {0: "A", 1: "B", 2: "C", 3: "D"}


def test_the_leader_writes_two_fields_and_leaves_the_rest_alone(disk: Disk) -> None:
    log = open_log(disk)
    append(log, "first")
    sent = batch("A", "B")
    before = bytes(sent)
    log.append(sent, 5, at())
    stored = log.read(1, 1000, 3)
    header = read_header(stored)
    assert (header.base_offset, header.leader_epoch) == (1, 5)
    assert stored[8:12] + stored[16:] == before[8:12] + before[16:]


def test_the_answer_says_where_the_batch_went(disk: Disk) -> None:
    log = open_log(disk)
    append(log, "A")
    assert log.append(batch("B", "C"), 0, at()) == (1, 2, -1, 0, False)


def refusal(disk: Disk, sent: bytearray, **config: object) -> ErrorCode:
    """The code that a batch is refused with; the log stays as it was."""
    log = open_log(disk, **config)
    with pytest.raises(ApiError) as refused:
        log.append(sent, 0, at())
    assert log.log_end_offset == 0
    assert log.size_bytes == 0
    return refused.value.code


def test_a_flipped_bit_is_found(memory: MemoryDisk) -> None:
    sent = batch("A")
    sent[-1] ^= 1
    assert refusal(memory, sent) is ErrorCode.CORRUPT_MESSAGE


def test_only_one_whole_batch_at_a_time(memory: MemoryDisk) -> None:
    assert refusal(memory, batch("A") + batch("B")) is ErrorCode.INVALID_RECORD
    assert refusal(memory, batch("A")[:-1]) is ErrorCode.INVALID_RECORD
    assert refusal(memory, batch("A")[:30]) is ErrorCode.INVALID_RECORD
    assert refusal(memory, bytearray()) is ErrorCode.INVALID_RECORD


def test_formats_of_before_2017_are_refused(memory: MemoryDisk) -> None:
    sent = batch("A")
    sent[16] = 1
    assert refusal(memory, sent) is ErrorCode.INVALID_RECORD


def test_as_many_records_as_offsets(memory: MemoryDisk) -> None:
    sent = batch("A", "B")
    sent[BATCH_OVERHEAD - 4 : BATCH_OVERHEAD] = (3).to_bytes(4, "big")
    assert refusal(memory, sent) is ErrorCode.INVALID_RECORD


def test_a_producers_batch_begins_at_offset_zero(memory: MemoryDisk) -> None:
    assert refusal(memory, batch("A", base_offset=5)) is ErrorCode.INVALID_RECORD


def test_clients_write_no_control_records(memory: MemoryDisk) -> None:
    marker = build_batch([(T0, control_key(2), b"", ())], control=True)
    assert refusal(memory, bytearray(marker)) is ErrorCode.INVALID_RECORD
    log = open_log(memory)
    assert log.append(marker, 0, at(), Origin.QUORUM).base_offset == 0


def test_limits_of_size(memory: MemoryDisk) -> None:
    large = batch("x" * 1000)
    assert refusal(memory, large, max_message_bytes=1000) is ErrorCode.MESSAGE_TOO_LARGE
    assert refusal(memory, large, segment_bytes=1000) is ErrorCode.RECORD_LIST_TOO_LARGE
    log = open_log(memory, max_message_bytes=len(large), segment_bytes=len(large))
    log.append(large, 0, at())


# -- what stands in the records --------------------------------------------------------------------


def test_a_compacted_topic_wants_a_key(memory: MemoryDisk) -> None:
    log = open_log(memory, cleanup_policy=("compact",))
    append(log, "with", key="A")
    mixed = build_batch([(T0, b"A", b"1", ()), (T0, None, b"2", ()), (T0, None, b"3", ())])
    with pytest.raises(RecordsRejectedError) as refused:
        log.append(mixed, 0, at())
    assert refused.value.code is ErrorCode.INVALID_RECORD
    assert [index for index, _ in refused.value.records] == [1, 2]


def test_a_record_from_the_far_future_is_refused(memory: MemoryDisk) -> None:
    hour = 60 * 60 * 1000
    assert refusal(memory, batch("A", ms=hour + 1)) is ErrorCode.INVALID_TIMESTAMP
    log = open_log(memory)
    log.append(batch("A", ms=hour), 0, at())


def test_a_record_from_the_far_past_is_refused_if_the_topic_says_so(memory: MemoryDisk) -> None:
    old = batch("A", ms=-1001)
    assert refusal(memory, old, message_timestamp_before_max_ms=1000) is (
        ErrorCode.INVALID_TIMESTAMP
    )
    open_log(memory).append(old, 0, at())


def test_a_record_without_a_time_is_no_record_from_the_past(memory: MemoryDisk) -> None:
    log = open_log(memory, message_timestamp_before_max_ms=1000)
    timeless = build_batch([(-1, None, b"A", ())])
    log.append(timeless, 0, at())
    assert contents(log) == {0: "A"}


def test_log_append_time_replaces_the_producers(disk: Disk) -> None:
    log = open_log(disk, message_timestamp_type="LogAppendTime")
    appended = log.append(batch("A", "B", ms=-99_999_999), 0, at(5))
    assert appended.append_time_ms == T0 + 5
    stored = read_records(log.read(0, 1000, 2))
    assert [record.timestamp for record in stored] == [T0 + 5, T0 + 5]


def test_a_producer_does_not_stamp_for_the_broker(memory: MemoryDisk) -> None:
    log = open_log(memory, message_timestamp_type="LogAppendTime")
    log.append(batch("A"), 0, at())
    stamped = bytearray(log.read(0, 1000, 1))
    assert refusal(MemoryDisk(), stamped) is ErrorCode.INVALID_TIMESTAMP


def test_a_topic_may_choose_its_compression(disk: Disk) -> None:
    log = open_log(disk, compression_type="gzip")
    append(log, *("the same again" for _ in range(20)))
    append(log, "gzip already", compression=Compression.GZIP)
    assert read_header(log.read(0, 10_000, 20)).compression == Compression.GZIP
    assert set(contents(log).values()) == {"the same again", "gzip already"}
    log.config = open_log(MemoryDisk(), compression_type="uncompressed").config
    append(log, "and plain", compression=Compression.GZIP)
    assert read_header(log.read(21, 10_000, 22)).compression == Compression.NONE
    assert contents(log)[21] == "and plain"


# -- when the disk fails ---------------------------------------------------------------------------


def test_an_append_that_fails_changes_nothing(memory: MemoryDisk) -> None:
    log = open_log(memory)
    append(log, "A")
    memory.fail_next("append")
    with pytest.raises(ApiError) as refused:
        append(log, "B")
    assert refused.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert append(log, "C") == 1
    assert contents(log) == {0: "A", 1: "C"}


def test_an_append_that_fails_leaves_no_trace_of_its_producer(memory: MemoryDisk) -> None:
    log = open_log(memory)
    memory.fail_next("append")
    sent = batch("A", producer_id=7, producer_epoch=0, base_sequence=0)
    with pytest.raises(ApiError):
        log.append(bytearray(sent), 0, at())
    assert log.append(sent, 0, at()) == (0, 0, -1, 0, False)
