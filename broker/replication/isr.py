"""Who is in sync: the rules by which a leader proposes a change, and takes the answer.

A follower is in sync while it keeps up; what all in-sync replicas have is committed, and only an
in-sync replica may be elected. So the set must never be *smaller* in the leader's eyes than in the
controller's. The leader therefore asks the controller (AlterPartition, KIP-497) and until it knows
the outcome counts with the larger of the two sets, the *maximal ISR*:

    expand    the newcomer counts at once; if the controller refuses, no harm was done
    shrink    the laggard counts until the controller has confirmed that it is out

Only one change of a partition is under way at a time; it names the partition epoch that it starts
from, and an answer to a change that was overtaken by the metadata is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.events import Now
from broker.replication.follower import Follower
from broker.replication.partition import Partition
from broker.replication.surroundings import UNKNOWN_EPOCH
from broker.wire.errors import ErrorCode
from broker.wire.messages.alter_partition import BrokerState, PartitionData, PartitionResult

REFUSED = frozenset({ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA})
"""The controller knows our state and did nothing: back to what was confirmed last."""

OVERTAKEN = frozenset(
    {
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.INVALID_UPDATE_VERSION,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.NEW_LEADER_ELECTED,
    }
)
"""The controller knows more than we do. What it decided comes with the metadata; until then we do
not know who is in sync, and wait for everybody who may be."""


@dataclass(frozen=True, eq=False, slots=True)
class Proposal:
    """A change of the in-sync replicas that was asked for. Each is equal only to itself."""

    isr: tuple[int, ...]
    maximal_isr: tuple[int, ...]
    leader_epoch: int
    partition_epoch: int


def propose_to_expand(partition: Partition, follower: Follower) -> Proposal | None:
    """A follower has fetched: does it belong in?

    It has to have all that is committed. And it has to have reached our epoch: above the high
    watermark that we know there may be records that were committed under the leader before us.
    """
    if partition.pending is not None or follower.broker_id in partition.isr:
        return None
    if follower.log_end_offset < max(partition.high_watermark, partition.epoch_start_offset):
        return None
    if not partition.around.may_be_in_sync(follower.broker_id, follower.broker_epoch):
        return None
    isr = (*partition.isr, follower.broker_id)
    return _propose(partition, isr, maximal_isr=isr)


def propose_to_shrink(partition: Partition, now: Now) -> Proposal | None:
    """Some follower may have been behind for too long."""
    if partition.pending is not None or not partition.is_leader:
        return None
    end, lag_us = partition.log.log_end_offset, partition.around.lag_us
    laggards = [
        broker_id
        for broker_id, follower in partition.followers.items()
        if broker_id in partition.isr and not follower.is_caught_up(end, now.mono_us, lag_us)
    ]
    if not laggards:
        return None
    isr = tuple(broker_id for broker_id in partition.isr if broker_id not in laggards)
    return _propose(partition, isr, maximal_isr=partition.isr)


def _propose(partition: Partition, isr: tuple[int, ...], maximal_isr: tuple[int, ...]) -> Proposal:
    partition.pending = Proposal(
        isr, maximal_isr, partition.leader_epoch, partition.partition_epoch
    )
    return partition.pending


def next_laggard_us(partition: Partition, now: Now) -> int | None:
    """When the first follower that is behind now will have been so for too long.

    Also one that is not in sync but was at the end a moment ago: as long as it might join, the high
    watermark waits for it (`Partition.advance_high_watermark`), and should not do so for ever.
    """
    end, lag_us = partition.log.log_end_offset, partition.around.lag_us
    behind = [
        follower.caught_up_us
        for broker_id, follower in partition.followers.items()
        if follower.log_end_offset != end
        and (broker_id in partition.isr or now.mono_us - follower.caught_up_us <= lag_us)
    ]
    return min(behind) + lag_us + 1 if behind else None


def request_for(partition: Partition, proposal: Proposal) -> PartitionData:
    """The proposal, in the words of AlterPartition."""
    return PartitionData(
        partition_index=partition.index,
        leader_epoch=proposal.leader_epoch,
        new_isr_with_epochs=[
            BrokerState(broker_id=i, broker_epoch=_broker_epoch(partition, i)) for i in proposal.isr
        ],
        partition_epoch=proposal.partition_epoch,
    )


def _broker_epoch(partition: Partition, broker_id: int) -> int:
    """In which run a replica was seen in sync. A member that has not fetched from us yet has none,
    which is safe: if it dies, the controller takes it out and our partition epoch is too old."""
    if broker_id == partition.broker_id:
        return partition.around.broker_epoch
    follower = partition.followers.get(broker_id)
    epoch = None if follower is None else follower.broker_epoch
    return UNKNOWN_EPOCH if epoch is None else epoch


def take_answer(partition: Partition, proposal: Proposal, answer: PartitionResult) -> bool:
    """What the controller says to a proposal; True if it is to be sent once more."""
    if partition.pending is not proposal:
        return False
    if answer.error_code == ErrorCode.NONE:
        if answer.leader_epoch == partition.leader_epoch and (
            answer.partition_epoch >= partition.partition_epoch
        ):
            partition.isr, partition.pending = tuple(answer.isr), None
            partition.partition_epoch = answer.partition_epoch
        return False
    if answer.error_code in REFUSED:
        partition.pending = None
    return answer.error_code not in REFUSED and answer.error_code not in OVERTAKEN
