"""AlterPartition: the leader of a partition says who is in sync, and the controller agrees, or not.

The leader sees who keeps up; the controller sees who is alive. Neither may decide alone, so the
leader proposes an ISR and acts on it as if it were true in the careful sense (a high watermark over
both the old and the new) until the controller has answered (KIP-497).

A proposal is bound to the state it was made in, by three epochs:

    leader epoch       somebody else leads now: FENCED_LEADER_EPOCH
    partition epoch    the partition has changed since, perhaps in the ISR: INVALID_UPDATE_VERSION
    broker epochs      one of the ISR has restarted since it was seen in sync: INELIGIBLE_REPLICA
                       (KIP-903: it may have lost what it had)

Epochs higher than the controller's own come from a newer controller: NOT_CONTROLLER.
"""

from __future__ import annotations

from broker.metadata.brokers import check_broker_epoch
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage, TopicImage
from broker.metadata.partition_change import Rules, Target, plan_change
from broker.metadata.plan import Plan
from broker.metadata.registrations import (
    NO_LEADER_CHANGE,
    RECOVERED,
    RECOVERING,
    PartitionImage,
)
from broker.metadata.topic_rules import topic_rules
from broker.wire.errors import ErrorCode
from broker.wire.messages.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerState,
    PartitionData,
    PartitionResult,
    TopicResult,
)
from broker.wire.schema import Message


def plan_alter_partition(
    plan: Plan, config: BrokerConfig, body: AlterPartitionRequest
) -> AlterPartitionResponse:
    """Take the ISRs that a leader proposes; each partition stands on its own.

    After a failover they come by the thousand, so the changes enter the plan together.
    """
    image, changes = plan.image, list[Message]()
    check_broker_epoch(image, body.broker_id, body.broker_epoch)
    results = []
    for asked in body.topics:
        topic = image.topic_by_id(asked.topic_id)
        if topic is None:
            partitions = [_error(data, ErrorCode.UNKNOWN_TOPIC_ID) for data in asked.partitions]
        else:
            rules = topic_rules(image, config, topic)
            partitions = [
                _alter(rules, topic, body.broker_id, data, changes) for data in asked.partitions
            ]
        results.append(TopicResult(topic_id=asked.topic_id, partitions=partitions))
    plan.add(changes)
    return AlterPartitionResponse(topics=results)


def _error(data: PartitionData, code: ErrorCode) -> PartitionResult:
    return PartitionResult(partition_index=data.partition_index, error_code=code)


def _alter(
    rules: Rules, topic: TopicImage, broker_id: int, data: PartitionData, changes: list[Message]
) -> PartitionResult:
    partition = topic.partitions.find(data.partition_index)
    if partition is None:
        return _error(data, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    states = data.new_isr_with_epochs or [BrokerState(broker_id=one) for one in data.new_isr]
    code = _refusal(rules.image, broker_id, partition, states, data)
    if code is not ErrorCode.NONE:
        return _error(data, code)
    target = Target(
        election=rules.election,
        isr=[state.broker_id for state in states],
        recovery=data.leader_recovery_state,
    )
    change = plan_change(rules, partition, target)
    if change is not None:
        changes.append(change)
        partition = partition.changed(change)
        if change.leader not in (broker_id, NO_LEADER_CHANGE):
            # The ISR completed a reassignment in which its leader had to go: both an error and a
            # change. The one who asks must learn from the metadata that it leads no more.
            return _error(data, ErrorCode.NEW_LEADER_ELECTED)
    return PartitionResult(
        partition_index=partition.index,
        leader_id=partition.leader,
        leader_epoch=partition.leader_epoch,
        isr=list(partition.isr),
        leader_recovery_state=partition.recovery,
        partition_epoch=partition.partition_epoch,
    )


def _refusal(
    image: ClusterImage,
    broker_id: int,
    partition: PartitionImage,
    states: list[BrokerState],
    data: PartitionData,
) -> ErrorCode:
    """Why an ISR cannot be taken (Kafka's `validateAlterPartitionData`, in its order)."""
    if (
        data.leader_epoch > partition.leader_epoch
        or data.partition_epoch > partition.partition_epoch
    ):
        return ErrorCode.NOT_CONTROLLER
    if data.leader_epoch < partition.leader_epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if broker_id != partition.leader:
        return ErrorCode.INVALID_REQUEST
    if data.partition_epoch < partition.partition_epoch:
        return ErrorCode.INVALID_UPDATE_VERSION
    if not _makes_sense(partition, [state.broker_id for state in states], data):
        return ErrorCode.INVALID_REQUEST
    if not all(_is_eligible(image, state) for state in states):
        return ErrorCode.INELIGIBLE_REPLICA
    return ErrorCode.NONE


def _makes_sense(partition: PartitionImage, isr: list[int], data: PartitionData) -> bool:
    """An ISR is made of replicas, the leader among them, each once; and a leader that was elected
    uncleanly is alone in it until it has recovered, after which there is no way back."""
    if not isr or len(set(isr)) < len(isr) or not set(isr) <= set(partition.replicas):
        return False
    if partition.leader not in isr:
        return False
    if data.leader_recovery_state == RECOVERING:
        return len(isr) == 1 and partition.recovery != RECOVERED
    return data.leader_recovery_state == RECOVERED


def _is_eligible(image: ClusterImage, state: BrokerState) -> bool:
    """Whether a broker may be in sync: alive, to stay, and in the life it was seen in."""
    broker = image.brokers.get(state.broker_id)
    if broker is None or not broker.active:
        return False
    return state.broker_epoch in (-1, broker.epoch)
