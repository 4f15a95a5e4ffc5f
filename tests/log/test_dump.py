"""`broker dump`: the files of a data directory as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.log import checkpoints
from broker.log.checkpoints import MetaProperties
from broker.log.disk import FileDisk, MemoryDisk
from broker.log.dump import bytes_text, dump, render, time_text
from broker.log.producer_state import Origin
from broker.wire.compression import Compression
from broker.wire.errors import StorageError
from broker.wire.records import ControlType, build_batch, control_key
from tests.log.stories import T0, append, at, fill, numbered, open_log

FIRST = "orders-0/00000000000000000000"


def test_batches_and_records(memory: MemoryDisk) -> None:
    log = open_log(memory)
    append(log, "created", key="A", epoch=2)
    append(log, "paid", "shipped", ms=250, compression=Compression.GZIP, epoch=2)
    log.append(numbered(0, 2), 2, at())
    packed = len(log.read(1, 1, 3))
    assert list(render(memory, f"{FIRST}.log")) == [
        f"{FIRST}.log, {log.size_bytes} bytes",
        "0..0  at 0, 76 bytes, 1 record, epoch 2",
        "    0  2023-11-14 22:13:20.000  'A' = 'created'",
        f"1..2  at 76, {packed} bytes, 2 records, epoch 2, gzip",
        "    1  2023-11-14 22:13:20.250  null = 'paid'",
        "    2  2023-11-14 22:13:20.250  null = 'shipped'",
        f"3..4  at {76 + packed}, 85 bytes, 2 records, epoch 2, producer 7.0 sequence 0..1",
        "    3  2023-11-14 22:13:20.000  null = '7.0.0'",
        "    4  2023-11-14 22:13:20.000  null = '7.0.1'",
    ]


def test_headers_and_what_is_not_text(memory: MemoryDisk) -> None:
    log = open_log(memory)
    headers = (("trace", b"abc"), ("none", None))
    log.append(build_batch([(T0, b"\xff\x00", None, headers)]), 0, at())
    line = list(render(memory, f"{FIRST}.log"))[-1]
    assert line.endswith("0xff00 = null  [trace: 'abc', none: null]")


def test_control_records_and_metadata(memory: MemoryDisk) -> None:
    log = open_log(memory)
    marker = build_batch([(T0, control_key(ControlType.LEADER_CHANGE), b"", ())], control=True)
    log.append(marker, 1, at(), Origin.QUORUM)
    append(log, "topic record", epoch=1)
    memory.rename_folder("orders-0", "__cluster_metadata-0")
    path = "__cluster_metadata-0/00000000000000000000.log"
    lines = list(render(memory, path, lambda value: f"decoded {len(value)} bytes"))
    assert lines[2].endswith("leader change")
    assert lines[4].endswith("  decoded 12 bytes")


def test_a_torn_tail_and_a_damaged_batch_are_shown_as_such(memory: MemoryDisk) -> None:
    log = open_log(memory)
    fill(log, 3)
    one = log.size_bytes // 3
    memory.flip_bit(f"{FIRST}.log", 2 * one - 1, 0)
    memory.truncate(f"{FIRST}.log", 3 * one - 5)
    lines = list(render(memory, f"{FIRST}.log"))
    assert lines[2].endswith("'0.........'")
    assert lines[4].startswith("    damaged: record batch is corrupt")
    assert lines[5] == f"torn tail: {one - 5} bytes at {2 * one} (the file ends inside a batch)"


def test_indexes_and_snapshots(memory: MemoryDisk) -> None:
    log = open_log(memory, index_interval_bytes=100)
    fill(log, 5)
    log.append(numbered(3, 2), 0, at())
    log.close()
    assert list(render(memory, f"{FIRST}.index"))[1:] == ["offset 2  at 156", "offset 4  at 312"]
    assert list(render(memory, f"{FIRST}.timeindex"))[1:] == [
        "2023-11-14 22:13:20.002  up to offset 2",
        "2023-11-14 22:13:20.004  up to offset 4",
    ]
    snapshot = "orders-0/00000000000000000007.snapshot"
    assert list(render(memory, snapshot))[1:] == [
        "producer 7.0  sequence 3..4 at offset 5..6  last seen 2023-11-14 22:13:20.000"
    ]


def test_checkpoints(memory: MemoryDisk) -> None:
    memory.make_folder("orders-0")
    checkpoints.write_offsets(memory, checkpoints.HIGH_WATERMARKS, {("orders", 0): 12})
    checkpoints.write_epochs(memory, "orders-0", [(3, 7)])
    checkpoints.write_partition_metadata(memory, "orders-0", bytes(16))
    checkpoints.write_meta_properties(memory, MetaProperties("abc", 1, bytes(16)))
    assert list(render(memory, checkpoints.HIGH_WATERMARKS))[1:] == ["orders-0  high watermark 12"]
    assert list(render(memory, "orders-0/leader-epoch-checkpoint"))[1:] == ["epoch 3 from offset 7"]
    assert list(render(memory, "orders-0/partition.metadata"))[1:] == [
        "topic id AAAAAAAAAAAAAAAAAAAAAA"
    ]
    assert "node.id=1" in list(render(memory, "meta.properties"))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("00000000000000000000.index", b"12345", "no entries"),
        ("00000000000000000000.timeindex", b"12345", "no entries"),
        ("first.index", b"", "20 digits"),
        ("00000000000000000000.snapshot", b"12345", "too short"),
        ("recovery-point-offset-checkpoint", b"9\n0\n", "version 9"),
        ("picture.png", b"", "can be shown"),
    ],
)
def test_a_file_that_is_something_else_is_refused_in_one_line(
    memory: MemoryDisk, name: str, content: bytes, complaint: str
) -> None:
    memory.append(name, content)
    with pytest.raises(StorageError, match=complaint) as refused:
        list(render(memory, name))
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_this_machine(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path)
    fill(open_log(disk), 2)
    lines = list(dump(str(tmp_path / f"{FIRST}.log")))
    assert lines[0].startswith(f"{FIRST}.log")
    assert len(lines) == 5
    disk.close()
    with pytest.raises(StorageError, match="is not a file"):
        list(dump(str(tmp_path / "nothing")))


def test_times_and_bytes_as_people_read_them() -> None:
    assert time_text(-1) == "without a time"
    assert time_text(2**62) == f"{2**62} ms"
    assert bytes_text(None) == "null"
    assert bytes_text(b"") == "''"
    assert bytes_text("käse".encode()) == "'käse'"
    assert bytes_text(b"line\nbreak") == "0x6c696e650a627265616b"
    assert bytes_text(b"x" * 1000) == f"'{'x' * 120}'... (1,000 bytes)"
