"""Which batches a log takes in from a producer (Kafka's LogValidator).

A producer is somebody else's program. Whatever it sends is checked before it is written, for what
is written is copied by followers and read by consumers as it is: one whole batch, undamaged, not
too large, with as many records as offsets, timestamps near the present. The checks look at the
header and the checksum alone. Only where the topic's settings ask for something that stands in
the records themselves are they unpacked: a key for each record of a compacted topic, timestamps
bounded from below, another compression.
"""

from __future__ import annotations

from broker.log.config import FOREVER, LogConfig
from broker.log.producer_state import Origin
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.records import (
    LOG_APPEND_TIME_BIT,
    LOG_OVERHEAD,
    NO_TIMESTAMP,
    BatchHeader,
    Record,
    build_batch,
    check_batch,
    check_crc,
    read_header,
    read_records,
    set_log_append_time,
    sole_batch,
)

AS_IT_CAME = -1
"""`compression.type=producer`: a batch stays in the compression that its producer chose."""
COMPRESSION_IDS = {
    "producer": AS_IT_CAME,
    "uncompressed": 0,
    "gzip": 1,
    "snappy": 2,
    "lz4": 3,
    "zstd": 4,
}

Batch = bytearray | memoryview


class RecordsRejectedError(ApiError):
    """Some records of a batch may not be written; the answer to Produce names them (KIP-467)."""

    def __init__(self, code: ErrorCode, message: str, records: list[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.records = records
        """Each refused record's place in the batch, and the reason."""


class Validator:
    """What one topic's settings demand of a batch. Made once for each change of the settings, so
    that the usual batch costs little more than its checksum."""

    __slots__ = ("_after_max_ms", "_inside", "_largest", "_recompress_to", "_stamp", "config")

    def __init__(self, config: LogConfig) -> None:
        self.config = config
        self._stamp = config.stamps_append_time
        self._largest = min(config.max_message_bytes, config.segment_bytes)
        self._after_max_ms = FOREVER if self._stamp else config.message_timestamp_after_max_ms
        bounded_below = config.message_timestamp_before_max_ms != FOREVER and not self._stamp
        self._inside = config.compact or bounded_below
        """Whether every batch has to be unpacked."""
        self._recompress_to = COMPRESSION_IDS.get(config.compression_type, AS_IT_CAME)

    def accept(
        self, batch: Batch, now_ms: int, origin: Origin = Origin.CLIENT
    ) -> tuple[Batch, BatchHeader]:
        """Check a batch, and put it into the form that the settings ask for.

        Returns the batch to write, mostly the very same, and its header.
        """
        if origin is not Origin.CLIENT:
            header = read_header(batch)
            self._check_size(header)
            check_batch(batch, header)
            return batch, header
        header = sole_batch(batch)
        if header.base_offset:
            raise ApiError(
                ErrorCode.INVALID_RECORD,
                f"a batch to append begins at offset 0, not {header.base_offset}",
            )
        if header.batch_length + LOG_OVERHEAD > self._largest:
            self._check_size(header)
        check_crc(batch, header)
        if self._inside or header.max_timestamp - now_ms > self._after_max_ms:
            self._check_records(read_records(batch), now_ms)
        if header.attributes & LOG_APPEND_TIME_BIT:
            raise ApiError(
                ErrorCode.INVALID_TIMESTAMP, "a producer does not stamp batches with LogAppendTime"
            )
        if self._recompress_to not in (AS_IT_CAME, header.compression):
            batch = _compressed_anew(batch, header, self._recompress_to)
            header = read_header(batch)
            self._check_size(header)
        if self._stamp:
            set_log_append_time(batch, now_ms)
            header = read_header(batch)
        return batch, header

    def _check_size(self, header: BatchHeader) -> None:
        size = header.batch_length + LOG_OVERHEAD
        limit = self.config.max_message_bytes
        if size > limit:
            raise ApiError(
                ErrorCode.MESSAGE_TOO_LARGE,
                f"a batch of {size} bytes exceeds max.message.bytes={limit}",
            )
        if size > self.config.segment_bytes:
            raise ApiError(
                ErrorCode.RECORD_LIST_TOO_LARGE,
                f"a batch of {size} bytes exceeds segment.bytes={self.config.segment_bytes}",
            )

    def _check_records(self, records: list[Record], now_ms: int) -> None:
        """What only the records themselves can tell."""
        if self.config.compact:
            refused = [
                (index, "a compacted topic takes no record without a key")
                for index, record in enumerate(records)
                if record.key is None
            ]
            if refused:
                raise RecordsRejectedError(ErrorCode.INVALID_RECORD, refused[0][1], refused)
        if not self._stamp:
            _check_timestamps(records, self.config, now_ms)


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
