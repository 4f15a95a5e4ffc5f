"""Moving a partition from some brokers to others (KIP-455), as arithmetic on lists of brokers.

A partition that moves has, for a while, the replicas of both ends:

    replicas [1, 2, 3]                 it is to live on [2, 3, 4]
    replicas [2, 3, 4, 1]  adding [4]  removing [1]
    replicas [2, 3, 4]                 as soon as 4 is in sync

(Kafka's `PartitionReassignmentReplicas` and `PartitionReassignmentRevert`.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from broker.metadata.registrations import PartitionImage
from broker.wire.errors import ApiError, ErrorCode


class Reassignment(NamedTuple):
    """A partition on its way: the replicas of both ends, and which of them are new, or go."""

    replicas: list[int]
    adding: list[int]
    removing: list[int]


def towards(current: Sequence[int], target: Sequence[int]) -> Reassignment:
    """The way from one list of replicas to another.

    >>> towards([1, 2, 3], [2, 3, 4])
    Reassignment(replicas=[2, 3, 4, 1], adding=[4], removing=[1])
    """
    removing = sorted(set(current) - set(target))
    adding = sorted(set(target) - set(current))
    return Reassignment([*target, *removing], adding, removing)


def completed(
    replicas: Sequence[int], adding: Sequence[int], removing: Sequence[int], isr: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The replicas and the ISR at the end of the way; None if there is none, or not yet.

    All that are added must be in sync: a new broker may be unwell. And where the partition gets
    fewer replicas, all that remain must be, or completing would shrink the ISR for nothing.

    >>> completed([2, 3, 4, 1], [4], [1], isr=[1, 2])
    >>> completed([2, 3, 4, 1], [4], [1], isr=[1, 2, 4])
    ((2, 3, 4), (2, 4))
    """
    if not adding and not removing:
        return None
    staying = tuple(replica for replica in replicas if replica not in removing)
    in_sync = tuple(replica for replica in isr if replica not in removing)
    if not staying or (removing and not in_sync) or not set(adding) <= set(in_sync):
        return None
    if len(adding) < len(removing) and not set(staying) <= set(in_sync):
        return None
    return staying, in_sync


class Revert(NamedTuple):
    """What a partition goes back to, when its reassignment is cancelled."""

    replicas: list[int]
    isr: list[int]
    unclean: bool
    """Only new replicas are in sync: going back may lose records."""


def reverted(partition: PartitionImage) -> Revert:
    """Back to the replicas from before the reassignment."""
    replicas = [replica for replica in partition.replicas if replica not in partition.adding]
    isr = [replica for replica in partition.isr if replica not in partition.adding]
    if isr:
        return Revert(replicas, isr, unclean=False)
    if not replicas:
        raise ApiError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Invalid replica assignment: addingReplicas contains all replicas.",
        )
    return Revert(replicas, [replicas[0]], unclean=True)
