"""Opening a log: what a crash has left is found, and nothing torn is ever served."""

from __future__ import annotations

import zlib

import pytest

from broker.log.config import LogConfig
from broker.log.disk import Disk, MemoryDisk
from broker.log.log import Log
from broker.log.recovery import Recovery
from broker.wire.errors import ApiError, StorageError
from tests.log.stories import T0, append, at, batch, contents, fill, numbered, open_log, sync

FIRST = "orders-0/00000000000000000000"


def recover(disk: Disk, recovery_point: int = 0, clean: bool = False, **config: object) -> Recovery:
    """A recovery that has run to its end."""
    settings = LogConfig(**config)  # type: ignore[arg-type]
    return Recovery(disk, "orders-0", settings, at(), recovery_point, clean).run()


def test_a_new_log_is_empty(disk: Disk) -> None:
    recovery = recover(disk)
    log = Log(recovery)
    assert (log.log_start_offset, log.log_end_offset, recovery.damage) == (0, 0, "")
    assert disk.list("orders-0") == ["00000000000000000000.log"]


@pytest.mark.parametrize("torn", [1, 11, 12, 40, 61, 70])
def test_a_torn_batch_at_the_end_is_cut_off(disk: Disk, torn: int) -> None:
    log = open_log(disk)
    fill(log, 5)
    disk.append(f"{FIRST}.log", bytes(batch("torn", base_offset=5))[:torn])
    recovery = recover(disk)
    assert recovery.log_end_offset == 5
    assert f"{FIRST}.log cut at" in recovery.damage
    again = Log(recovery)
    fill(again, 2)
    assert contents(again) == {n: str(n) for n in range(7)}


def test_zeros_at_the_end_are_cut_off(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 5)
    disk.append(f"{FIRST}.log", bytes(10_000))
    assert recover(disk).log_end_offset == 5


def test_a_batch_with_a_hole_ends_the_log(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 10)
    one = log.size_bytes // 10
    disk.write_at(f"{FIRST}.log", 6 * one + 65, bytes(5))
    assert recover(disk).log_end_offset == 6
    assert disk.size(f"{FIRST}.log") == 6 * one


def test_segments_behind_the_damage_are_deleted(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=500)
    fill(log, 40)
    victim = list(log.segments)[2]
    disk.write_at(victim.path, victim.size - 3, b"???")
    recovery = recover(disk, segment_bytes=500)
    assert recovery.log_end_offset == victim.next_offset - 1
    again = Log(recovery)
    assert len(again.segments) == 3
    fill(again, 10)
    assert contents(again) == {n: str(n) for n in range(again.log_end_offset)}


def test_batches_out_of_place_end_the_log(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 3)
    disk.append(f"{FIRST}.log", batch("again", base_offset=1))
    assert recover(disk).log_end_offset == 3


def test_a_segment_that_lost_its_end_at_the_boundary_of_a_batch(disk: Disk) -> None:
    """The next segment is whole, but what came before it is not there."""
    log = open_log(disk, segment_bytes=500)
    fill(log, 40)
    victim = list(log.segments)[2]
    disk.truncate(victim.path, victim.size - len(batch("x" * 10)))
    recovery = recover(disk, segment_bytes=500)
    assert recovery.log_end_offset == victim.next_offset - 1
    assert f"offset {victim.next_offset - 1} is missing" in recovery.damage


def test_gaps_are_usual_in_a_compacted_log(disk: Disk) -> None:
    config = {"segment_bytes": 500, "cleanup_policy": ("compact",)}
    log = open_log(disk, **config)
    for offset in range(0, 60, 3):
        log.append_as_follower(batch("value" * 10, key="K", base_offset=offset), at())
    assert len(log.segments) > 3
    assert recover(disk, **config).log_end_offset == 58


def test_records_of_an_earlier_leader_do_not_come_back(disk: Disk) -> None:
    """A segment that was cut off returns after a power loss, beneath what the next leader wrote."""
    log = open_log(disk)
    append(log, "A", epoch=1)
    append(log, "B", epoch=3)
    disk.append(f"orders-0/{2:020d}.log", batch("ghost", base_offset=2, leader_epoch=2))
    recovery = recover(disk)
    assert recovery.log_end_offset == 2
    assert contents(Log(recovery)) == {0: "A", 1: "B"}


def test_nothing_is_read_that_was_flushed(memory: MemoryDisk) -> None:
    config = {"segment_bytes": 20_000}
    log = open_log(memory, **config)
    fill(log, 3000)
    sync(log, memory)
    for offset in range(3000, 3040):
        log.append(numbered(offset - 3000), 0, at())
    tail = len(log.read(3000, 1 << 20, 3040))
    before = memory.bytes_read
    recovery = recover(memory, recovery_point=3000, **config)
    assert recovery.log_end_offset == 3040
    assert recovery.bytes_scanned < tail + 30_000
    assert memory.bytes_read - before < tail + 40_000 < log.size_bytes
    assert recovery.producers.producers[7].batches[-1].last_sequence == 39


