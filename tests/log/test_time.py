"""Finding a record by its time (ListOffsets)."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.log import Log
from broker.wire.compression import Compression
from broker.wire.records import build_batch
from tests.log.stories import T0, append, at, fill, open_log


def times(log: Log, *moments: int) -> None:
    """One record for each moment."""
    for moment in moments:
        append(log, f"{moment}", ms=moment)


def found(log: Log, ms: int, end: int | None = None) -> tuple[int, int] | None:
    """Offset and time of the first record that is not older."""
    answer = log.offset_for_time(T0 + ms, log.log_end_offset if end is None else end)
    return None if answer is None else (answer.offset, answer.timestamp - T0)


def test_the_first_record_that_is_not_older(disk: Disk) -> None:
    log = open_log(disk)
    times(log, 10, 20, 30)
    assert found(log, 0) == (0, 10)
    assert found(log, 10) == (0, 10)
    assert found(log, 11) == (1, 20)
    assert found(log, 30) == (2, 30)
    assert found(log, 31) is None


def test_times_need_not_grow(disk: Disk) -> None:
    log = open_log(disk)
    times(log, 50, 10, 60, 20, 60)
    assert found(log, 11) == (0, 50)
    assert found(log, 51) == (2, 60)
    assert log.max_timestamp_offset() == (2, T0 + 60, 0)


def test_a_record_inside_of_a_batch(memory: MemoryDisk) -> None:
    log = open_log(memory)
    for compression in (Compression.NONE, Compression.GZIP):
        records = [(T0 + ms, None, b"v", ()) for ms in (5, 1, 9, 9)]
        log.append(build_batch(records, compression=compression), 0, at())
    assert found(log, 6) == (2, 9)
    assert log.max_timestamp_offset() == (2, T0 + 9, 0)


def test_nothing_behind_the_end_that_a_client_may_see(memory: MemoryDisk) -> None:
    log = open_log(memory)
    times(log, 10, 20, 30)
    assert found(log, 15, end=2) == (1, 20)
    assert found(log, 25, end=2) is None


def test_nothing_before_the_log_start(memory: MemoryDisk) -> None:
    log = open_log(memory)
    times(log, 10, 20, 30)
    log.advance_log_start(2, high_watermark=3)
    assert found(log, 0) == (2, 30)


def test_the_leader_epoch_comes_with_it(memory: MemoryDisk) -> None:
    log = open_log(memory)
    append(log, "A", ms=1, epoch=3)
    append(log, "B", ms=2, epoch=5)
    assert log.offset_for_time(T0 + 2, 2) == (1, T0 + 2, 5)


def test_an_empty_log_and_records_without_times(memory: MemoryDisk) -> None:
    log = open_log(memory)
    assert log.max_timestamp_offset() is None
    assert found(log, 0) is None
    log.append(build_batch([(-1, None, b"timeless", ())]), 0, at())
    assert found(log, 0) is None
    answer = log.max_timestamp_offset()
    assert answer is not None
    assert (answer.offset, answer.timestamp) == (0, -1)


def test_log_append_time_is_what_counts(memory: MemoryDisk) -> None:
    log = open_log(memory, message_timestamp_type="LogAppendTime")
    for ms in (10, 20):
        append(log, "A", "B", ms=ms)
    assert found(log, 11) == (2, 20)
    assert log.max_timestamp_offset() == (2, T0 + 20, 0)


@pytest.mark.parametrize("restart", ["none", "clean", "crash"])
def test_in_many_segments_through_the_index(disk: Disk, restart: str) -> None:
    config = {"segment_bytes": 4000, "index_interval_bytes": 300}
    log = open_log(disk, **config)
    fill(log, 300, ms_between=10)
    if restart == "clean":
        log.close()
        log = open_log(disk, recovery_point=300, clean=True, **config)
    elif restart == "crash":
        log = open_log(disk, **config)
    for offset in range(0, 300, 13):
        assert found(log, offset * 10) == (offset, offset * 10)
        assert found(log, offset * 10 - 5) == (offset, offset * 10)
    assert log.max_timestamp_offset() == (299, T0 + 2990, 0)


def test_a_search_reads_little(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 5000, ms_between=10)
    before = memory.bytes_read
    assert found(log, 25_000) == (2500, 25_000)
    assert memory.bytes_read - before < 50_000 < log.size_bytes
