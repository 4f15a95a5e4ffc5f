"""FetchSnapshot: read the file of a metadata snapshot, piece by piece (KIP-630).

A follower that fetches from below the leader's log start is told, in the Fetch response, which
snapshot to load instead. It then asks for that snapshot's bytes from position to position, and
fetches on from where the snapshot ends.
"""

from __future__ import annotations

from broker.wire.primitives import Buffer
from broker.wire.schema import (
    Message,
    array,
    int16,
    int32,
    int64,
    message,
    nested,
    record_set,
    string,
    struct,
    uint16,
    uuid,
)


@struct
class SnapshotId(Message):
    """Which snapshot: it stands for all records below `end_offset`."""

    end_offset: int = int64()
    epoch: int = int32()
    """The epoch of the last record that it stands for."""


# -- request --------------------------------------------------------------------------------------


@struct
class PartitionSnapshot(Message):
    """Which bytes of which snapshot."""

    partition: int = int32()
    current_leader_epoch: int = int32()
    """The leader epoch the follower knows, -1 for none."""
    snapshot_id: SnapshotId = nested(SnapshotId)
    position: int = int64()
    """From which byte on."""
    replica_directory_id: bytes = uuid(versions="1+", tag=0, ignorable=True)


@struct
class TopicSnapshot(Message):
    """The one topic of the quorum, `__cluster_metadata`."""

    name: str = string()
    partitions: list[PartitionSnapshot] = array(PartitionSnapshot)


@message(key=59, kind="request", versions="0-1", flexible="0+")
class FetchSnapshotRequest(Message):
    """Give me a piece of a snapshot.

    - 0: all but the following; flexible from the start (KIP-630)
    - 1: replica_directory_id, tagged (KIP-853)
    """

    cluster_id: str | None = string(nullable="0+", tag=0, default=None)
    replica_id: int = int32(default=-1)
    max_bytes: int = int32(default=0x7FFF_FFFF)
    topics: list[TopicSnapshot] = array(TopicSnapshot)


# -- response -------------------------------------------------------------------------------------


@struct
class LeaderIdAndEpoch(Message):
    """Who leads, as far as this node knows."""

    leader_id: int = int32()
    leader_epoch: int = int32()


@struct
class PartitionSnapshotResult(Message):
    """A piece of the snapshot."""

    index: int = int32()
    error_code: int = int16()
    """SNAPSHOT_NOT_FOUND if it was deleted meanwhile; POSITION_OUT_OF_RANGE beyond its end."""
    snapshot_id: SnapshotId = nested(SnapshotId)
    current_leader: LeaderIdAndEpoch = nested(LeaderIdAndEpoch, tag=0)
    size: int = int64()
    """How many bytes the whole snapshot has."""
    position: int = int64()
    """From which byte on these are."""
    unaligned_records: Buffer | None = record_set()
    """The bytes: they begin and end anywhere, in the middle of a batch as well."""


@struct
class TopicSnapshotResult(Message):
    """The pieces for one topic."""

    name: str = string()
    partitions: list[PartitionSnapshotResult] = array(PartitionSnapshotResult)


@struct
class NodeEndpoint(Message):
    """The address of a leader that `current_leader` names."""

    node_id: int = int32()
    host: str = string()
    port: int = uint16()


@message(key=59, kind="response", versions="0-1", flexible="0+")
class FetchSnapshotResponse(Message):
    """A piece of a snapshot.

    - 0: all but the following; flexible from the start (KIP-630)
    - 1: node_endpoints, tagged (KIP-853)
    """

    throttle_time_ms: int = int32(ignorable=True)
    error_code: int = int16()
    topics: list[TopicSnapshotResult] = array(TopicSnapshotResult)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="1+", tag=0)
