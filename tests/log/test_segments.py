"""Segments: when a log begins a new file, and what lies beside it."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.index import OffsetIndex, RecentBatches, TimeIndex
from broker.log.log import Log
from tests.log.stories import append, at, batch, contents, fill, open_log

HOUR = 60 * 60 * 1000


def bases(log: Log) -> list[int]:
    return [segment.base_offset for segment in log.segments]


def test_a_full_segment_is_followed_by_a_new_one(disk: Disk) -> None:
    one = len(batch("x" * 10))
    log = open_log(disk, segment_bytes=3 * one)
    fill(log, 7)
    assert bases(log) == [0, 3, 6]
    assert log.size_bytes == 7 * one


def test_a_segment_is_rolled_by_its_records_time(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_ms=1000)
    append(log, "A", ms=0)
    append(log, "B", ms=1000)
    append(log, "C", ms=1001)
    append(log, "D", ms=500)
    assert bases(log) == [0, 2]


def test_without_times_the_clock_decides(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_ms=1000)
    for ms in (0, 1000, 1001):
        log.append(batch("A", ms=-(1_700_000_000_000) - 1), 0, at(ms))
    assert bases(log) == [0, 2]


def test_after_a_restart_the_first_record_still_counts(disk: Disk) -> None:
    log = open_log(disk, segment_ms=1000)
    append(log, "A", ms=0)
    log.close()
    again = open_log(disk, segment_ms=1000, recovery_point=1, clean=True, ms=5000)
    append(again, "B", ms=1001)
    assert bases(again) == [0, 1]


def test_a_full_index_ends_a_segment(memory: MemoryDisk) -> None:
    log = open_log(memory, index_interval_bytes=0, segment_index_bytes=48)
    fill(log, 12)
    assert bases(log) == [0, 4, 8]


def test_offsets_too_far_apart_for_one_index(memory: MemoryDisk) -> None:
    log = open_log(memory)
    append(log, "near")
    far = 2**31 + 10
    log.append_as_follower(batch("far", base_offset=far), at())
    assert bases(log) == [0, far]
    assert contents(log) == {0: "near", far: "far"}

    empty = open_log(MemoryDisk())
    empty.append_as_follower(batch("far", base_offset=far), at())
    assert contents(empty) == {far: "far"}


def test_rolling_an_empty_segment_changes_nothing(memory: MemoryDisk) -> None:
    log = open_log(memory)
    log.roll(at())
    assert bases(log) == [0]
    append(log, "A")
    log.roll(at())
    log.roll(at())
    assert bases(log) == [0, 1]
    append(log, "B")
    assert contents(log) == {0: "A", 1: "B"}


def test_the_files_of_a_closed_log(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=1000, index_interval_bytes=200)
    fill(log, 15)
    log.close()
    second = bases(log)[1]
    assert disk.list("orders-0") == [
        "00000000000000000000.index",
        "00000000000000000000.log",
        "00000000000000000000.timeindex",
        f"{second:020d}.index",
        f"{second:020d}.log",
        f"{second:020d}.snapshot",
        f"{second:020d}.timeindex",
        "00000000000000000015.snapshot",
        "leader-epoch-checkpoint",
    ]
    assert disk.size("orders-0/00000000000000000000.index") % 8 == 0
    assert disk.size("orders-0/00000000000000000000.timeindex") % 12 == 0


def test_an_index_entry_names_the_last_offset_and_the_beginning(disk: Disk) -> None:
    """As in Kafka: it was `largestOffset` once, and stayed so."""
    log = open_log(disk, index_interval_bytes=100)
    one = len(batch("A", "B"))
    for _ in range(3):
        append(log, "A", "B", ms=7)
    append(log, "C", "D", ms=9)
    log.close()
    index = disk.read("orders-0/00000000000000000000.index", 0, 99)
    assert index == b"".join(n.to_bytes(4, "big") for n in (5, 2 * one))
    times = disk.read("orders-0/00000000000000000000.timeindex", 0, 99)
    stamps = [int.from_bytes(times[at : at + 8], "big") - 1_700_000_000_000 for at in (0, 12)]
    assert stamps == [7, 9]
    assert [int.from_bytes(times[at + 8 : at + 12], "big") for at in (0, 12)] == [1, 7]


def test_a_failed_roll_can_be_tried_again(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=300)
    fill(log, 3)
    for failing in (".index", ".timeindex", ".snapshot"):
        memory.fail_next("append", failing)
        before = contents(log)
        while failing in (fault.path for fault in memory._faults):
            try:
                fill(log, 1)
            except Exception:
                continue
            before = contents(log)
        assert contents(log) == before
    fill(log, 5)
    assert list(contents(log)) == list(range(log.log_end_offset))
    assert list(contents(open_log(memory))) == list(range(log.log_end_offset))


def test_a_log_can_move_to_another_folder(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=300)
    fill(log, 5)
    disk.rename_folder("orders-0", "orders-0.1234-delete")
    log.moved_to("orders-0.1234-delete")
    fill(log, 5)
    assert len(contents(log)) == 10


# -- the indexes by themselves ---------------------------------------------------------------------


def test_an_offset_index_finds_the_entry_at_or_before() -> None:
    index = OffsetIndex(100)
    assert index.lookup(105) == 0
    for offset, position in ((110, 1000), (120, 2000), (130, 3000)):
        index.append(offset, position)
    assert [index.lookup(offset) for offset in (5, 109, 110, 119, 120, 999)] == [
        *(0, 0, 1000, 1000, 2000, 3000)
    ]
    assert [index.floor(position) for position in (0, 999, 1000, 2500, 9999)] == [
        *(0, 0, 1000, 2000, 3000)
    ]
    index.truncate_to(120)
    assert list(index.entries()) == [(110, 1000)]


def test_zeros_behind_the_last_entry_are_no_entries() -> None:
    """Kafka maps index files into memory, larger than they are."""
    index = OffsetIndex(0)
    times = TimeIndex(0)
    for number in (1, 2, 3):
        index.append(number * 10, number * 100)
        times.append(number * 7, number * 10)
    padded = OffsetIndex(0, index.unwritten() or b"")
    assert list(padded.entries()) == list(index.entries())
    assert list(OffsetIndex(0, index.unwritten() + bytes(80)).entries()) == list(index.entries())
    assert list(TimeIndex(0, times.unwritten() + bytes(84)).entries()) == list(times.entries())
    assert not list(TimeIndex(0, bytes(120)).entries())


def test_a_time_index_only_grows() -> None:
    times = TimeIndex(100)
    for timestamp, offset in ((5, 101), (5, 102), (3, 103), (9, 104)):
        times.append(timestamp, offset)
    assert [tuple(entry) for entry in times.entries()] == [(5, 101), (9, 104)]
    assert times.lookup(4) == (-1, 100)
    assert times.lookup(8) == (5, 101)
    times.truncate_to(104)
    assert times.last == (5, 101)


@pytest.mark.parametrize("count", [1, 1024, 1025, 3000])
def test_recent_batches_know_what_they_know(count: int) -> None:
    recent = RecentBatches(10)
    for number in range(count):
        recent.append(10 + 2 * number + 1, 100 * number)
    for offset in range(recent.since, 10 + 2 * count):
        assert recent.position_of(offset, -1) == (offset - 10) // 2 * 100
    assert recent.position_of(10 + 2 * count, -1) == -1
    assert len(recent._positions) <= RecentBatches.LIMIT
