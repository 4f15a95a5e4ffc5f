"""Record batches: what is written can be read, and what is damaged is refused in Kafka's words."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire.compression import Compression
from broker.wire.crc32c import crc32c
from broker.wire.errors import ApiError, CorruptRecordError, ErrorCode
from broker.wire.records import (
    BATCH_OVERHEAD,
    ControlType,
    NewRecord,
    Record,
    add_to_sequence,
    build_batch,
    check_batch,
    control_key,
    control_type,
    iter_batches,
    patch,
    read_header,
    read_records,
    set_log_append_time,
    sole_batch,
)

ONE = [(1_000, b"A", b"created", (("trace", b"17"), ("empty", None)))]
THREE: list[NewRecord] = [
    (1_000, b"A", b"created", ()),
    (990, None, b"no key", ()),
    (1_020, b"A", None, ()),
]

fields = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=8), fields), max_size=3).map(tuple)
new_records = st.lists(
    st.tuples(st.integers(0, 2**40), fields, fields, headers), min_size=1, max_size=8
)


def recrc(batch: bytearray) -> bytearray:
    """Make the checksum right, whatever was done to the rest."""
    struct.pack_into(">I", batch, 17, crc32c(batch[21:]))
    return batch


def with_body(body: bytes, count: int) -> bytearray:
    """A batch whose header is fine and whose records are these bytes."""
    batch = build_batch([(0, None, b"", ())])[:BATCH_OVERHEAD] + body
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">i", batch, 23, max(count - 1, 0))
    struct.pack_into(">i", batch, 57, count)
    return recrc(batch)


def refusal_of(work: Callable[..., object], *arguments: object) -> ErrorCode | None:
    """The code of the ApiError, if there is one. Nothing else may be raised."""
    try:
        work(*arguments)
    except ApiError as problem:
        return problem.code
    return None


# -- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", Compression)
@given(new=new_records, base_offset=st.integers(0, 2**50))
def test_records_come_back_as_they_went(
    codec: Compression, new: list[NewRecord], base_offset: int
) -> None:
    batch = build_batch(new, base_offset=base_offset, compression=codec)
    check_batch(batch, read_header(batch))
    assert read_records(batch) == [
        Record(base_offset + i, timestamp, key, value, tuple(given_headers))
        for i, (timestamp, key, value, given_headers) in enumerate(new)
    ]


def test_the_header_says_what_was_asked_for() -> None:
    batch = build_batch(
        THREE,
        base_offset=40,
        compression=Compression.GZIP,
        producer_id=9,
        producer_epoch=2,
        base_sequence=7,
        leader_epoch=5,
        transactional=True,
    )
    header = read_header(batch)
    assert header.size == len(batch)
    assert (header.base_offset, header.last_offset, header.next_offset) == (40, 42, 43)
    assert (header.base_timestamp, header.max_timestamp) == (1_000, 1_020)
    assert (header.producer_id, header.producer_epoch) == (9, 2)
    assert (header.base_sequence, header.last_sequence) == (7, 9)
    assert (header.leader_epoch, header.record_count) == (5, 3)
    assert header.compression == Compression.GZIP
    assert header.is_transactional
    assert not header.is_control
    assert not header.is_log_append_time


def test_a_batch_of_one_byte_for_byte() -> None:
    """So small that it can be read by hand, with the table in the module's docstring."""
    batch = build_batch([(1_000, b"A", b"x", ())], base_offset=3, leader_epoch=1)
    assert batch[:12].hex(" ") == "00 00 00 00 00 00 00 03 00 00 00 3a"  # offset 3, 58 bytes
    assert batch[12:17].hex(" ") == "00 00 00 01 02"  # leader epoch 1, magic 2
    assert batch[21:27].hex(" ") == "00 00 00 00 00 00"  # no attributes, last offset delta 0
    assert batch[61:].hex(" ") == "10 00 00 00 02 41 02 78 00"
    # length 8, attributes, time + 0, offset + 0, "A" of length 1, "x" of length 1, no headers


def test_sequences_wrap_behind_the_largest() -> None:
    """DefaultRecordBatch.incrementSequence."""
    assert add_to_sequence(2**31 - 1, 1) == 0
    batch = build_batch(THREE, producer_id=1, producer_epoch=0, base_sequence=2**31 - 2)
    assert read_header(batch).last_sequence == 0
    assert read_header(build_batch(THREE)).last_sequence == -1


def test_an_empty_batch_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        build_batch([])


# -- what the leader does to a batch ---------------------------------------------------------------


