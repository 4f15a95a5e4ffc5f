"""The disk of a simulation: a sync promises what was written before it began, once it has ended."""

from __future__ import annotations

from random import Random

import pytest

from broker.sim.disk import SimulatedDisk
from broker.wire.errors import StorageError


class Worst:
    """Chance at its worst: everything that can be lost is."""

    def random(self) -> float:
        return 0.3


def disk_with(data: bytes) -> SimulatedDisk:
    disk = SimulatedDisk()
    disk.make_folder("orders-0")
    disk.append("orders-0/0.log", data)
    disk.sync(["", "orders-0"])
    return disk


def test_a_sync_that_has_not_returned_promises_nothing() -> None:
    disk = disk_with(b"one")
    disk.begin_sync(["orders-0/0.log"])
    assert disk.synced_size("orders-0/0.log") == 0
    disk.power_loss(Worst())
    assert disk.size("orders-0/0.log") == 0


def test_what_is_written_while_a_sync_runs_is_not_part_of_it() -> None:
    disk = disk_with(b"one")
    marks = disk.begin_sync(["orders-0/0.log"])
    disk.append("orders-0/0.log", b"two")
    disk.finish_sync(marks)
    assert disk.synced_size("orders-0/0.log") == 3
    disk.power_loss(Worst())
    assert disk.read("orders-0/0.log", 0, 10) == b"one"


def test_a_file_whose_name_was_never_synced_may_be_gone() -> None:
    disk = SimulatedDisk()
    disk.append("0.log", b"one")
    disk.finish_sync(disk.begin_sync(["0.log"]))
    assert disk.synced_size("0.log") == 0
    disk.finish_sync(disk.begin_sync([""]))
    assert disk.synced_size("0.log") == 3


def test_a_folder_created_while_a_sync_runs_is_not_part_of_it() -> None:
    disk = SimulatedDisk()
    disk.make_folder("a")
    marks = disk.begin_sync([""])
    disk.make_folder("b")
    disk.finish_sync(marks)

    class LoseNames:
        def random(self) -> float:
            return 0.0

    disk.power_loss(LoseNames())
    assert disk.list("") == ["a"]


def test_a_disk_fails_until_it_is_repaired() -> None:
    disk = disk_with(b"one")
    disk.fail("append", "ENOSPC", "", None)
    for _ in range(3):
        with pytest.raises(StorageError, match="No space left"):
            disk.append("orders-0/0.log", b"two")
    disk.repair()
    disk.append("orders-0/0.log", b"two")


def test_neither_a_crash_nor_a_power_loss_repairs_a_disk() -> None:
    disk = disk_with(b"one")
    disk.fail("sync", "EIO", "", None)
    disk.crash()
    disk.power_loss(Random(7))
    with pytest.raises(StorageError):
        disk.begin_sync(["orders-0"])


def test_looking_costs_nothing() -> None:
    disk = disk_with(b"one")
    disk.fail("read", "EIO", "", 1)
    with disk.looking():
        assert disk.read("orders-0/0.log", 0, 3) == b"one"
    assert disk.bytes_read == 0
    with pytest.raises(StorageError):
        disk.read("orders-0/0.log", 0, 3)


def lying_disk() -> SimulatedDisk:
    """A log of two segments: the end of the first and all of the second were lied about."""
    disk = disk_with(b"")
    disk.append("orders-0/0.log", b"one")
    disk.sync(["orders-0", "orders-0/0.log"])
    disk.lies = "records"
    disk.append("orders-0/0.log", b"two")
    disk.append("orders-0/6.log", b"three")
    disk.sync(["orders-0", "orders-0/0.log", "orders-0/6.log"])
    return disk


def test_a_disk_that_lied_about_a_log_loses_its_end_and_never_its_middle() -> None:
    """A broker that believes in the second segment does not look at the end of the first again."""
    ends = set()
    for seed in range(20):
        disk = lying_disk()
        disk.power_loss(Random(seed))
        found = {name: disk.read(f"orders-0/{name}", 0, 10) for name in disk.list("orders-0")}
        ends.add(b"".join(found.values()))
        assert found["0.log"] == b"onetwo" or "6.log" not in found
    assert ends == {b"one", b"onetwo", b"onetwothree"}


def test_a_disk_that_is_well_again_has_written_what_it_lied_about() -> None:
    disk = lying_disk()
    assert disk.synced_size("orders-0/0.log") == 3
    disk.repair()
    assert disk.synced_size("orders-0/0.log") == 6
    disk.append("orders-0/6.log", b"four")
    disk.power_loss(Worst())
    assert disk.read("orders-0/6.log", 0, 10) == b"three"


def test_nor_does_it_where_the_log_was_cut_and_written_on() -> None:
    ends = set()
    for seed in range(20):
        disk = lying_disk()
        disk.repair()
        disk.lies = "records"
        disk.delete("orders-0/6.log")
        disk.truncate("orders-0/0.log", 3)
        disk.append("orders-0/0.log", b"six")
        disk.sync(["orders-0", "orders-0/0.log"])
        disk.power_loss(Random(seed))
        ends.add(disk.read("orders-0/0.log", 0, 10))
    assert ends == {b"one", b"onesix"}
