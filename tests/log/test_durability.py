"""What is durable, what should be, and when a log asks for a sync."""

from __future__ import annotations

from broker.log.disk import Disk, MemoryDisk
from tests.log.stories import append, at, fill, open_log, sync


def test_by_default_a_log_asks_for_nothing_until_a_segment_is_full(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=1000)
    while len(log.segments) == 1:
        assert not log.flush_due(at(10**9))
        fill(log, 1)
    assert log.flush_due(at())
    assert log.unflushed_records == log.log_end_offset
    sync(log, memory)
    assert not log.flush_due(at())
    assert log.unflushed_records == 0


def test_flush_messages_counts_records(memory: MemoryDisk) -> None:
    log = open_log(memory, flush_messages=5)
    append(log, "A", "B", "C")
    assert not log.flush_due(at())
    append(log, "D", "E")
    assert log.flush_due(at())
    log.paths_to_sync()
    assert not log.flush_due(at()), "a sync is under way"
    assert log.mark_flushed(5) == 5


def test_flush_ms_counts_from_the_first_record_that_waits(memory: MemoryDisk) -> None:
    log = open_log(memory, flush_ms=1000)
    assert log.flush_due_us() is None
    append(log, "A", ms=10)
    append(log, "B", ms=500)
    assert log.flush_due_us() == at(1010).mono_us
    assert not log.flush_due(at(1009))
    assert log.flush_due(at(1010))
    sync(log, memory)
    assert log.flush_due_us() is None


def test_the_recovery_point_is_where_the_log_ended_when_the_sync_began(
    memory: MemoryDisk,
) -> None:
    log = open_log(memory)
    fill(log, 3)
    log.paths_to_sync()
    fill(log, 4)
    assert log.mark_flushed(3) == 3
    assert log.unflushed_records == 4


def test_a_sync_does_not_vouch_for_what_was_cut_off_meanwhile(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 10)
    log.paths_to_sync()
    log.truncate_to(4)
    fill(log, 6)
    assert log.mark_flushed(10) == 4


def test_several_syncs_may_be_under_way(memory: MemoryDisk) -> None:
    log = open_log(memory)
    for end in (2, 4, 6):
        fill(log, 2)
        log.paths_to_sync()
        assert log.log_end_offset == end
    assert [log.mark_flushed(end) for end in (2, 4, 6)] == [2, 4, 6]


def test_what_is_to_be_synced(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=400)
    append(log, "A")
    zero = "orders-0/00000000000000000000"
    files = [f"{zero}.log", f"{zero}.index", f"{zero}.timeindex"]
    assert log.paths_to_sync() == [*files, "orders-0", ""], "the folder is new, and so is the file"
    log.mark_flushed(1)
    append(log, "B")
    assert log.paths_to_sync() == files
    log.mark_flushed(2)
    fill(log, 5)
    one = f"orders-0/{log.segments.active.base_offset:020d}"
    assert log.paths_to_sync() == [
        *(f"{one}.snapshot", *files),
        *(f"{one}.log", f"{one}.index", f"{one}.timeindex", "orders-0"),
    ]


def test_closing_what_is_durable_already_costs_nothing(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 10)
    log.close()
    again = open_log(disk, recovery_point=10, clean=True)
    assert again.prepare_close() == []
    fill(again, 1)
    assert again.prepare_close() != []


def test_closing_an_empty_log_costs_nothing(disk: Disk) -> None:
    log = open_log(disk)
    log.assign_epoch(3)
    assert log.prepare_close() == []
    again = open_log(disk, clean=True)
    again.assign_epoch(4)
    assert append(again, "A", epoch=4) == 0
    assert again.end_offset_for_epoch(4) == (4, 1)
