"""What a memory disk still has after the power was gone."""

from __future__ import annotations

from random import Random

from broker.log.disk import MemoryDisk


def durable(disk: MemoryDisk, path: str, data: bytes) -> None:
    disk.append(path, data)
    disk.sync([path, ""])


def test_what_was_synced_is_always_there(memory: MemoryDisk) -> None:
    for seed in range(50):
        disk = MemoryDisk()
        durable(disk, "file", b"synced")
        disk.append("file", b"not synced")
        disk.power_loss(Random(seed))
        assert disk.read("file", 0, 6) == b"synced"


def test_of_the_rest_all_some_or_nothing_survives() -> None:
    found = set()
    for seed in range(300):
        disk = MemoryDisk()
        durable(disk, "file", b"AB")
        disk.append("file", b"cdef")
        disk.power_loss(Random(seed))
        found.add(disk.read("file", 0, 99))
    assert {b"AB", b"ABcd", b"ABcdef"} <= found
    assert any(b"\0" in data for data in found), "sectors may be missing in the middle"
    assert all(data.startswith(b"AB") and len(data) <= 6 for data in found)


def test_a_crash_of_the_process_loses_nothing(memory: MemoryDisk) -> None:
    memory.append("file", b"in the page cache")
    memory.crash()
    assert memory.read("file", 0, 99) == b"in the page cache"


def test_a_file_is_only_found_again_if_its_folder_was_synced() -> None:
    found = set()
    for seed in range(20):
        disk = MemoryDisk()
        disk.append("file", b"data")
        disk.sync(["file"])
        disk.power_loss(Random(seed))
        found.add(disk.exists("file"))
    assert found == {True, False}


def test_a_rename_is_seen_whole_or_not_at_all() -> None:
    found = set()
    for seed in range(30):
        disk = MemoryDisk()
        durable(disk, "checkpoint", b"old")
        disk.append("checkpoint.tmp", b"new")
        disk.sync(["checkpoint.tmp"])
        disk.rename("checkpoint.tmp", "checkpoint")
        disk.power_loss(Random(seed))
        found.add(disk.read("checkpoint", 0, 99))
    assert found == {b"old", b"new"}


def test_a_deleted_file_may_come_back() -> None:
    found = set()
    for seed in range(20):
        disk = MemoryDisk()
        durable(disk, "file", b"data")
        disk.delete("file")
        disk.power_loss(Random(seed))
        found.add(disk.exists("file"))
    assert found == {True, False}


def test_what_was_cut_off_may_come_back_but_not_after_a_sync() -> None:
    found = set()
    for seed in range(40):
        disk = MemoryDisk()
        durable(disk, "file", b"0123456789")
        disk.truncate("file", 5)
        disk.append("file", b"X")
        disk.power_loss(Random(seed))
        found.add(disk.read("file", 0, 99))
    assert {b"0123456789", b"01234", b"01234X"} <= found

    disk = MemoryDisk()
    durable(disk, "file", b"0123456789")
    disk.truncate("file", 5)
    disk.sync(["file"])
    disk.power_loss(Random(1))
    assert disk.read("file", 0, 99) == b"01234"


def test_a_disk_that_lies_syncs_nothing() -> None:
    found = set()
    for seed in range(20):
        disk = MemoryDisk()
        durable(disk, "file", b"honest ")
        disk.lying = True
        disk.append("file", b"lie")
        disk.sync(["file"])
        disk.power_loss(Random(seed))
        found.add(disk.read("file", 0, 99))
    assert b"honest " in found


def test_a_flipped_bit_stays_flipped(memory: MemoryDisk) -> None:
    durable(memory, "file", b"A")
    memory.flip_bit("file", 0, 1)
    memory.power_loss(Random(0))
    assert memory.read("file", 0, 1) == b"C"


def test_the_same_seed_loses_the_same() -> None:
    def story(seed: int) -> bytes:
        disk = MemoryDisk()
        durable(disk, "file", b"start")
        disk.append("file", bytes(range(200)))
        disk.power_loss(Random(seed))
        return disk.read("file", 0, 999)

    assert [story(seed) for seed in range(20)] == [story(seed) for seed in range(20)]
