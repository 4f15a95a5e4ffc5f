"""Leader epochs, cutting a log to where it agrees with its leader's, and following."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.epochs import LeaderEpochs
from broker.wire.errors import ApiError
from broker.wire.records import read_header
from tests.log.stories import append, at, batch, contents, fill, offsets, open_log

UNKNOWN = (-1, -1)


def test_where_each_epoch_ended() -> None:
    epochs = LeaderEpochs([(1, 0), (3, 10), (6, 25)])
    assert epochs.end_offset_for(6, 40) == (6, 40)
    assert epochs.end_offset_for(3, 40) == (3, 25)
    assert epochs.end_offset_for(4, 40) == (3, 25), "the largest epoch up to the one asked for"
    assert epochs.end_offset_for(0, 40) == (0, 0), "older than all: where the log begins"
    assert epochs.end_offset_for(7, 40) == UNKNOWN
    assert epochs.end_offset_for(-1, 40) == UNKNOWN
    assert LeaderEpochs().end_offset_for(0, 40) == UNKNOWN


def test_whose_word_an_offset_is() -> None:
    epochs = LeaderEpochs([(1, 5), (3, 10)])
    assert [epochs.epoch_at(offset) for offset in (4, 5, 9, 10, 99)] == [-1, 1, 1, 3, 3]


def test_what_contradicts_a_new_epoch_is_forgotten() -> None:
    epochs = LeaderEpochs([(1, 0), (2, 10), (3, 20)])
    epochs.assign(4, 15)
    assert epochs.entries == [(1, 0), (2, 10), (4, 15)]
    epochs.assign(4, 18)
    assert epochs.entries == [(1, 0), (2, 10), (4, 15)]


def test_cutting_at_either_end() -> None:
    epochs = LeaderEpochs([(1, 0), (2, 10), (3, 20)])
    epochs.truncate_from_end(20)
    assert epochs.entries == [(1, 0), (2, 10)]
    epochs.truncate_from_start(12)
    assert epochs.entries == [(2, 12)]
    epochs.truncate_from_start(5)
    assert epochs.entries == [(2, 12)]


def test_epochs_are_stamped_on_batches_and_survive(disk: Disk) -> None:
    log = open_log(disk)
    append(log, "A", epoch=2)
    append(log, "B", "C", epoch=2)
    append(log, "D", epoch=4)
    assert log.end_offset_for_epoch(2) == (2, 3)
    log.close()
    clean = open_log(disk, recovery_point=4, clean=True)
    assert clean.epochs.entries == [(2, 0), (4, 3)]
    append(clean, "E", epoch=5)
    crashed = open_log(disk, recovery_point=4)
    assert crashed.epochs.entries == [(2, 0), (4, 3), (5, 4)]
    assert crashed.last_epoch == 5


def test_a_term_without_records_is_noted_too(memory: MemoryDisk) -> None:
    """KAFKA-7415: on election, not with the first record."""
    log = open_log(memory)
    append(log, "A", epoch=1)
    log.assign_epoch(3)
    assert log.end_offset_for_epoch(1) == (1, 1)
    assert log.end_offset_for_epoch(3) == (3, 1)
    append(log, "B", epoch=3)
    assert log.epochs.entries == [(1, 0), (3, 1)]


def test_retention_moves_the_start_of_the_first_epoch(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=300, retention_bytes=300)
    fill(log, 10)
    append(log, "new", epoch=7)
    log.delete_old_segments(at(), high_watermark=11)
    assert log.epochs.entries == [(0, log.log_start_offset), (7, 10)]


# -- cutting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 1, 17, 36, 59])
def test_a_log_is_cut_anywhere_and_goes_on(disk: Disk, offset: int) -> None:
    log = open_log(disk, segment_bytes=1000, index_interval_bytes=200)
    fill(log, 60)
    assert log.truncate_to(offset)
    assert log.log_end_offset == offset
    assert contents(log) == {n: str(n) for n in range(offset)}
    fill(log, 30)
    everything = {n: str(n) for n in range(offset + 30)}
    assert contents(log) == everything
    for n in range(offset + 30):
        assert offsets(log.read(n, 1, offset + 30)) == [(n, n)]
    assert contents(open_log(disk, segment_bytes=1000)) == everything


def test_the_largest_time_is_that_of_what_is_left(disk: Disk) -> None:
    log = open_log(disk, index_interval_bytes=200)
    fill(log, 50, ms_between=10)
    log.truncate_to(33)
    latest = log.max_timestamp_offset()
    assert latest is not None
    assert latest.offset == 32


def test_cutting_behind_the_end_changes_nothing(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 3)
    log.assign_epoch(5)
    assert not log.truncate_to(3)
    assert not log.truncate_to(9)
    assert log.log_end_offset == 3
    assert log.last_epoch == 0, "a term without records is forgotten"


def test_a_follower_that_fell_too_far_behind_begins_anew(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=300)
    fill(log, 20)
    log.truncate_fully_and_start_at(100)
    assert (log.log_start_offset, log.log_end_offset, log.recovery_point) == (100, 100, 0)
    log.append_as_follower(batch("new", base_offset=100, leader_epoch=4), at())
    assert contents(log) == {100: "new"}
    assert contents(open_log(disk)) == {100: "new"}


def test_cutting_below_the_start_begins_anew(memory: MemoryDisk) -> None:
    log = open_log(memory)
    log.truncate_fully_and_start_at(50)
    assert log.truncate_to(10)
    assert (log.log_start_offset, log.log_end_offset) == (10, 10)


# -- following -------------------------------------------------------------------------------------


def test_a_follower_has_the_leaders_bytes(disk: Disk) -> None:
    leader = open_log(MemoryDisk())
    follower = open_log(disk, segment_bytes=500)
    for number in range(30):
        append(leader, f"{number}", epoch=number // 10)
    while follower.log_end_offset < 30:
        fetched = leader.read(follower.log_end_offset, 500, 30)
        follower.append_as_follower(fetched, at())
    assert len(follower.segments) > 3
    assert contents(follower) == contents(leader)
    assert follower.epochs.entries == leader.epochs.entries
    assert follower.read(3, 1, 30) == leader.read(3, 1, 30)


def test_half_a_batch_at_the_end_is_left_for_the_next_time(memory: MemoryDisk) -> None:
    leader, follower = open_log(MemoryDisk()), open_log(memory)
    fill(leader, 3)
    fetched = leader.read(0, 1000, 3)
    appended = follower.append_as_follower(fetched[:-5], at())
    assert appended is not None
    assert (appended.base_offset, appended.last_offset) == (0, 1)
    assert follower.append_as_follower(fetched[:10], at()) is None


def test_what_was_already_copied_or_is_damaged_is_refused(memory: MemoryDisk) -> None:
    leader, follower = open_log(MemoryDisk()), open_log(memory)
    fill(leader, 3)
    follower.append_as_follower(leader.read(0, 1000, 2), at())
    with pytest.raises(ApiError):
        follower.append_as_follower(leader.read(1, 1000, 3), at())
    damaged = bytearray(leader.read(2, 1000, 3))
    damaged[-1] ^= 1
    with pytest.raises(ApiError):
        follower.append_as_follower(damaged, at())
    assert follower.log_end_offset == 2


def test_a_later_epoch_than_the_one_fetched_in_is_left_out(memory: MemoryDisk) -> None:
    """KAFKA-18723."""
    leader, follower = open_log(MemoryDisk()), open_log(memory)
    append(leader, "A", epoch=1)
    append(leader, "B", epoch=2)
    follower.append_as_follower(leader.read(0, 1000, 2), at(), leader_epoch=1)
    assert contents(follower) == {0: "A"}
    assert read_header(follower.read(0, 100, 1)).leader_epoch == 1
