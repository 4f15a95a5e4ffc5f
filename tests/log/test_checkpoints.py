"""The small files of a data directory: Kafka's formats to the byte, replaced as a whole, and
refused where they make no sense."""

from __future__ import annotations

from random import Random

import pytest

from broker.log import checkpoints
from broker.log.checkpoints import MetaProperties
from broker.log.disk import Disk, MemoryDisk
from broker.wire.errors import StorageError

TOPIC_ID = bytes(15) + b"\x07"


def text(disk: Disk, path: str) -> str:
    return disk.read(path, 0, 9999).decode()


def test_a_checkpoint_of_offsets(disk: Disk) -> None:
    offsets = {("orders", 1): 368, ("page-views", 0): 0}
    checkpoints.write_offsets(disk, checkpoints.RECOVERY_POINTS, offsets)
    assert text(disk, "recovery-point-offset-checkpoint") == (
        "0\n2\norders 1 368\npage-views 0 0\n"
    )
    assert checkpoints.read_offsets(disk, checkpoints.RECOVERY_POINTS) == offsets


def test_a_checkpoint_that_is_not_there_or_empty_holds_nothing(disk: Disk) -> None:
    assert checkpoints.read_offsets(disk, checkpoints.HIGH_WATERMARKS) == {}
    disk.append(checkpoints.HIGH_WATERMARKS, b"")
    assert checkpoints.read_offsets(disk, checkpoints.HIGH_WATERMARKS) == {}


def test_leader_epochs(disk: Disk) -> None:
    disk.make_folder("orders-0")
    checkpoints.write_epochs(disk, "orders-0", [(0, 0), (3, 120)])
    assert text(disk, "orders-0/leader-epoch-checkpoint") == "0\n2\n0 0\n3 120\n"
    assert checkpoints.read_epochs(disk, "orders-0") == [(0, 0), (3, 120)]


def test_whose_folder_it_is(disk: Disk) -> None:
    disk.make_folder("orders-0")
    assert checkpoints.read_partition_metadata(disk, "orders-0") is None
    checkpoints.write_partition_metadata(disk, "orders-0", TOPIC_ID)
    assert text(disk, "orders-0/partition.metadata") == (
        "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABw"
    )
    assert checkpoints.read_partition_metadata(disk, "orders-0") == TOPIC_ID


def test_whose_directory_it_is(disk: Disk) -> None:
    assert checkpoints.read_meta_properties(disk) is None
    owner = MetaProperties("AAAAAAAAAAAAAAAAAAAAAQ", 3, TOPIC_ID)
    checkpoints.write_meta_properties(disk, owner)
    assert checkpoints.read_meta_properties(disk) == owner


def test_the_properties_that_kafka_writes_can_be_read(disk: Disk) -> None:
    disk.append(
        "meta.properties",
        b"#\n#Sun Nov 22 18:29:01 UTC 2026\ncluster.id=abc\ndirectory.id=AAAAAAAAAAAAAAAAAAAABw\n"
        b"node.id=1\nversion=1\n",
    )
    assert checkpoints.read_meta_properties(disk) == MetaProperties("abc", 1, TOPIC_ID)


def test_the_mark_of_a_clean_shutdown(disk: Disk) -> None:
    assert checkpoints.read_clean_shutdown(disk) is None
    checkpoints.write_clean_shutdown(disk, 42)
    assert text(disk, ".kafka_cleanshutdown") == '{"version":0,"brokerEpoch":42}'
    assert checkpoints.read_clean_shutdown(disk) == 42
    checkpoints.remove_clean_shutdown(disk)
    checkpoints.remove_clean_shutdown(disk)
    assert checkpoints.read_clean_shutdown(disk) is None


def test_an_empty_mark_is_a_mark(disk: Disk) -> None:
    """Kafka only asks whether the file is there."""
    disk.append(".kafka_cleanshutdown", b"")
    assert checkpoints.read_clean_shutdown(disk) == -1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"1\n0\n", "line 1: version 1"),
        (b"zero\n0\n", "line 1: 'zero' is not a number"),
        (b"0\n2\norders 0 5\n", "line 2: 2 entries announced, 1 found"),
        (b"0\n1\norders 0\n", "line 3: 'orders 0' is malformed"),
        (b"0\n2\na 0 1\nb 0 x\n", "line 4: 'x' is not a number"),
        (b"0\n1\n\xff\xfe 0 1\n", "is not text"),
    ],
)
def test_a_malformed_checkpoint_is_refused_by_name_and_line(
    disk: Disk, content: bytes, complaint: str
) -> None:
    disk.append(checkpoints.RECOVERY_POINTS, content)
    with pytest.raises(StorageError, match=complaint) as refused:
        checkpoints.read_offsets(disk, checkpoints.RECOVERY_POINTS)
    assert checkpoints.RECOVERY_POINTS in str(refused.value)


@pytest.mark.parametrize(
    "content",
    ["version=0\n", "version=1\nnode.id=1\n", "version=1\ncluster.id=a\nnode.id=x\n", "nonsense\n"],
)
def test_malformed_properties_are_refused(disk: Disk, content: str) -> None:
    disk.append("meta.properties", content.encode())
    with pytest.raises(StorageError, match=r"meta\.properties"):
        checkpoints.read_meta_properties(disk)


@pytest.mark.parametrize("content", ["version: 1\n", "version: 0\ntopic_id: short\n", "x"])
def test_malformed_partition_metadata_is_refused(disk: Disk, content: str) -> None:
    disk.make_folder("orders-0")
    disk.append("orders-0/partition.metadata", content.encode())
    with pytest.raises(StorageError, match=r"partition\.metadata"):
        checkpoints.read_partition_metadata(disk, "orders-0")


def test_a_checkpoint_is_old_or_new_after_a_power_loss_and_never_half() -> None:
    old, new = {("orders", 0): 5}, {("orders", n): 10 + n for n in range(20)}
    found = []
    for seed in range(60):
        disk = MemoryDisk()
        checkpoints.write_offsets(disk, "checkpoint", old)
        disk.append("checkpoint.tmp", b"0\n20\norders 0 1")
        random = Random(seed)
        if random.random() < 0.5:
            checkpoints.write_offsets(disk, "checkpoint", new)
            disk.power_loss(random)
            assert checkpoints.read_offsets(disk, "checkpoint") == new
        else:
            disk.power_loss(random)
            found.append(checkpoints.read_offsets(disk, "checkpoint"))
    assert all(offsets == old for offsets in found)


def test_a_failed_replacement_leaves_the_old_one(memory: MemoryDisk) -> None:
    checkpoints.write_offsets(memory, "checkpoint", {("orders", 0): 1})
    for operation in ("append", "sync"):
        memory.fail_next(operation)
        with pytest.raises(StorageError):
            checkpoints.write_offsets(memory, "checkpoint", {("orders", 0): 2})
        assert checkpoints.read_offsets(memory, "checkpoint") == {("orders", 0): 1}
