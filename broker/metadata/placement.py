"""Which brokers hold a new partition's replicas.

Two things must hold: no broker has two replicas of a partition, and a broker that is fenced leads
none. Three things should: leaders spread evenly over the brokers, the replicas of a partition over
the racks, and what a broker leads is not all followed by the same others, which would have to take
over all of it when that one dies.

    racks A: 1 2, B: 3 4, C: 5 6          the brokers in stripes across the racks: 1 3 5 2 4 6
    partition 0: 1 3 5                    each is led by the next in that order...
    partition 1: 3 6 2                    ...and followed from rack to rack, round and round
    partition 2: 5 1 3

Kafka's `StripedReplicaPlacer` does the same and begins at random. This one begins where it is told
to: a topic's place in a cluster is then no matter of luck, and a lesson knows where to look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from math import lcm
from typing import NamedTuple, TypeVar

from broker.wire.errors import ApiError, ErrorCode


class Usable(NamedTuple):
    """A broker that may hold replicas."""

    broker_id: int
    rack: str | None = None
    fenced: bool = False


def place(
    brokers: Sequence[Usable], partitions: int, replication_factor: int, start: int = 0
) -> list[list[int]]:
    """The replicas of each new partition, preferred leader first.

    `start` turns the ring, so that small topics do not all begin on the same broker.

    >>> place([Usable(1), Usable(2), Usable(3)], partitions=3, replication_factor=2)
    [[1, 2], [2, 3], [3, 1]]

    Raises INVALID_REPLICATION_FACTOR where there are fewer brokers than replicas.
    """
    _check(brokers, replication_factor)
    racks: dict[str, list[Usable]] = {}
    for broker in sorted(brokers, key=lambda broker: (broker.rack or "", broker.broker_id)):
        racks.setdefault(broker.rack or "", []).append(broker)
    stripes = zip_longest(*([b for b in rack if not b.fenced] for rack in racks.values()))
    leaders = [broker for stripe in stripes for broker in stripe if broker is not None]
    # All rings are back at their beginning after so many rounds.
    rounds = lcm(*(max(1, size - gone) for size in map(len, racks.values()) for gone in (0, 1)))
    rounds = lcm(rounds, max(1, len(racks) - 1))
    known: dict[tuple[int, int], list[int]] = {}
    placed = []
    for turn in range(start, start + partitions):
        at = (turn % len(leaders), turn // len(leaders) % rounds)
        if at not in known:
            known[at] = list(_replicas(racks, leaders, *at, replication_factor))
        placed.append(known[at])
    return placed


def _replicas(
    racks: dict[str, list[Usable]], leaders: list[Usable], at: int, round_: int, count: int
) -> Iterator[int]:
    """One partition's replicas: those of the leader at a place in the ring, in a certain round."""
    leader = leaders[at]
    yield leader.broker_id
    names = list(racks)
    home = names.index(leader.rack or "")
    others = _turned(names[home + 1 :] + names[:home], round_)
    queues = [deque(_ready_first(_turned(racks[name], at + round_))) for name in others]
    neighbours = racks[names[home]]
    own = neighbours.index(leader)
    neighbours = _turned(neighbours[own + 1 :] + neighbours[:own], round_)
    queues.append(deque(_ready_first(neighbours)))
    while count > 1:
        for queue in queues:
            if queue and count > 1:
                yield queue.popleft().broker_id
                count -= 1


_T = TypeVar("_T")


def _turned(ring: list[_T], by: int) -> list[_T]:
    at = by % len(ring) if ring else 0
    return ring[at:] + ring[:at]


def _ready_first(brokers: list[Usable]) -> list[Usable]:
    """A broker that is fenced is taken only where no other is left."""
    return sorted(brokers, key=lambda broker: broker.fenced)


def _check(brokers: Sequence[Usable], replication_factor: int) -> None:
    why = ""
    if replication_factor <= 0:
        why = "the replication factor must be positive."
    elif all(broker.fenced for broker in brokers):
        why = "All brokers are currently fenced, or have all their log directories cordoned."
    elif replication_factor > len(brokers):
        why = (
            f"The target replication factor of {replication_factor} cannot be reached because only"
            f" {len(brokers)} broker(s) are registered or some brokers have all their log"
            " directories cordoned."
        )
    if why:
        raise ApiError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {replication_factor} time(s): {why}",
        )
