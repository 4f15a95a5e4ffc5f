"""OffsetForLeaderEpoch: where does this leader epoch end in your log?

Whoever has read under an old leader asks the new one how far the two agree (KIP-101, KIP-320). A
follower truncates there, a consumer learns that what it had read is gone. Since Fetch itself tells
of divergence (KIP-595) followers seldom need it.
"""

from __future__ import annotations

from broker.wire.schema import Message, array, int16, int32, int64, message, string, struct

# -- request --------------------------------------------------------------------------------------


@struct
class OffsetForLeaderPartition(Message):
    """The epoch whose end is wanted."""

    partition: int = int32()
    current_leader_epoch: int = int32(default=-1, ignorable=True)
    """The leader epoch the client knows: the leader refuses if its own is older or newer."""
    leader_epoch: int = int32()


@struct
class OffsetForLeaderTopic(Message):
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[OffsetForLeaderPartition] = array(OffsetForLeaderPartition)


@message(key=23, kind="request", versions="2-4", flexible="4+")
class OffsetForLeaderEpochRequest(Message):
    """Where do these epochs end?

    - 2: current_leader_epoch (KIP-320)
    - 3: replica_id
    - 4: flexible (KIP-482)
    """

    replica_id: int = int32(versions="3+", default=-2, ignorable=True)
    """The follower's id, or -1 for a consumer. The default, -2, is a debugger: it may see what is
    above the high watermark."""
    topics: list[OffsetForLeaderTopic] = array(OffsetForLeaderTopic)


# -- response -------------------------------------------------------------------------------------


@struct
class EpochEndOffset(Message):
    """The end of the largest epoch that is not above the one asked for."""

    error_code: int = int16()
    partition: int = int32()
    leader_epoch: int = int32(default=-1, ignorable=True)
    end_offset: int = int64(default=-1)


@struct
class OffsetForLeaderTopicResult(Message):
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[EpochEndOffset] = array(EpochEndOffset)


@message(key=23, kind="response", versions="2-4", flexible="4+")
class OffsetForLeaderEpochResponse(Message):
    """Where they end.

    - 2: leader_epoch and throttle_time_ms
    - 3: as 2
    - 4: flexible (KIP-482)
    """

    throttle_time_ms: int = int32(ignorable=True)
    topics: list[OffsetForLeaderTopicResult] = array(OffsetForLeaderTopicResult)