def test_giving_a_batch_its_place_does_not_touch_what_the_checksum_covers() -> None:
    batch = build_batch(THREE)
    before = bytes(batch[17:])
    patch(memoryview(batch), 1234, 5)
    header = read_header(batch)
    assert (header.base_offset, header.leader_epoch) == (1234, 5)
    assert bytes(batch[17:]) == before
    check_batch(batch, header)
    assert [r.offset for r in read_records(batch)] == [1234, 1235, 1236]


@pytest.mark.parametrize("codec", [Compression.NONE, Compression.ZSTD])
def test_log_append_time_is_the_time_of_all_records(codec: Compression) -> None:
    batch = build_batch(THREE, compression=codec)
    set_log_append_time(batch, 77_000)
    header = read_header(batch)
    check_batch(batch, header)
    assert header.is_log_append_time
    assert header.max_timestamp == 77_000
    assert {r.timestamp for r in read_records(batch)} == {77_000}


def test_batches_follow_one_another_and_a_torn_one_ends_the_reading() -> None:
    first = build_batch(ONE, base_offset=0)
    second = build_batch(THREE, base_offset=1)
    both = bytes(first + second)
    assert [h.base_offset for h, _ in iter_batches(both)] == [0, 1]
    assert [bytes(view) for _, view in iter_batches(both)] == [bytes(first), bytes(second)]
    for size in range(len(first), len(both)):
        assert [h.base_offset for h, _ in iter_batches(both[:size])] == [0]


# -- damage ----------------------------------------------------------------------------------------


def test_every_flipped_bit_behind_the_checksum_is_noticed() -> None:
    batch = build_batch(THREE)
    for position in range(17, len(batch)):
        damaged = bytearray(batch)
        damaged[position] ^= 0x10
        with pytest.raises(CorruptRecordError):
            check_batch(damaged, read_header(damaged))


def test_too_few_bytes_are_no_header() -> None:
    batch = build_batch(ONE)
    for size in range(BATCH_OVERHEAD):
        with pytest.raises(CorruptRecordError):
            read_header(batch[:size])


@pytest.mark.parametrize(
    ("magic", "code"),
    [
        (0, ErrorCode.INVALID_RECORD),
        (1, ErrorCode.INVALID_RECORD),
        (3, ErrorCode.CORRUPT_MESSAGE),
        (-1, ErrorCode.CORRUPT_MESSAGE),
    ],
)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_other_formats_are_refused_as_kafka_4_does(magic: int, code: ErrorCode, kind: type) -> None:
    """ProduceRequest.validateRecords and ByteBufferLogInputStream.nextBatchSize."""
    batch = build_batch(ONE)
    struct.pack_into(">b", batch, 16, magic)
    for size in (17, 30, len(batch)):
        with pytest.raises(ApiError) as refusal:
            read_header(kind(bytes(batch[:size])))
        assert refusal.value.code is code


@pytest.mark.parametrize("length", [-(2**31), -1, 0, 48])
def test_a_length_that_holds_no_header_is_refused(length: int) -> None:
    batch = build_batch(ONE)
    struct.pack_into(">i", batch, 8, length)
    with pytest.raises(CorruptRecordError):
        read_header(batch)
    with pytest.raises(CorruptRecordError):
        list(iter_batches(batch))


def test_a_batch_must_be_as_long_as_it_says() -> None:
    batch = build_batch(ONE)
    header = read_header(batch)
    for wrong in (batch[:-1], batch + b"x"):
        with pytest.raises(CorruptRecordError):
            check_batch(wrong, header)
        with pytest.raises(CorruptRecordError):
            read_records(wrong)


RECORD = bytes.fromhex("10 00 00 00 02 41 02 78 00")


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (RECORD, -1),
        (RECORD, 2),  # fewer records than the header says
        (RECORD + RECORD, 1),  # bytes behind the last record
        (RECORD[:-1], 1),
        (bytes.fromhex("0f 00 00 00 02 41 02 78 00"), 1),  # a negative length
        (bytes.fromhex("12 00 00 00 02 41 02 78 00"), 1),  # longer than what is there
        (bytes.fromhex("12 00 00 00 02 41 02 78 00 00"), 1),  # longer than its parts
        (bytes.fromhex("10 00 00 00 03 41 02 78 00"), 1),  # a key of -2 bytes
        (bytes.fromhex("10 00 00 00 7e 41 02 78 00"), 1),  # a key that reaches beyond
        (bytes.fromhex("10 00 00 00 02 41 02 78 01"), 1),  # -1 headers
        (bytes.fromhex("10 00 00 00 02 41 02 78 7e"), 1),  # 63 headers in no bytes
        (bytes.fromhex("14 00 00 00 02 41 02 78 02 01 01"), 1),  # a header without a name
        (bytes.fromhex("10 00 00 02 02 41 02 78 00"), 1),  # offset delta 1 of 0
        (bytes.fromhex("10 00 00 01 02 41 02 78 00"), 1),  # offset delta -1
        (b"\xff\xff\xff\xff\xff\xff" + RECORD, 1),  # a varint of more than 5 bytes
        (b"", 1),
        (b"", 2**31 - 1),
    ],
)
def test_malformed_records_are_corrupt_and_nothing_else(body: bytes, count: int) -> None:
    with pytest.raises(CorruptRecordError):
        read_records(with_body(body, count))


