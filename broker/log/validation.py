"""Which batches a log takes in from a producer (Kafka's LogValidator).

A producer is somebody else's program. Whatever it sends is checked before it is written, for what
is written is copied by followers and read by consumers as it is: one whole batch, undamaged, not
too large, with as many records as offsets, timestamps near the present. The checks look at the
header and the checksum alone. Only where the topic's settings ask for something that stands in
the records themselves are they unpacked: a key for each record of a compacted topic, timestamps
bounded from below, another compression.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.log.config import FOREVER, LogConfig
from broker.log.producer_state import Origin
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.records import (
    NO_TIMESTAMP,
    BatchHeader,
    Record,
    build_batch,
    check_batch,
    read_header,
    read_records,
    set_log_append_time,
    sole_batch,
)

COMPRESSION_IDS = {"uncompressed": 0, "none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

Batch = bytearray | memoryview


class RecordsRejectedError(ApiError):
    """Some records of a batch may not be written; the answer to Produce names them (KIP-467)."""

    def __init__(self, code: ErrorCode, message: str, records: list[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.records = records
        """Each refused record's place in the batch, and the reason."""


class Accepted(NamedTuple):
    """A batch that may be written, with its header."""

    batch: Batch
    header: BatchHeader
    append_time_ms: int
    """The time it was stamped with, -1 if it keeps its producer's."""


def accept(batch: Batch, config: LogConfig, now_ms: int, origin: Origin) -> Accepted:
    """Check a batch, and put it into the form that the topic's settings ask for."""
    if origin is not Origin.CLIENT:
        header = read_header(batch)
        _check_size(header, config)
        check_batch(batch, header)
        return Accepted(batch, header, NO_TIMESTAMP)
    header = sole_batch(batch)
    if header.base_offset:
        raise ApiError(
            ErrorCode.INVALID_RECORD, f"a batch to append begins at 0, not {header.base_offset}"
        )
    _check_size(header, config)
    check_batch(batch, header)
    _check_inside(batch, header, config, now_ms)
    wanted = config.compression_type
    if wanted != "producer" and COMPRESSION_IDS[wanted] != header.compression:
        batch = _compressed_anew(batch, header, COMPRESSION_IDS[wanted])
        header = read_header(batch)
        _check_size(header, config)
    if config.stamps_append_time:
        set_log_append_time(batch, now_ms)
        return Accepted(batch, read_header(batch), now_ms)
    return Accepted(batch, header, NO_TIMESTAMP)


def _check_size(header: BatchHeader, config: LogConfig) -> None:
    if header.size > config.max_message_bytes:
        raise ApiError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"a batch of {header.size} bytes exceeds max.message.bytes={config.max_message_bytes}",
        )
    if header.size > config.segment_bytes:
        raise ApiError(
            ErrorCode.RECORD_LIST_TOO_LARGE,
            f"a batch of {header.size} bytes exceeds segment.bytes={config.segment_bytes}",
        )


def _check_inside(batch: Batch, header: BatchHeader, config: LogConfig, now_ms: int) -> None:
    """Timestamps and keys. The header tells most; the records are looked at where it does not."""
    if header.is_log_append_time:
        raise ApiError(
            ErrorCode.INVALID_TIMESTAMP, "a producer does not stamp batches with LogAppendTime"
        )
    stamped = config.stamps_append_time
    too_late = not stamped and header.max_timestamp > now_ms + config.message_timestamp_after_max_ms
    bounded_below = not stamped and config.message_timestamp_before_max_ms != FOREVER
    if not (config.compact or too_late or bounded_below):
        return
    records = read_records(batch)
    if config.compact:
        refused = [
            (index, "a compacted topic takes no record without a key")
            for index, record in enumerate(records)
            if record.key is None
        ]
        if refused:
            raise RecordsRejectedError(ErrorCode.INVALID_RECORD, refused[0][1], refused)
    if too_late or bounded_below:
        _check_timestamps(records, config, now_ms)


def _check_timestamps(records: list[Record], config: LogConfig, now_ms: int) -> None:
    earliest = now_ms - config.message_timestamp_before_max_ms
    latest = now_ms + config.message_timestamp_after_max_ms
    refused = [
        (index, f"timestamp {record.timestamp} is not within [{earliest}, {latest}]")
        for index, record in enumerate(records)
        if record.timestamp != NO_TIMESTAMP and not earliest <= record.timestamp <= latest
    ]
    if refused:
        raise RecordsRejectedError(ErrorCode.INVALID_TIMESTAMP, refused[0][1], refused)


def _compressed_anew(batch: Batch, header: BatchHeader, compression: int) -> bytearray:
    """The same records in the topic's compression (`compression.type`)."""
    return build_batch(
        (
            (record.timestamp, record.key, record.value, record.headers)
            for record in read_records(batch)
        ),
        compression=compression,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
    )
