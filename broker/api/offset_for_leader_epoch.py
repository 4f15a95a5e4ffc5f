"""OffsetForLeaderEpoch (23): where does this leader epoch end in your log?

    2   the client's own idea of the current epoch is held against ours (KIP-320)

A consumer asks after an election how far what it has read is still there; followers seldom ask,
since Fetch tells them of a divergence itself. Only the leader answers. The largest epoch that is
not above the one asked for comes with its end; -1 for both where ours know none as new as that.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)


def handle(
    broker: Broker, request: RequestArrived, body: OffsetForLeaderEpochRequest, now: Now
) -> OffsetForLeaderEpochResponse:
    """Look each epoch up."""
    return OffsetForLeaderEpochResponse(
        topics=[
            OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=[_end(broker, topic.topic, asked, now) for asked in topic.partitions],
            )
            for topic in body.topics
        ]
    )


def _end(broker: Broker, topic: str, asked: OffsetForLeaderPartition, now: Now) -> EpochEndOffset:
    index = asked.partition
    try:
        partition = broker.replicas.find(topic, index, now)
        partition.check_leader(asked.current_leader_epoch)
    except ApiError as error:
        return EpochEndOffset(error_code=error.code, partition=index)
    epoch, end = partition.log.end_offset_for_epoch(asked.leader_epoch)
    return EpochEndOffset(
        error_code=ErrorCode.NONE, partition=index, leader_epoch=epoch, end_offset=end
    )