def test_a_time_beyond_64_bits_is_corrupt() -> None:
    batch = build_batch([(2**62, b"A", b"x", ()), (2**63 - 1, b"A", b"x", ())])
    struct.pack_into(">q", batch, 27, 2**63 - 1)
    with pytest.raises(CorruptRecordError):
        read_records(recrc(batch))


@given(st.binary(max_size=120))
def test_random_bytes_are_no_batch(data: bytes) -> None:
    allowed = (None, ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD)
    for read in (read_header, read_records, sole_batch, lambda d: list(iter_batches(d))):
        assert refusal_of(read, data) in allowed


@given(body=st.binary(max_size=80), count=st.integers(-3, 40), codec=st.integers(0, 7))
def test_random_records_in_a_sound_header(body: bytes, count: int, codec: int) -> None:
    batch = with_body(body, count)
    struct.pack_into(">h", batch, 21, codec)
    assert refusal_of(read_records, recrc(batch), 10_000) in (
        None,
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
        ErrorCode.MESSAGE_TOO_LARGE,
    )


def test_a_header_name_that_is_no_utf8_is_shown_all_the_same() -> None:
    batch = with_body(bytes.fromhex("16 00 00 00 02 41 02 78 02 02 ff 01"), 1)
    [record] = read_records(batch)
    assert record.headers == (("\ufffd", None),)


# -- what a producer may send ----------------------------------------------------------------------


def changed(position: int, layout: str, value: int) -> bytearray:
    batch = build_batch(THREE, producer_id=4, producer_epoch=0, base_sequence=0)
    struct.pack_into(layout, batch, position, value)
    return batch


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (build_batch(ONE) + build_batch(ONE), "only one record batch"),
        (build_batch(ONE)[:-1], "one record batch per partition, and a whole one"),
        (build_batch(ONE)[:13], "one record batch per partition, and a whole one"),
        (bytearray(), "one record batch per partition, and a whole one"),
        (changed(57, ">i", 2), "2 records claim 3 offsets"),
        (changed(57, ">i", 0), "0 records"),
        (changed(23, ">i", -1), "claim 0 offsets"),
        (changed(21, ">h", 0x20), "control records"),
        (changed(53, ">i", -1), "has the sequence -1"),
    ],
)
def test_a_produce_request_holds_one_sound_batch(records: bytearray, why: str) -> None:
    """ProduceRequest.validateRecords and LogValidator.validateBatch, for clients."""
    with pytest.raises(ApiError, match=why) as refusal:
        sole_batch(records)
    assert refusal.value.code is ErrorCode.INVALID_RECORD


def test_a_compression_that_nobody_knows_is_not_stored() -> None:
    with pytest.raises(ApiError) as refusal:
        sole_batch(changed(21, ">h", 5))
    assert refusal.value.code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE


def test_a_compacted_batch_has_fewer_records_than_offsets() -> None:
    """Only in a log, where compaction took records out; a producer may not send this."""
    batch = recrc(changed(57, ">i", 0))
    check_batch(batch, read_header(batch))
    batch = recrc(changed(57, ">i", 4))
    with pytest.raises(CorruptRecordError):
        check_batch(batch, read_header(batch))


# -- control records -------------------------------------------------------------------------------


def test_a_control_batch_holds_a_marker() -> None:
    batch = build_batch(
        [(1_000, control_key(ControlType.COMMIT), b"", ())],
        producer_id=4,
        producer_epoch=1,
        transactional=True,
        control=True,
    )
    assert read_header(batch).is_control
    [marker] = read_records(batch)
    assert control_type(marker.key) == ControlType.COMMIT


def test_the_key_of_a_control_record_is_a_version_and_a_type() -> None:
    """ControlRecordType.parseTypeId."""
    assert control_key(ControlType.LEADER_CHANGE) == b"\0\0\0\2"
    assert control_type(b"\0\0\0\x63") == 0x63  # of the future: to be skipped
    for broken in (None, b"", b"\0\0\0", b"\xff\xff\0\0"):
        with pytest.raises(CorruptRecordError):
            control_type(broken)
