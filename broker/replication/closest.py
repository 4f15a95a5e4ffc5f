"""Which replica should a consumer read from? The closest one, where the cluster is told to say so.

A consumer that names its rack is sent to a replica in that rack (KIP-392,
`RackAwareReplicaSelector`): it reads what is committed there, a little later than at the leader,
and no byte crosses to another rack. Only replicas in sync are named, and only if they have the
offset: a laggard would let its readers fall behind further and further.
"""

from __future__ import annotations

from broker.events import Now
from broker.replication.partition import Partition

RACK_AWARE = "RackAwareReplicaSelector"


def closest_replica(partition: Partition, rack: str, offset: int, now: Now) -> int | None:
    """The replica in a rack that a consumer should read from; None: right here, at the leader."""
    around = partition.around
    selector = around.config.replica_selector_class
    if not selector or not selector.endswith(RACK_AWARE) or not rack or not partition.is_leader:
        return None
    own = around.image.brokers.get(partition.broker_id)
    if own is not None and own.rack == rack:
        return None
    best: tuple[int, int, int] | None = None
    for broker_id, follower in partition.followers.items():
        broker = around.image.brokers.get(broker_id)
        if (
            broker is not None
            and broker.rack == rack
            and not broker.fenced
            and broker_id in partition.isr
            and follower.log_start_offset <= offset <= follower.log_end_offset
        ):
            behind_us = now.mono_us - follower.caught_up_us
            candidate = (follower.log_end_offset, -behind_us, broker_id)
            best = candidate if best is None else max(best, candidate)
    return None if best is None else best[2]
