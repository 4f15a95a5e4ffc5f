"""Reading: whole batches, as they are stored, found by an index."""

from __future__ import annotations

from random import Random

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.wire.errors import ApiError, ErrorCode
from tests.log.stories import append, at, contents, fill, offsets, open_log


def test_an_offset_in_the_middle_of_a_batch_gets_all_of_it(disk: Disk) -> None:
    log = open_log(disk)
    append(log, "A", "B", "C")
    append(log, "D", "E")
    assert offsets(log.read(1, 1000, 5)) == [(0, 2), (3, 4)]
    assert offsets(log.read(4, 1000, 5)) == [(3, 4)]


def test_no_more_than_asked_for_and_only_whole_batches(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 10, size=100)
    one = len(log.read(0, 1, 10))
    assert offsets(log.read(2, 3 * one, 10)) == [(2, 2), (3, 3), (4, 4)]
    assert offsets(log.read(2, 3 * one + one // 2, 10)) == [(2, 2), (3, 3), (4, 4)]


def test_the_first_batch_comes_whole_however_large(disk: Disk) -> None:
    log = open_log(disk)
    append(log, "x" * 5000)
    append(log, "B")
    assert offsets(log.read(0, 100, 2)) == [(0, 0)]
    assert offsets(log.read(0, 0, 2)) == [(0, 0)]
    assert log.read(0, 100, 2, min_one=False) == b""
    assert offsets(log.read(1, 100, 2, min_one=False)) == [(1, 1)]


def test_nothing_at_or_behind_the_given_end(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 10)
    assert offsets(log.read(3, 10_000, 5)) == [(3, 3), (4, 4)]
    assert log.read(5, 10_000, 5) == b""
    assert log.read(7, 10_000, 5) == b""
    assert log.read(10, 10_000, 10) == b""


def test_an_offset_that_is_not_in_the_log_is_refused(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 3)
    for offset in (-1, 4, 1000):
        with pytest.raises(ApiError) as refused:
            log.read(offset, 100, 3)
        assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    log.advance_log_start(2, high_watermark=3)
    with pytest.raises(ApiError):
        log.read(1, 100, 3)


def test_a_read_goes_on_in_the_next_segment(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=500)
    fill(log, 50)
    assert len(log.segments) > 5
    assert contents(log) == {offset: str(offset) for offset in range(50)}
    last_of_first = log.segments.first.next_offset - 1
    assert offsets(log.read(last_of_first, 10_000, 50)) == [(last_of_first, last_of_first)]


def test_a_gap_in_the_offsets_is_stepped_over(disk: Disk) -> None:
    """Compaction leaves gaps, and a follower copies them."""
    leader = open_log(MemoryDisk())
    follower = open_log(disk, segment_bytes=1000)
    fill(leader, 40)
    for offset in (0, 1, 7, 8, 20, 39):
        follower.append_as_follower(leader.read(offset, 1, 40), at())
    assert offsets(follower.read(2, 1, 40)) == [(7, 7)]
    assert offsets(follower.read(9, 1, 40)) == [(20, 20)]
    assert sorted(contents(follower)) == [0, 1, 7, 8, 20, 39]


@pytest.mark.parametrize("interval", [0, 200, 4096])
def test_every_offset_is_found_before_and_after_a_restart(disk: Disk, interval: int) -> None:
    config = {"segment_bytes": 20_000, "index_interval_bytes": interval}
    log = open_log(disk, **config)
    for number in range(600):
        append(log, *(f"{number}" for _ in range(number % 3 + 1)))
    log.close()
    again = open_log(disk, recovery_point=log.log_end_offset, clean=True, **config)
    for where in (log, again):
        end = where.log_end_offset
        for offset in range(0, end, 7):
            first, last = offsets(where.read(offset, 1, end))[0]
            assert first <= offset <= last


def test_random_reads_agree_with_a_list(memory: MemoryDisk) -> None:
    random = Random(1)
    log = open_log(memory, segment_bytes=5000, index_interval_bytes=300)
    batches: list[tuple[int, int]] = []
    for number in range(300):
        base = append(log, *(f"{number}" for _ in range(1 + int(random.random() * 5))))
        batches.append((base, log.log_end_offset - 1))
    for _ in range(500):
        end = int(random.random() * (log.log_end_offset + 1))
        offset = int(random.random() * (end + 1))
        found = offsets(log.read(offset, int(random.random() * 2000), end))
        expected = [(a, b) for a, b in batches if b >= offset and b < end]
        assert found == expected[: len(found)]
        assert bool(found) == bool(expected)


def test_readers_of_many_segments_do_not_keep_all_indexes(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=500, index_interval_bytes=100)
    fill(log, 200)
    assert contents(log) == {offset: str(offset) for offset in range(200)}
    loaded = [segment for segment in log.segments if segment.indexes_are_loaded]
    assert len(log.segments) > 20
    assert len(loaded) <= 5


def test_a_read_costs_one_read_of_the_disk(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 100)
    before = memory.bytes_read
    data = log.read(90, 1000, 100)
    assert memory.bytes_read - before == len(data)


def test_rot_in_a_header_is_an_error_and_not_a_loop(memory: MemoryDisk) -> None:
    log = open_log(memory, index_interval_bytes=300)
    fill(log, 100)
    log.close()
    one = len(log.read(0, 1, 100))
    for bit in range(8):
        memory.flip_bit(log.segments.active.path, 30 * one + 8, bit)
    again = open_log(memory, recovery_point=100, clean=True, index_interval_bytes=300)
    assert offsets(again.read(29, 1, 100)) == [(29, 29)]
    for offset in (30, 31):
        with pytest.raises(ApiError) as refused:
            again.read(offset, 1, 100)
        assert refused.value.code is ErrorCode.CORRUPT_MESSAGE
    assert offsets(again.read(40, 1, 100)) == [(40, 40)]
