"""Which record was written at a given time? (ListOffsets by timestamp, and MAX_TIMESTAMP.)

Three steps narrow it down: the first segment whose latest record is late enough; in it, by the
time index and then the offset index, a position; from there, header by header, the first batch
that is late enough. Only that one batch is unpacked.

Timestamps need not grow with the offsets. The answer is the first record *in the log* that is
at or after the moment, not the one with the nearest timestamp.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.log.segment import Segment
from broker.log.segments import Segments
from broker.wire.records import BatchHeader, read_records


class TimestampOffset(NamedTuple):
    """A record that was looked for by time."""

    offset: int
    timestamp: int
    leader_epoch: int


def record_at_time(
    segments: Segments, timestamp_ms: int, start_offset: int
) -> TimestampOffset | None:
    """The first record from `start_offset` on that is not older than a moment."""
    for segment in segments:
        if segment.latest.timestamp >= timestamp_ms and segment.next_offset > start_offset:
            segments.keep_warm(segment)
            found = _in_segment(segment, timestamp_ms, start_offset)
            if found is not None:
                return found
    return None


def _in_segment(segment: Segment, timestamp_ms: int, start_offset: int) -> TimestampOffset | None:
    before = segment.times.lookup(timestamp_ms - 1)
    position = segment.locate(max(before.offset, start_offset))
    for at, header in segment.headers(position):
        if header.max_timestamp < timestamp_ms or header.last_offset < start_offset:
            continue
        for record in read_records(segment.read_batch(at, header.size)):
            if record.timestamp >= timestamp_ms and record.offset >= start_offset:
                return TimestampOffset(record.offset, record.timestamp, header.leader_epoch)
    return None


def latest_record(segments: Segments) -> TimestampOffset | None:
    """The first of the records that have the largest timestamp."""
    latest = max(segments, key=lambda segment: segment.latest.timestamp)
    if not latest.size:
        return None
    segments.keep_warm(latest)
    position = latest.locate(latest.latest.offset)
    for at, header in latest.headers(position):
        if header.max_timestamp == latest.latest.timestamp:
            return _latest_in_batch(latest.read_batch(at, header.size), header)
    return None


def _latest_in_batch(batch: bytes, header: BatchHeader) -> TimestampOffset | None:
    for record in read_records(batch):
        if record.timestamp == header.max_timestamp:
            return TimestampOffset(record.offset, record.timestamp, header.leader_epoch)
    return None
