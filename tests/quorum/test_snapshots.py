"""Snapshots of the metadata: written, fetched piece by piece, and what they let go (KIP-630)."""

from __future__ import annotations

import pytest

from broker.log.disk import MemoryDisk
from broker.quorum.metadata_log import METADATA_FOLDER, Fit
from broker.quorum.quorum import Quorum
from broker.quorum.singletons import snapshot_response
from broker.quorum.snapshots import SnapshotId, file_name, parse_name
from broker.wire.errors import ErrorCode, InvariantError, StorageError
from broker.wire.messages.fetch import FetchRequest
from broker.wire.messages.fetch_snapshot import FetchSnapshotRequest, PartitionSnapshotResult
from broker.wire.messages.fetch_snapshot import LeaderIdAndEpoch as Leader
from broker.wire.messages.fetch_snapshot import SnapshotId as WireId
from broker.wire.records import ControlType, control_type, iter_batches, read_records
from tests.quorum.harness import World
from tests.quorum.stories import Node, feature, records


def alone(count: int = 5, **settings: int) -> Node:
    """A quorum of one, with some records: the log ends at count + 1."""
    node = Node(voters=(1,), **settings).sync()
    append(node, count)
    return node


def append(node: Node, count: int) -> None:
    for level in range(count):
        node.quorum.append([feature(level)], node.now)
    node.sync()


def snapshot(node: Node, offset: int, epoch: int = 1) -> SnapshotId:
    writer = node.quorum.begin_snapshot(offset, epoch, timestamp_ms=1234)
    assert writer is not None
    writer.append([feature(level) for level in range(offset)])
    writer.append([])
    writer.finish(node.now)
    return SnapshotId(offset, epoch)


def read_file(node: Node, snapshot_id: SnapshotId) -> bytes:
    path = f"{METADATA_FOLDER}/{file_name(snapshot_id)}"
    return node.disk.read(path, 0, node.disk.size(path))


def names(disk: MemoryDisk) -> list[str]:
    return [name for name in disk.list(METADATA_FOLDER) if "checkpoint" in name and "-0" in name]


# -- writing --------------------------------------------------------------------------------------


def test_a_snapshot_is_a_file_between_header_and_footer() -> None:
    node = alone()
    name = snapshot(node, 4)
    assert names(node.disk) == ["00000000000000000004-0000000001.checkpoint"]
    batches = [
        (header, read_records(batch)) for header, batch in iter_batches(read_file(node, name))
    ]
    kinds = [control_type(r[0].key) if header.is_control else -1 for header, r in batches]
    assert kinds == [ControlType.SNAPSHOT_HEADER, -1, ControlType.SNAPSHOT_FOOTER]
    assert [header.base_offset for header, _ in batches] == [0, 1, 5]
    assert {header.leader_epoch for header, _ in batches} == {1}
    assert list(node.quorum.read_snapshot(name)) == [tuple(feature(i) for i in range(4))]


def test_until_it_is_whole_it_is_called_a_part() -> None:
    node = alone()
    writer = node.quorum.begin_snapshot(4, 1, 0)
    assert writer is not None
    assert names(node.disk) == ["00000000000000000004-0000000001.checkpoint.part"]
    assert node.quorum.latest_snapshot is None
    node = node.again()
    assert names(node.disk) == [], "what was not finished goes at the next start"


def test_a_finished_snapshot_survives_the_loss_of_power() -> None:
    node = alone()
    snapshot(node, 4)
    assert node.again().quorum.latest_snapshot == SnapshotId(4, 1)


def test_a_snapshot_that_is_not_wanted_leaves_nothing() -> None:
    node = alone()
    writer = node.quorum.begin_snapshot(4, 1, 0)
    assert writer is not None
    writer.discard()
    assert names(node.disk) == []
    with pytest.raises(InvariantError):
        writer.append([feature(1)])


def test_a_snapshot_ends_at_a_committed_batch_of_the_log_and_beyond_the_last_one() -> None:
    node = alone()
    node.quorum.append([feature(1), feature(2)], node.now)
    assert node.quorum.begin_snapshot(8, 1, 0) is None, "not committed"
    node.sync()
    assert node.quorum.begin_snapshot(7, 1, 0) is None, "in the middle of a batch"
    assert node.quorum.begin_snapshot(8, 2, 0) is None, "not of this epoch"
    assert snapshot(node, 8) == node.quorum.latest_snapshot
    assert node.quorum.begin_snapshot(8, 1, 0) is None, "there is one"
    assert node.quorum.begin_snapshot(6, 1, 0) is None, "there is a newer one"


def test_names_are_kafkas() -> None:
    assert parse_name("00000000000000004711-0000000003.checkpoint") == SnapshotId(4711, 3)
    for other in ("4711-3.checkpoint", "00000000000000000000.log", "bootstrap.checkpoint", "x"):
        assert parse_name(other) is None