def test_a_flush_within_a_segment_counts(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 15_000, size=100)
    sync(log, memory)
    fill(log, 10, size=100)
    recovery = recover(memory, recovery_point=15_000)
    assert recovery.log_end_offset == 15_010
    assert recovery.bytes_scanned < 20_000 < log.size_bytes


def test_a_clean_log_is_opened_with_a_few_reads(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=50_000)
    fill(log, 5000)
    log.close()
    before = memory.bytes_read
    again = Log(recover(memory, 5000, clean=True, segment_bytes=50_000))
    assert memory.bytes_read - before < 20_000 < log.size_bytes
    assert (again.log_end_offset, again.recovery_point) == (5000, 5000)
    assert contents(again, start=4990) == {n: str(n) for n in range(4990, 5000)}


def test_recovery_goes_in_slices(memory: MemoryDisk) -> None:
    log = open_log(memory, segment_bytes=10_000)
    fill(log, 1000)
    recovery = Recovery(memory, "orders-0", LogConfig(segment_bytes=10_000), at())
    slices = 0
    while True:
        before = memory.bytes_read
        done = recovery.step(max_bytes=4096)
        assert memory.bytes_read - before < 10_000
        slices += 1
        if done:
            break
    assert slices > log.size_bytes // 4096 // 2
    assert contents(Log(recovery)) == contents(log)


def test_a_batch_larger_than_a_slice(memory: MemoryDisk) -> None:
    log = open_log(memory)
    for size in (10, 50_000, 10, 300_000):
        append(log, "x" * size)
    recovery = Recovery(memory, "orders-0", LogConfig(), at())
    while not recovery.step(max_bytes=100):
        pass
    assert recovery.log_end_offset == 4


# -- indexes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize("harm", ["gone", "torn", "padded"])
def test_a_bad_index_of_an_old_segment_is_made_anew(disk: Disk, suffix: str, harm: str) -> None:
    config = {"segment_bytes": 5000, "index_interval_bytes": 300}
    log = open_log(disk, **config)
    fill(log, 300)
    log.close()
    path = FIRST + suffix
    good = disk.read(path, 0, 1 << 20)
    if harm == "gone":
        disk.delete(path)
    elif harm == "torn":
        disk.truncate(path, disk.size(path) - 3)
    else:
        disk.append(path, bytes(240))
    for clean in (True, False):
        again = Log(recover(disk, 300, clean, **config))
        assert contents(again) == {n: str(n) for n in range(300)}
    assert disk.read(path, 0, 1 << 20) == good


def test_an_index_that_points_beside_a_batch_is_not_followed(memory: MemoryDisk) -> None:
    log = open_log(memory, index_interval_bytes=300)
    fill(log, 100)
    log.close()
    size = memory.size(f"{FIRST}.index")
    memory.flip_bit(f"{FIRST}.index", size - 1, 0)
    again = Log(recover(memory, 100, clean=False, index_interval_bytes=300))
    assert contents(again) == {n: str(n) for n in range(100)}


