"""Retention: a log forgets whole segments, oldest first, and never what is not committed."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.log import SEGMENTS_DELETED_AT_ONCE, Log
from broker.log.names import (
    PartitionFolder,
    deletion_name,
    folder_name,
    offset_of,
    parse_folder,
)
from broker.log.retention import FolderRemoval, mark_for_deletion
from broker.wire.errors import ApiError, ErrorCode
from tests.log.stories import append, at, contents, fill, open_log

DAY = 24 * 60 * 60 * 1000


def a_log_of_days(disk: Disk, days: int, **config: object) -> Log:
    """One segment a day, of two records each."""
    log = open_log(disk, **config)
    for day in range(days):
        append(log, f"morning {day}", ms=day * DAY)
        append(log, f"evening {day}", ms=day * DAY + DAY // 2)
        log.roll(at(day * DAY))
    return log


def test_segments_go_when_their_last_record_is_old(disk: Disk) -> None:
    log = a_log_of_days(disk, 10, retention_ms=7 * DAY)
    assert log.delete_old_segments(at(7 * DAY + DAY // 2), high_watermark=20) == 0
    assert log.delete_old_segments(at(7 * DAY + DAY // 2 + 1), high_watermark=20) == 1
    assert log.log_start_offset == 2
    assert log.delete_old_segments(at(10 * DAY), high_watermark=20) == 2
    assert contents(log)[6] == "morning 3"


def test_one_young_record_keeps_its_segment(memory: MemoryDisk) -> None:
    log = open_log(memory, retention_ms=DAY)
    append(log, "old", ms=0)
    append(log, "young", ms=DAY)
    log.roll(at())
    assert log.delete_old_segments(at(2 * DAY), high_watermark=2) == 0


def test_what_is_not_committed_stays(memory: MemoryDisk) -> None:
    log = a_log_of_days(memory, 5, retention_ms=DAY)
    assert log.delete_old_segments(at(30 * DAY), high_watermark=5) == 2
    assert log.log_start_offset == 4


def test_even_the_active_segment_goes_when_it_is_old(disk: Disk) -> None:
    log = open_log(disk, retention_ms=DAY)
    fill(log, 3)
    assert log.delete_old_segments(at(2 * DAY), high_watermark=3) == 1
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes) == (3, 3, 0)
    assert log.delete_old_segments(at(90 * DAY), high_watermark=3) == 0
    assert append(log, "and on") == 3


def test_a_log_is_kept_to_a_size(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=1000, retention_bytes=3000, retention_ms=-1)
    fill(log, 100)
    log.delete_old_segments(at(), high_watermark=100)
    assert 3000 <= log.size_bytes < 4000
    assert min(contents(log)) == log.log_start_offset > 0


def test_without_a_limit_nothing_goes(memory: MemoryDisk) -> None:
    log = a_log_of_days(memory, 3, retention_ms=-1, retention_bytes=-1)
    assert log.delete_old_segments(at(10_000 * DAY), high_watermark=6) == 0


def test_a_compacted_log_forgets_only_what_lies_before_its_start(memory: MemoryDisk) -> None:
    log = open_log(memory, cleanup_policy=("compact",), retention_ms=DAY)
    for number in range(3):
        append(log, "x", key=f"{number}")
        log.roll(at())
    assert log.delete_old_segments(at(9 * DAY), high_watermark=3) == 0
    log.advance_log_start(2, high_watermark=3)
    assert log.delete_old_segments(at(9 * DAY), high_watermark=3) == 2


def test_records_without_times_age_from_when_they_were_opened(memory: MemoryDisk) -> None:
    log = open_log(memory, retention_ms=DAY)
    append(log, "timeless", ms=-1_700_000_000_001)
    log.roll(at())
    assert log.delete_old_segments(at(DAY), high_watermark=1) == 0
    assert log.delete_old_segments(at(DAY + 1), high_watermark=1) == 1


def test_the_log_start_may_be_moved_to_any_committed_offset(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=300)
    fill(log, 10)
    assert log.advance_log_start(7, high_watermark=8)
    assert not log.advance_log_start(3, high_watermark=8)
    assert sorted(contents(log)) == [7, 8, 9]
    with pytest.raises(ApiError) as refused:
        log.advance_log_start(9, high_watermark=8)
    assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    log.delete_old_segments(at(), high_watermark=8)
    assert log.segments.first.base_offset == 6
    again = open_log(disk, log_start_offset=7)
    assert sorted(contents(again)) == [7, 8, 9]


# -- files go later --------------------------------------------------------------------------------


def test_files_are_renamed_first_and_removed_in_slices_when_their_time_comes(disk: Disk) -> None:
    log = a_log_of_days(disk, 4, retention_ms=DAY, file_delete_delay_ms=60_000)
    log.delete_old_segments(at(30 * DAY), high_watermark=8)
    doomed = [name for name in disk.list("orders-0") if name.endswith(".deleted")]
    assert "00000000000000000000.log.deleted" in doomed
    assert len(doomed) == 12
    assert log.doomed.next_due_us == at(30 * DAY + 60_000).mono_us
    assert log.doomed.remove(at(30 * DAY + 59_999).mono_us, limit=100) == 0
    assert log.doomed.remove(at(30 * DAY + 60_000).mono_us, limit=5) == 5
    assert log.doomed.remove(at(30 * DAY + 60_000).mono_us, limit=100) == 7
    assert log.doomed.next_due_us is None
    assert [name for name in disk.list("orders-0") if name.startswith("0000000000000000000")] == [
        "00000000000000000008.log",
        "00000000000000000008.snapshot",
    ]


def test_what_was_doomed_before_a_crash_is_removed_after_it(disk: Disk) -> None:
    log = a_log_of_days(disk, 4, retention_ms=DAY)
    log.delete_old_segments(at(30 * DAY), high_watermark=8)
    again = open_log(disk)
    assert again.log_start_offset == 8
    assert not [name for name in disk.list("orders-0") if "deleted" in name]


def test_a_very_long_log_is_forgotten_a_piece_at_a_time(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=100, retention_ms=DAY)
    fill(log, 3 * SEGMENTS_DELETED_AT_ONCE)
    counts = []
    while count := log.delete_old_segments(at(9 * DAY), log.log_end_offset):
        counts.append(count)
    assert max(counts) == SEGMENTS_DELETED_AT_ONCE
    assert sum(counts) == 3 * SEGMENTS_DELETED_AT_ONCE


def test_the_folder_of_a_deleted_topic_goes_a_few_files_at_a_time(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=300)
    fill(log, 50)
    log.close()
    folder = mark_for_deletion(disk, "orders", 0, bytes(range(16)))
    assert folder == "orders-0.000102030405060708090a0b0c0d0e0f-delete"
    assert not disk.exists("orders-0")
    removal = FolderRemoval(disk, folder)
    steps = 1
    while not removal.step(limit=10):
        steps += 1
    assert steps > 3
    assert not disk.exists(folder)
    assert open_log(disk).log_end_offset == 0


# -- names -----------------------------------------------------------------------------------------


def test_names_of_folders() -> None:
    assert folder_name("page-views", 3) == "page-views-3"
    assert parse_folder("page-views-3") == PartitionFolder("page-views", 3, "")
    assert parse_folder("a.b-0.1234-delete") == PartitionFolder("a.b", 0, "delete")
    assert parse_folder("a-1-2.xyz-stray") == PartitionFolder("a-1", 2, "stray")
    for no_partition in ("orders", "orders-", "-0", "orders-x", ".lock", "meta.properties"):
        assert parse_folder(no_partition) is None
    long = deletion_name("t" * 249, 12, bytes(16))
    assert len(long) == 255
    assert parse_folder(long) == PartitionFolder("t" * (255 - 43), 12, "delete")


def test_offsets_in_names_of_files() -> None:
    assert offset_of("00000000000000000368.log", ".log") == 368
    for other in ("368.log", "00000000000000000368.index", "0000000000000000036x.log", ".log"):
        assert offset_of(other, ".log") is None
