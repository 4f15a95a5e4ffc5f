"""Vote: shall I lead the metadata quorum? (Raft's RequestVote, KIP-595.)

A voter that has heard from no leader for a while asks the others. Each gives its vote once in an
epoch, and only to a log that is at least as long as its own, so whoever gets a majority has every
committed record.

Before it raises the epoch it asks whether it *would* be elected (the pre-vote of KIP-996): a voter
behind a broken link then does not disturb a leader that all the others hear well.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
    uint16,
    uuid,
)

# -- request --------------------------------------------------------------------------------------


@struct
class PartitionData(Message):
    """Who asks, for which epoch, and how far its log goes."""

    partition_index: int = int32()
    replica_epoch: int = int32()
    """The epoch the candidate would lead; in a pre-vote, the epoch it is in."""
    replica_id: int = int32()
    replica_directory_id: bytes = uuid(versions="1+", ignorable=True)
    voter_directory_id: bytes = uuid(versions="1+", ignorable=True)
    """The disk of the voter that is asked: with another disk it would be another voter."""
    last_offset_epoch: int = int32()
    """The epoch of the last record in the candidate's log."""
    last_offset: int = int64()
    """Where that log ends."""
    pre_vote: bool = boolean(versions="2+")


@struct
class TopicData(Message):
    """The one topic of the quorum, `__cluster_metadata`."""

    topic_name: str = string()
    partitions: list[PartitionData] = array(PartitionData)


@message(key=52, kind="request", versions="0-2", flexible="0+")
class VoteRequest(Message):
    """Vote for me.

    - 0: all but the following; flexible from the start (KIP-595)
    - 1: voter_id and the directory ids (KIP-853)
    - 2: pre_vote (KIP-996)
    """

    cluster_id: str | None = string(nullable="0+", default=None)
    voter_id: int = int32(versions="1+", default=-1, ignorable=True)
    """Who is asked."""
    topics: list[TopicData] = array(TopicData)


# -- response -------------------------------------------------------------------------------------


@struct
class PartitionResult(Message):
    """The vote, and who leads as far as the voter knows."""

    partition_index: int = int32()
    error_code: int = int16()
    leader_id: int = int32()
    """-1 for none."""
    leader_epoch: int = int32()
    """The voter's epoch: a candidate that sees a higher one than its own gives up."""
    vote_granted: bool = boolean()


@struct
class TopicResult(Message):
    """The votes for one topic."""

    topic_name: str = string()
    partitions: list[PartitionResult] = array(PartitionResult)


@struct
class NodeEndpoint(Message):
    """The address of a leader that `leader_id` names."""

    node_id: int = int32()
    host: str = string()
    port: int = uint16()


@message(key=52, kind="response", versions="0-2", flexible="0+")
class VoteResponse(Message):
    """Yes or no.

    - 0: all but the following; flexible from the start (KIP-595)
    - 1: node_endpoints, tagged (KIP-853)
    - 2: as 1
    """

    error_code: int = int16()
    topics: list[TopicResult] = array(TopicResult)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="1+", tag=0)