def test_indexes_without_a_segment_and_other_leftovers_go(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 3)
    for name in (
        "00000000000000000009.index",
        "00000000000000000009.timeindex",
        "00000000000000000000.log.deleted",
        "00000000000000000000.log.cleaned",
        "leader-epoch-checkpoint.tmp",
    ):
        disk.append(f"orders-0/{name}", b"leftover")
    disk.append("orders-0/partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
    recover(disk)
    assert disk.list("orders-0") == ["00000000000000000000.log", "partition.metadata"]


def test_an_interrupted_swap_is_finished(disk: Disk) -> None:
    """Compaction had written 0..39 anew, as one segment, and died while it took its place."""
    log = open_log(disk, segment_bytes=500)
    fill(log, 40)
    log.close()
    bases = [segment.base_offset for segment in log.segments]
    anew = open_log(MemoryDisk())
    for offset in (2, 9, 12):
        anew.append_as_follower(log.read(offset, 1, 40), at())
    kept = anew.read(2, 9999, 13)
    disk.append(f"{FIRST}.log.swap", kept)
    disk.append(f"{FIRST}.index.swap", b"")
    disk.append(f"{FIRST}.timeindex.swap", b"")
    disk.delete(f"{FIRST}.log")
    config = {"segment_bytes": 500, "cleanup_policy": ("compact",)}
    again = Log(recover(disk, 40, clean=True, **config))
    untouched = [base for base in bases if base >= 13]
    assert [segment.base_offset for segment in again.segments] == [0, *untouched]
    assert sorted(contents(again)) == [2, 9, 12, *range(untouched[0], 40)]
    assert not [name for name in disk.list("orders-0") if name.endswith(".swap")]


def test_a_swap_that_had_not_been_prepared_is_dropped(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 5)
    log.close()
    disk.append(f"{FIRST}.log.swap", batch("half"))
    disk.append(f"{FIRST}.log.cleaned", batch("done"))
    assert contents(Log(recover(disk, 5, clean=True))) == {n: str(n) for n in range(5)}


def test_durable_segments_are_only_read_when_their_snapshots_are_lost(disk: Disk) -> None:
    config = {"segment_bytes": 1000, "index_interval_bytes": 200}
    log = open_log(disk, **config)
    for sequence in range(60):
        log.append(numbered(sequence), 0, at())
    sync(log, disk)
    for name in disk.list("orders-0"):
        if name.endswith(".snapshot"):
            disk.delete(f"orders-0/{name}")
    before = {name: disk.read(f"orders-0/{name}", 0, 9999) for name in disk.list("orders-0")}
    recovery = recover(disk, 60, **config)
    after = {name: disk.read(f"orders-0/{name}", 0, 9999) for name in disk.list("orders-0")}
    active = f"{log.segments.active.base_offset:020d}"
    for name, content in before.items():
        assert name.startswith(active) or after[name] == content, name
    assert recovery.producers.producers[7].batches[-1].last_sequence == 59
    assert contents(Log(recovery)) == {n: f"7.0.{n}" for n in range(60)}


# -- when the signs contradict each other ----------------------------------------------------------


def test_a_clean_marker_beside_a_torn_log_is_not_believed(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 10)
    log.close()
    disk.truncate(f"{FIRST}.log", disk.size(f"{FIRST}.log") - 5)
    recovery = recover(disk, recovery_point=10, clean=True)
    assert recovery.log_end_offset == 9
    assert recovery.recovery_point == 9
    assert recovery.damage


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("torn", [True, False])
def test_what_a_lying_disk_has_lost_is_lost_to_the_producers_state_too(
    disk: Disk, clean: bool, torn: bool
) -> None:
    """The snapshot is of offset 10, and the log ends at 5: a retry is not taken for a duplicate."""
    log = open_log(disk)
    for sequence in range(10):
        log.append(numbered(sequence), 0, at())
    log.close()
    disk.truncate(f"{FIRST}.log", disk.size(f"{FIRST}.log") // 2 + 3 * torn)
    again = Log(recover(disk, recovery_point=10, clean=clean))
    assert again.log_end_offset == again.recovery_point == 5
    assert again.producers.producers[7].batches[-1].last_sequence == 4
    with pytest.raises(ApiError, match="sequence 9 came where 5 was expected"):
        again.append(numbered(9), 0, at())
    assert not again.append(numbered(5), 0, at()).duplicate


def test_a_clean_log_without_a_snapshot_has_no_producers_as_in_kafka(disk: Disk) -> None:
    log = open_log(disk)
    log.append(numbered(0), 0, at())
    log.close()
    disk.delete("orders-0/00000000000000000001.snapshot")
    assert recover(disk, 1, clean=True).producers.producers == {}
    assert 7 in recover(disk, 1, clean=False).producers.producers


def test_a_log_that_ends_before_it_should_start_begins_anew(disk: Disk) -> None:
    log = open_log(disk)
    fill(log, 5)
    recovery = Recovery(disk, "orders-0", LogConfig(), at(), log_start_offset=50).run()
    assert (recovery.log_start_offset, recovery.log_end_offset) == (50, 50)
    assert contents(Log(recovery)) == {}


def test_damage_below_the_recovery_point_is_not_cut_off(memory: MemoryDisk) -> None:
    """What was durable and is damaged now is rot: the replicas have it, and so it must not go."""
    log = open_log(memory, segment_bytes=1000)
    fill(log, 100)
    log.close()
    memory.delete(f"{FIRST}.index")
    length_of_the_third = 2 * len(batch("x" * 10)) + 8
    for bit in range(8):
        memory.flip_bit(f"{FIRST}.log", length_of_the_third, bit)
    with pytest.raises(StorageError, match="but it was flushed"):
        recover(memory, 100, segment_bytes=1000)


def test_records_of_an_old_format_are_not_taken_for_damage(disk: Disk) -> None:
    body = bytes([1, 0]) + T0.to_bytes(8, "big") + b"\xff\xff\xff\xff" + b"\0\0\0\x03old"
    message = zlib.crc32(body).to_bytes(4, "big") + body
    disk.make_folder("orders-0")
    disk.append(f"{FIRST}.log", bytes(8) + len(message).to_bytes(4, "big") + message)
    with pytest.raises(StorageError, match="format 1"):
        recover(disk)


def test_an_unreadable_disk_is_an_error(memory: MemoryDisk) -> None:
    fill(open_log(memory), 3)
    memory.fail_next("read", ".log")
    with pytest.raises(StorageError, match="cannot read"):
        recover(memory)
