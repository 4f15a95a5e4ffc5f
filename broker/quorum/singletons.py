"""The quorum's messages name topics and partitions in lists; there is one topic, one partition.

Here they are wrapped, and looked for. A request about anything else is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from broker.quorum.metadata_log import METADATA_TOPIC, METADATA_TOPIC_ID
from broker.wire.errors import ErrorCode
from broker.wire.messages import (
    begin_quorum_epoch,
    describe_quorum,
    end_quorum_epoch,
    fetch,
    fetch_snapshot,
    vote,
)

_P = TypeVar("_P", covariant=True)


class _Topic(Protocol[_P]):
    @property
    def topic_name(self) -> str: ...
    @property
    def partitions(self) -> Sequence[_P]: ...


def partition_of(topics: Sequence[_Topic[_P]]) -> _P | None:
    """The metadata partition, if a message is about it and nothing else."""
    if len(topics) != 1 or topics[0].topic_name != METADATA_TOPIC:
        return None
    partitions = topics[0].partitions
    return partitions[0] if len(partitions) == 1 else None


def fetch_partition(request: fetch.FetchRequest) -> fetch.FetchPartition | None:
    """The same for a fetch, which names topics by their ids."""
    topics = request.topics
    if len(topics) != 1 or topics[0].topic_id != METADATA_TOPIC_ID:
        return None
    partitions = topics[0].partitions
    return partitions[0] if len(partitions) == 1 and partitions[0].partition == 0 else None


def fetched_partition(response: fetch.FetchResponse) -> fetch.PartitionData | None:
    """The same for the answer to a fetch."""
    topics = response.responses
    if len(topics) != 1 or topics[0].topic_id != METADATA_TOPIC_ID:
        return None
    return topics[0].partitions[0] if len(topics[0].partitions) == 1 else None


def snapshot_partition(
    request: fetch_snapshot.FetchSnapshotRequest,
) -> fetch_snapshot.PartitionSnapshot | None:
    """The same for a piece of a snapshot that is asked for."""
    topics = request.topics
    if len(topics) != 1 or topics[0].name != METADATA_TOPIC:
        return None
    return topics[0].partitions[0] if len(topics[0].partitions) == 1 else None


def snapshot_piece(
    response: fetch_snapshot.FetchSnapshotResponse,
) -> fetch_snapshot.PartitionSnapshotResult | None:
    """The same for a piece of a snapshot."""
    topics = response.topics
    if len(topics) != 1 or topics[0].name != METADATA_TOPIC:
        return None
    return topics[0].partitions[0] if len(topics[0].partitions) == 1 else None


# -- answers ---------------------------------------------------------------------------------------


def vote_response(error: ErrorCode, leader_id: int, epoch: int, granted: bool) -> vote.VoteResponse:
    """The answer of a voter."""
    result = vote.PartitionResult(
        error_code=error, leader_id=leader_id, leader_epoch=epoch, vote_granted=granted
    )
    topic = vote.TopicResult(topic_name=METADATA_TOPIC, partitions=[result])
    return vote.VoteResponse(topics=[topic])


def begin_response(
    error: ErrorCode, leader_id: int, epoch: int
) -> begin_quorum_epoch.BeginQuorumEpochResponse:
    """The answer to a new leader."""
    result = begin_quorum_epoch.PartitionResult(
        error_code=error, leader_id=leader_id, leader_epoch=epoch
    )
    topic = begin_quorum_epoch.TopicResult(topic_name=METADATA_TOPIC, partitions=[result])
    return begin_quorum_epoch.BeginQuorumEpochResponse(topics=[topic])


def end_response(
    error: ErrorCode, leader_id: int, epoch: int
) -> end_quorum_epoch.EndQuorumEpochResponse:
    """The answer to a leader that resigns."""
    result = end_quorum_epoch.PartitionResult(
        error_code=error, leader_id=leader_id, leader_epoch=epoch
    )
    topic = end_quorum_epoch.TopicResult(topic_name=METADATA_TOPIC, partitions=[result])
    return end_quorum_epoch.EndQuorumEpochResponse(topics=[topic])


def fetch_response(partition: fetch.PartitionData) -> fetch.FetchResponse:
    """The answer to a fetch."""
    topic = fetch.FetchableTopicResponse(
        topic=METADATA_TOPIC, topic_id=METADATA_TOPIC_ID, partitions=[partition]
    )
    return fetch.FetchResponse(responses=[topic])


def refused_fetch(error: ErrorCode, leader_id: int, epoch: int) -> fetch.FetchResponse:
    """No fetch: ask the leader, if one is named."""
    return fetch_response(
        fetch.PartitionData(
            error_code=error,
            high_watermark=-1,
            log_start_offset=-1,
            current_leader=fetch.LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=epoch),
            aborted_transactions=[],
            records=b"",
        )
    )


def snapshot_response(
    partition: fetch_snapshot.PartitionSnapshotResult,
) -> fetch_snapshot.FetchSnapshotResponse:
    """A piece of a snapshot, or why there is none."""
    topic = fetch_snapshot.TopicSnapshotResult(name=METADATA_TOPIC, partitions=[partition])
    return fetch_snapshot.FetchSnapshotResponse(topics=[topic])


def describe_response(
    partition: describe_quorum.PartitionResult, nodes: Sequence[describe_quorum.Node] = ()
) -> describe_quorum.DescribeQuorumResponse:
    """What the leader knows of the quorum."""
    topic = describe_quorum.TopicResult(topic_name=METADATA_TOPIC, partitions=[partition])
    return describe_quorum.DescribeQuorumResponse(topics=[topic], nodes=list(nodes))
