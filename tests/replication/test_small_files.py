"""Checkpoints are replaced while requests are served; if the power fails, one text is whole."""

from __future__ import annotations

import random

import pytest

from broker.log import checkpoints
from broker.log.disk import MemoryDisk
from broker.replication.small_files import SmallFiles
from tests.replication.table import Table


def files_with(text: bytes) -> tuple[MemoryDisk, SmallFiles]:
    disk = MemoryDisk()
    files = SmallFiles(disk)
    files.replace_now("points", text)
    return disk, files


def text_of(disk: MemoryDisk) -> str | None:
    return checkpoints.read_text(disk, "points")


def test_the_old_text_stays_until_the_new_one_is_durable() -> None:
    disk, files = files_with(b"old")
    files.replace("points", b"new")
    assert text_of(disk) == "old"
    disk.sync(files.begin())
    assert text_of(disk) == "old"
    files.done(failed=False)
    assert text_of(disk) == "new"


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("seed", range(5))
def test_whenever_the_power_fails_one_of_the_texts_is_there(steps: int, seed: int) -> None:
    disk, files = files_with(b"old")
    files.replace("points", b"new")
    if steps > 0:
        disk.sync(files.begin())
    if steps > 1:
        files.done(failed=False)
    if steps > 2:
        disk.sync(files.begin())
        files.done(failed=False)
        assert files.settled("points")
    disk.power_loss(random.Random(seed))
    assert text_of(disk) in (["old"] if steps < 2 else ["old", "new"] if steps < 3 else ["new"])


def test_what_comes_while_a_sync_is_under_way_waits_for_the_next() -> None:
    disk, files = files_with(b"old")
    files.replace("points", b"new")
    paths = files.begin()
    files.replace("points", b"newer")
    assert not files.wanted
    disk.sync(paths)
    files.done(failed=False)
    assert (text_of(disk), files.wanted) == ("new", True)
    disk.sync(files.begin())
    files.done(failed=False)
    assert text_of(disk) == "newer"


def test_a_sync_that_fails_leaves_the_old_text() -> None:
    disk, files = files_with(b"old")
    files.replace("points", b"new")
    files.begin()
    files.done(failed=True)
    assert text_of(disk) == "old"


def test_what_must_be_durable_now_overtakes_what_is_under_way() -> None:
    disk, files = files_with(b"old")
    files.replace("points", b"new")
    paths = files.begin()
    files.replace_now("points", b"now")
    disk.sync(paths)
    files.done(failed=False)
    assert text_of(disk) == "now"


def test_a_name_is_used_again_when_the_files_have_forgotten_the_old_log() -> None:
    """A new log is not as durable as its namesake was, and not as committed."""
    table = Table(brokers=1)
    table.create("orders", replicas=(1,))
    table.produce("orders", "a", "b")
    replicas = table.desks[1].replicas
    replicas.write_checkpoints()
    table.sync(1)
    table.hold_syncs.add(1)
    table.delete("orders")
    table.create("orders", replicas=(1,))
    assert ("orders", 0) not in replicas.partitions
    assert not replicas.are_open
    table.hold_syncs.clear()
    table.sync(1)
    assert table.produce("orders", "c").error_code == 0
    assert table.log(1) == ["c"]
