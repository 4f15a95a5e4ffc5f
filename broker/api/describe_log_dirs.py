"""DescribeLogDirs (35): which replicas a broker has on its disk, and how large they are (KIP-113).

There is one directory. How much room its volume has left is not told (-1): only the host of this
state machine knows, and tools cope.

1   sizes and lags                3   an error for the whole (KIP-784)
4   room on the volume (KIP-827)  5   directories that get no new replicas (KIP-1066)
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)


def handle(
    broker: Broker, request: RequestArrived, body: DescribeLogDirsRequest, now: Now
) -> DescribeLogDirsResponse:
    """The logs that were asked for, as far as they are here; or all."""
    wanted = None
    if body.topics is not None:
        wanted = {(topic.topic, index) for topic in body.topics for index in topic.partitions}
    topics: dict[str, list[DescribeLogDirsPartition]] = {}
    for (topic, index), partition in sorted(broker.replicas.partitions.items()):
        if not partition.offline and (wanted is None or (topic, index) in wanted):
            lag = partition.high_watermark - partition.log.log_end_offset
            told = DescribeLogDirsPartition(
                partition_index=index,
                partition_size=partition.log.size_bytes,
                offset_lag=max(0, lag),
            )
            topics.setdefault(topic, []).append(told)
    result = DescribeLogDirsResult(
        log_dir=broker.config.log_dir,
        topics=[
            DescribeLogDirsTopic(name=name, partitions=partitions)
            for name, partitions in topics.items()
        ],
    )
    return DescribeLogDirsResponse(results=[result])