# -- what it lets go ------------------------------------------------------------------------------


def test_old_snapshots_go_and_the_records_before_the_next_one() -> None:
    """metadata.max.retention.bytes: the oldest go first, the newest stays."""
    node = alone(retention_bytes=0)
    snapshot(node, 2)
    assert node.quorum.log.log_start_offset == 0, "one alone is kept, and all records"
    snapshot(node, 4)
    assert names(node.disk) == ["00000000000000000004-0000000001.checkpoint"]
    assert node.quorum.log.log_start_offset == 4


def test_segments_before_the_oldest_snapshot_are_deleted() -> None:
    node = alone(count=20, retention_bytes=0, segment_bytes=300)
    before = len(node.quorum.log.segments)
    snapshot(node, 2)
    snapshot(node, 15)
    assert len(node.quorum.log.segments) < before
    node.wait(60_000)
    assert not [name for name in node.disk.list(METADATA_FOLDER) if name.endswith(".deleted")]
    node = node.again()
    assert node.quorum.snapshot_for(0) == SnapshotId(15, 1)


def test_snapshots_get_too_old() -> None:
    """metadata.max.retention.ms, counted from the last record that a snapshot stands for."""
    node = alone(retention_ms=60_000)
    snapshot(node, 2)
    snapshot(node, 4)
    assert len(names(node.disk)) == 1, "its time stamp is of 1970"


def test_whoever_has_nothing_begins_with_the_newest_snapshot() -> None:
    node = alone()
    assert node.quorum.snapshot_for(0) is None
    name = snapshot(node, 4)
    assert node.quorum.snapshot_for(0) == name
    assert node.quorum.snapshot_for(3) is None, "the records are there"
    assert [batch.last_offset for batch in node.quorum.committed_since(4)] == [4, 5]


def test_a_log_that_begins_late_without_a_snapshot_is_refused() -> None:
    node = alone(retention_bytes=0, segment_bytes=100)
    snapshot(node, 2)
    name = snapshot(node, 6)
    assert node.quorum.log.segments.first.base_offset > 0
    node.disk.delete(f"{METADATA_FOLDER}/{file_name(name)}")
    with pytest.raises(StorageError, match="no snapshot"):
        node.again(power_lost=False)


# -- where a follower stands ----------------------------------------------------------------------


def test_a_follower_below_the_log_is_given_a_snapshot() -> None:
    """The conditions are those of RaftLog.validateOffsetAndEpoch."""
    node = alone(retention_bytes=0)
    log = node.quorum.member.log
    assert log.fits(0, 0)[0] is Fit.VALID
    snapshot(node, 2)
    newest = snapshot(node, 4)
    assert log.fits(0, 0) == (Fit.SNAPSHOT, newest)
    assert log.fits(3, 1) == (Fit.SNAPSHOT, newest)
    assert log.fits(4, 0) == (Fit.SNAPSHOT, newest), "of another epoch than the snapshot"
    assert log.fits(4, 1)[0] is Fit.VALID
    assert log.fits(6, 1)[0] is Fit.VALID
    assert log.fits(9, 1) == (Fit.DIVERGING, log.end)


# -- fetching it ----------------------------------------------------------------------------------


def test_the_leader_hands_it_out_in_pieces() -> None:
    node = alone()
    name = snapshot(node, 4)
    whole, got = read_file(node, name), b""
    while len(got) < len(whole):
        piece = node.fetch_snapshot(2, 4, 1, position=len(got), max_bytes=50)
        assert (piece.size, piece.position) == (len(whole), len(got))
        got += bytes(piece.unaligned_records or b"")
    assert got == whole


@pytest.mark.parametrize(
    ("offset", "epoch", "position", "error"),
    [
        (3, 1, 0, ErrorCode.SNAPSHOT_NOT_FOUND),
        (4, 2, 0, ErrorCode.SNAPSHOT_NOT_FOUND),
        (4, 1, 1 << 20, ErrorCode.POSITION_OUT_OF_RANGE),
        (4, 1, -1, ErrorCode.POSITION_OUT_OF_RANGE),
    ],
)
def test_what_is_not_there_is_not_handed_out(
    offset: int, epoch: int, position: int, error: ErrorCode
) -> None:
    node = alone()
    snapshot(node, 4)
    assert node.fetch_snapshot(2, offset, epoch, position).error_code == error


def test_only_the_leader_hands_out_snapshots() -> None:
    answer = Node().follow(2, epoch=1).fetch_snapshot(3, 4, 1, 0)
    assert answer.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert answer.current_leader.leader_id == 2


def test_who_fetches_a_snapshot_hears_its_leader() -> None:
    """It counts for the check of the quorum as a fetch does."""
    node = Node().lead()
    append(node, 3)
    node.fetch(2, 4, 1)
    snapshot(node, 3)
    for _ in range(10):
        node.wait(500).fetch_snapshot(3, 3, 1, 0)
    assert node.quorum.is_leader


