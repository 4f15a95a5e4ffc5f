"""A disk: small calls on a tree of files, the same on real files and in memory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from broker.log.disk import Disk, FileDisk, MemoryDisk
from broker.wire.errors import ErrorCode, StorageError


def test_what_is_appended_can_be_read(disk: Disk) -> None:
    disk.make_folder("orders-0")
    disk.append("orders-0/0.log", b"hello ")
    disk.append("orders-0/0.log", memoryview(bytearray(b"world")))
    assert disk.read("orders-0/0.log", 0, 100) == b"hello world"
    assert disk.read("orders-0/0.log", 6, 3) == b"wor"
    assert disk.read("orders-0/0.log", 50, 3) == b""
    assert disk.size("orders-0/0.log") == 11


def test_an_append_of_nothing_creates_the_file(disk: Disk) -> None:
    disk.append("empty", b"")
    assert disk.exists("empty")
    assert disk.size("empty") == 0


def test_bytes_are_overwritten_in_place_and_cut(disk: Disk) -> None:
    disk.append("file", b"abcdef")
    disk.write_at("file", 4, b"XYZ")
    assert disk.read("file", 0, 10) == b"abcdXYZ"
    disk.truncate("file", 2)
    disk.append("file", b"!")
    assert disk.read("file", 0, 10) == b"ab!"


def test_a_rename_replaces_what_bore_the_name(disk: Disk) -> None:
    disk.append("old", b"old")
    disk.append("new", b"new")
    disk.rename("new", "old")
    assert disk.read("old", 0, 10) == b"new"
    assert not disk.exists("new")
    assert [name for name in disk.list("") if name != ".lock"] == ["old"]


def test_names_in_a_folder_are_sorted(disk: Disk) -> None:
    disk.make_folder("a/b")
    for name in ("2", "10", "1"):
        disk.append(f"a/b/{name}", b"")
    assert disk.list("a/b") == ["1", "10", "2"]
    assert disk.list("a") == ["b"]
    assert disk.is_folder("a/b")
    assert not disk.is_folder("a/b/1")


def test_a_folder_is_renamed_with_its_files_and_deleted(disk: Disk) -> None:
    disk.make_folder("orders-0")
    disk.append("orders-0/0.log", b"data")
    disk.rename_folder("orders-0", "orders-0.1234-delete")
    assert not disk.exists("orders-0")
    disk.append("orders-0.1234-delete/0.log", b"!")
    assert disk.read("orders-0.1234-delete/0.log", 0, 9) == b"data!"
    disk.delete_folder("orders-0.1234-delete")
    disk.delete_folder("orders-0.1234-delete")
    assert not disk.exists("orders-0.1234-delete")


def test_deleting_twice_and_syncing_what_is_gone_is_no_error(disk: Disk) -> None:
    disk.append("file", b"x")
    disk.delete("file")
    disk.delete("file")
    disk.sync(["file", ""])


def test_what_is_not_there_cannot_be_read(disk: Disk) -> None:
    for call in (
        lambda: disk.read("nothing", 0, 1),
        lambda: disk.size("nothing"),
        lambda: disk.truncate("nothing", 0),
        lambda: disk.list("nothing"),
        lambda: disk.rename("nothing", "something"),
        lambda: disk.append("nofolder/file", b""),
    ):
        with pytest.raises(StorageError) as refused:
            call()
        assert refused.value.code is ErrorCode.KAFKA_STORAGE_ERROR


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/etc/passwd", "a//b", "a/./b", "a\0b"])
def test_no_path_leads_out_of_the_data_directory(disk: Disk, path: str) -> None:
    for call in (disk.delete, disk.delete_folder, disk.make_folder, disk.list):
        with pytest.raises(StorageError, match="no path inside"):
            call(path)
    with pytest.raises(StorageError, match="no path inside"):
        disk.append(path, b"x")


# -- only on files ---------------------------------------------------------------------------------


def test_two_brokers_do_not_share_a_data_directory(tmp_path: Path) -> None:
    first = FileDisk(tmp_path)
    with pytest.raises(StorageError, match="in use by another broker"):
        FileDisk(tmp_path)
    first.close()
    FileDisk(tmp_path).close()


def test_a_look_at_a_directory_locks_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    looking = FileDisk(tmp_path, read_only=True)
    assert looking.read("file", 0, 10) == b"data"
    with pytest.raises(StorageError):
        looking.append("file", b"more")
    assert os.listdir(tmp_path) == ["file"]
    looking.close()


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path, max_open_files=3)
    for number in range(10):
        disk.append(f"{number}", b"%d" % number)
    for number in range(10):
        disk.append(f"{number}", b"!")
        assert disk.read(f"{number}", 0, 5) == b"%d!" % number
    assert len(disk._open) == 3
    disk.close()


def test_a_write_in_pieces_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FileDisk(tmp_path)
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: whole(fd, bytes(data)[:3], at))
    disk.append("file", b"0123456789")
    assert disk.read("file", 0, 99) == b"0123456789"
    disk.close()


def test_half_a_write_is_cut_off_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FileDisk(tmp_path)
    disk.append("file", b"before")
    whole = os.pwrite

    def half_then_full(descriptor: int, data: bytes, position: int) -> int:
        if position > len(b"before"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(descriptor, bytes(data)[:3], position)

    monkeypatch.setattr(os, "pwrite", half_then_full)
    with pytest.raises(StorageError, match="No space left"):
        disk.append("file", b"and after")
    monkeypatch.undo()
    assert (tmp_path / "file").read_bytes() == b"before"
    disk.append("file", b"!")
    assert disk.read("file", 0, 99) == b"before!"
    disk.close()


def test_what_is_durable_is_not_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, synced = FileDisk(tmp_path), list[int]()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    log, index = "log", "index"
    for name in (log, index):
        (tmp_path / name).touch()

    def syncs() -> list[str]:
        synced.clear()
        disk.sync([log, index])
        return [name for name in (log, index) if (tmp_path / name).stat().st_ino in synced]

    assert syncs() == [log, index], "who knows what was written before we came?"
    disk.append(log, b"0")
    disk.append(index, b"")
    assert syncs() == [log, index], "they were opened a moment ago"
    disk.append(log, b"1")
    disk.append(index, b"")
    assert syncs() == [log]
    assert syncs() == []
    disk.write_at(log, 0, b"2")
    disk.truncate(index, 0)
    assert syncs() == [log, index]
    disk.close()


def test_a_write_amid_a_sync_waits_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, synced = FileDisk(tmp_path), list[int]()
    disk.append("log", b"before")

    def write_meanwhile(descriptor: int) -> None:
        if not synced:
            disk.append("log", b"and after")
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", write_meanwhile)
    for _ in range(3):
        disk.sync(["log"])
    assert len(synced) == 2
    disk.close()


def test_a_sync_that_failed_has_made_nothing_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, tries = FileDisk(tmp_path), list[int]()
    disk.append("log", b"data")

    def fail_once(descriptor: int) -> None:
        tries.append(descriptor)
        if len(tries) == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(StorageError, match="Input/output"):
        disk.sync(["log"])
    disk.sync(["log"])
    assert len(tries) == 2
    disk.close()


# -- only in memory --------------------------------------------------------------------------------


def test_an_operation_fails_as_often_as_it_is_told(memory: MemoryDisk) -> None:
    memory.append("file", b"data")
    memory.fail_next("read", "file", errno.EIO, times=2)
    memory.fail_next("append", code=errno.ENOSPC)
    for _ in range(2):
        with pytest.raises(StorageError, match="Input/output error"):
            memory.read("file", 0, 1)
    with pytest.raises(StorageError, match="No space left"):
        memory.append("file", b"more")
    memory.append("file", b"!")
    assert memory.read("file", 0, 9) == b"data!"


def test_a_disk_of_a_certain_size_is_full_at_some_point() -> None:
    disk = MemoryDisk(capacity=10)
    disk.append("a", b"12345678")
    with pytest.raises(StorageError, match="No space left"):
        disk.append("b", b"123")
    disk.truncate("a", 2)
    disk.append("b", b"123")
    disk.rename("b", "a")
    assert disk.used == 3
    disk.delete("a")
    assert disk.used == 0
