"""Telling a client where the leader went (KIP-951), so that it need not ask for Metadata first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from broker.metadata.image import ClusterImage
from broker.wire.errors import ErrorCode

_MOVED = frozenset({ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH})
UNKNOWN_LEADER = (-1, -1)

_Endpoint = TypeVar("_Endpoint")


def current_leader(
    image: ClusterImage, topic: str | None, index: int, code: int
) -> tuple[int, int]:
    """Leader id and leader epoch, where the error means that the client asked the wrong broker."""
    if code not in _MOVED or topic is None:
        return UNKNOWN_LEADER
    partition = image.partition(topic, index)
    return UNKNOWN_LEADER if partition is None else (partition.leader, partition.leader_epoch)


def addresses(
    image: ClusterImage, leaders: Iterable[int], endpoint: Callable[..., _Endpoint]
) -> list[_Endpoint]:
    """Where the leaders listen that an answer names: each once, as far as they live.

    Without an address a client would have to ask for Metadata all the same.
    """
    brokers = [image.brokers.get(leader) for leader in dict.fromkeys(leaders)]
    return [
        endpoint(node_id=broker.broker_id, host=broker.host, port=broker.port, rack=broker.rack)
        for broker in brokers
        if broker is not None and not broker.fenced
    ]
