"""AlterPartition: a leader asks the controller to change its in-sync replicas.

Only the leader sees who keeps up, and only the controller may write down who is in sync, since it
elects leaders from among them (KIP-497). Every request says which state of the partition it starts
from (`partition_epoch`): what was overtaken by another change is refused, never merged.
"""

from __future__ import annotations

from broker.wire.schema import Message, array, int8, int16, int32, int64, message, struct, uuid

# -- request --------------------------------------------------------------------------------------


@struct
class BrokerState(Message):
    """A replica in sync."""

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    """In which run it was seen in sync: if it has restarted since, it may have lost what it had,
    and the controller refuses. -1 where the leader cannot tell."""


@struct
class PartitionData(Message):
    """The in-sync replicas that a partition should have."""

    partition_index: int = int32()
    leader_epoch: int = int32()
    new_isr: list[int] = array(int32, versions="2")
    new_isr_with_epochs: list[BrokerState] = array(BrokerState, versions="3+")
    leader_recovery_state: int = int8()
    """1 while the leader still recovers from an unclean election, else 0."""
    partition_epoch: int = int32()
    """The state of the partition that this changes."""


@struct
class TopicData(Message):
    """Partitions of one topic."""

    topic_id: bytes = uuid(ignorable=True)
    partitions: list[PartitionData] = array(PartitionData)


@message(key=56, kind="request", versions="2-3", flexible="0+")
class AlterPartitionRequest(Message):
    """Change the in-sync replicas of these partitions, which I lead.

    - 2: topic_id in the place of names (KIP-841); leader_recovery_state (KIP-704)
    - 3: new_isr_with_epochs instead of new_isr (KIP-903)
    """

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    topics: list[TopicData] = array(TopicData)


# -- response -------------------------------------------------------------------------------------


@struct
class PartitionResult(Message):
    """The partition as it is now."""

    partition_index: int = int32()
    error_code: int = int16()
    """INVALID_UPDATE_VERSION if the partition has changed meanwhile, INELIGIBLE_REPLICA if one of
    the replicas may not be in sync, FENCED_LEADER_EPOCH or NEW_LEADER_ELECTED if somebody else
    leads."""
    leader_id: int = int32()
    leader_epoch: int = int32()
    isr: list[int] = array(int32)
    leader_recovery_state: int = int8(ignorable=True)
    partition_epoch: int = int32()


@struct
class TopicResult(Message):
    """Partitions of one topic."""

    topic_id: bytes = uuid(ignorable=True)
    partitions: list[PartitionResult] = array(PartitionResult)


@message(key=56, kind="response", versions="2-3", flexible="0+")
class AlterPartitionResponse(Message):
    """What became of it.

    - 2: topic_id in the place of names; INELIGIBLE_REPLICA, NEW_LEADER_ELECTED and
      UNKNOWN_TOPIC_ID may be among the errors (KIP-841)
    - 3: as 2
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    topics: list[TopicResult] = array(TopicResult)
