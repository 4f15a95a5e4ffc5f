"""Telling a client where the leader went (KIP-951), so that it need not ask for Metadata first."""

from __future__ import annotations

from broker.metadata.image import ClusterImage
from broker.wire.errors import ErrorCode

_MOVED = frozenset({ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH})
UNKNOWN_LEADER = (-1, -1)


def current_leader(
    image: ClusterImage, topic: str | None, index: int, code: int
) -> tuple[int, int]:
    """Leader id and leader epoch, where the error means that the client asked the wrong broker."""
    if code not in _MOVED or topic is None:
        return UNKNOWN_LEADER
    partition = image.partition(topic, index)
    return UNKNOWN_LEADER if partition is None else (partition.leader, partition.leader_epoch)
