"""Which brokers hold a new partition's replicas.

Replicas go round the live brokers in a ring: the first replica, which becomes the leader, moves on
by one with every partition, so that leaders spread evenly, and the others follow it on the ring.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.wire.errors import ApiError, ErrorCode


def place(
    brokers: Sequence[int], partitions: int, replication_factor: int, start: int = 0
) -> list[list[int]]:
    """The replicas of each new partition, preferred leader first.

    `start` turns the ring, so that small topics do not all begin on the same broker.

    >>> place([1, 2, 3], partitions=3, replication_factor=2)
    [[1, 2], [2, 3], [3, 1]]

    Raises INVALID_REPLICATION_FACTOR where there are fewer brokers than replicas.
    """
    if not brokers:
        raise _impossible(replication_factor, "all brokers are fenced or in controlled shutdown.")
    if replication_factor > len(brokers):
        raise _impossible(
            replication_factor,
            f"the target replication factor of {replication_factor} cannot be reached because "
            f"only {len(brokers)} broker(s) are registered.",
        )
    count = len(brokers)
    return [
        [brokers[(start + index + i) % count] for i in range(replication_factor)]
        for index in range(partitions)
    ]


def _impossible(replication_factor: int, why: str) -> ApiError:
    return ApiError(
        ErrorCode.INVALID_REPLICATION_FACTOR,
        f"Unable to replicate the partition {replication_factor} time(s): {why}",
    )