def give(node: Node, source: Node, name: SnapshotId, size: int = 100, spoil: bool = False) -> None:
    """Answer the node's FetchSnapshot requests until it asks for no more."""
    whole = bytearray(read_file(source, name))
    if spoil:
        whole[-10] ^= 1
    while True:
        asked = node.sent(FetchSnapshotRequest)
        if not asked:
            return
        position = asked[2].topics[0].partitions[0].position
        piece = PartitionSnapshotResult(
            snapshot_id=WireId(end_offset=name.offset, epoch=name.epoch),
            current_leader=Leader(leader_id=2, leader_epoch=node.quorum.epoch),
            size=len(whole),
            position=position,
            unaligned_records=bytes(whole[position : position + size]),
        )
        node.answer(2, snapshot_response(piece))


def test_a_follower_fetches_it_and_goes_on_from_its_end() -> None:
    source = alone()
    name = snapshot(source, 4)
    node = Node().follow(2, epoch=3)
    node.leader_says(snapshot=(4, 1))
    give(node, source, name)
    assert node.quorum.latest_snapshot == name
    assert (node.quorum.log.log_start_offset, node.end, node.quorum.high_watermark) == (4, 4, 4)
    assert read_file(node, name) == read_file(source, name)
    (request,) = node.sync().sent(FetchRequest).values()
    partition = request.topics[0].partitions[0]
    assert (partition.fetch_offset, partition.last_fetched_epoch) == (4, 1)
    node = node.again()
    assert (node.end, node.quorum.high_watermark, node.quorum.latest_snapshot) == (4, 4, name)


def test_what_it_had_itself_gives_way_to_the_snapshot() -> None:
    source = alone()
    name = snapshot(source, 4)
    node = Node().follow(2, epoch=1)
    node.leader_says(records(0, 2, epoch=1), high_watermark=2).sync()
    node.leader_says(snapshot=(4, 1))
    give(node, source, name)
    assert node.quorum.snapshot_for(2) == name
    assert node.end == 4


def test_a_damaged_snapshot_is_not_taken() -> None:
    source = alone()
    name = snapshot(source, 4)
    node = Node().follow(2, epoch=1)
    node.leader_says(snapshot=(4, 1))
    give(node, source, name, spoil=True)
    assert node.quorum.latest_snapshot is None
    assert node.end == 0
    assert node.sent(FetchRequest), "it begins again"
    assert names(node.disk) == []


def test_a_snapshot_that_is_gone_at_the_leader_is_given_up() -> None:
    node = Node().follow(2, epoch=1)
    node.leader_says(snapshot=(4, 1))
    gone = PartitionSnapshotResult(
        error_code=ErrorCode.SNAPSHOT_NOT_FOUND,
        snapshot_id=WireId(end_offset=-1, epoch=-1),
        current_leader=Leader(leader_id=2, leader_epoch=1),
        unaligned_records=b"",
    )
    node.sent(FetchSnapshotRequest)
    node.answer(2, snapshot_response(gone))
    assert node.sent(FetchRequest), "the next answer names a newer one"


def test_a_new_leader_ends_the_fetching_of_the_old_ones_snapshot() -> None:
    node = Node().follow(2, epoch=1)
    node.leader_says(snapshot=(4, 1))
    node.follow(3, epoch=2)
    assert names(node.disk) == []
    assert list(node.sent(FetchRequest)) == [3]


def test_a_crash_between_the_snapshot_and_the_cut_is_mended() -> None:
    """KafkaRaftLog: "the follower crashes after downloading a snapshot but before it could
    truncate the log fully"."""
    source = alone()
    name = snapshot(source, 4)
    node = Node().follow(2, epoch=1)
    node.disk.append(f"{METADATA_FOLDER}/{file_name(name)}", read_file(source, name))
    node.disk.sync([f"{METADATA_FOLDER}/{file_name(name)}", METADATA_FOLDER])
    node = node.again()
    assert (node.quorum.log.log_start_offset, node.end) == (4, 4)


def test_a_node_that_was_away_for_10_000_records_catches_up_from_a_snapshot() -> None:
    world = World(settings={"retention_bytes": 0, "segment_bytes": 100_000}).start()
    world.settle()
    away = world.hosts[3] if world.leader is not world.hosts[3] else world.hosts[2]
    away.crash()
    for _ in range(100):
        world.propose(count=100)
        world.run(100_000)
    leader = world.leader
    assert leader is not None
    assert isinstance(leader.quorum, Quorum)
    world.snapshot(leader)
    world.propose(count=100)
    world.run(100_000)
    world.snapshot(leader)
    assert leader.quorum.log.log_start_offset > 10_000
    away.start()
    world.settle()
    assert away.quorum is not None
    assert away.quorum.log.log_start_offset > 10_000
    assert away.values == leader.values == list(range(10_100))
