"""AlterPartition: which ISRs the controller takes (KIP-497, KIP-841, KIP-903)."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.alter_partition import (
    AlterPartitionRequest,
    BrokerState,
    PartitionData,
    TopicData,
)
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest
from tests.metadata.council import Council


@pytest.fixture
def council() -> Council:
    council = Council(4)
    council.create("orders", [[1, 2, 3]], min_isr=2)
    return council


def code(council: Council, isr: list[int], **says: Any) -> ErrorCode:
    return ErrorCode(council.alter_isr("orders", isr, **says).error_code)


def test_a_shrunk_isr_keeps_the_leader_epoch_and_opens_a_partition_epoch(council: Council) -> None:
    result = council.alter_isr("orders", [1, 3])
    assert (result.error_code, result.isr, result.leader_id) == (0, [1, 3], 1)
    assert (result.leader_epoch, result.partition_epoch) == (0, 1)
    assert council.partition("orders").isr == (1, 3)


def test_an_isr_below_the_minimum_makes_the_others_eligible(council: Council) -> None:
    council.alter_isr("orders", [1])
    assert council.partition("orders").elr == (2, 3)
    council.alter_isr("orders", [1, 2])
    assert council.partition("orders").elr == ()


def test_the_same_isr_changes_nothing(council: Council) -> None:
    end = council.tape.log_end_offset
    result = council.alter_isr("orders", [1, 2, 3])
    assert (result.error_code, result.partition_epoch) == (0, 0)
    assert council.tape.log_end_offset == end


def test_a_deposed_leader_is_told(council: Council) -> None:
    council.heartbeat(1, want_shut_down=True)
    assert code(council, [1, 2], by=1, leader_epoch=0) == ErrorCode.FENCED_LEADER_EPOCH


def test_a_state_that_has_changed_meanwhile_cannot_be_changed(council: Council) -> None:
    council.alter_isr("orders", [1, 2])
    assert code(council, [1, 3], partition_epoch=0) == ErrorCode.INVALID_UPDATE_VERSION
    assert council.partition("orders").isr == (1, 2)


def test_epochs_from_the_future_mean_that_another_controls(council: Council) -> None:
    assert code(council, [1, 2], leader_epoch=5) == ErrorCode.NOT_CONTROLLER
    assert code(council, [1, 2], partition_epoch=5) == ErrorCode.NOT_CONTROLLER


@pytest.mark.parametrize("isr", [[], [2, 3], [1, 1], [1, 4]], ids=str)
def test_an_isr_that_makes_no_sense(council: Council, isr: list[int]) -> None:
    assert code(council, isr) == ErrorCode.INVALID_REQUEST


def test_only_the_leader_says_who_is_in_sync(council: Council) -> None:
    assert code(council, [1, 2], by=2) == ErrorCode.INVALID_REQUEST


def test_a_fenced_broker_is_not_in_sync(council: Council) -> None:
    council.silence(3)
    assert code(council, [1, 2, 3]) == ErrorCode.INELIGIBLE_REPLICA


def test_a_broker_that_has_restarted_since_is_not_in_sync(council: Council) -> None:
    """KIP-903: what the leader saw in sync was another life of it."""
    council.silence(3)
    before = council.epochs[3]
    council.come_back(3, clean=False)
    states = [BrokerState(broker_id=i, broker_epoch=council.epochs[i]) for i in (1, 2)]
    seen = [*states, BrokerState(broker_id=3, broker_epoch=before)]
    refused = ErrorCode.INELIGIBLE_REPLICA
    assert code(council, [], new_isr_with_epochs=seen) == refused
    unknown = [*states, BrokerState(broker_id=3, broker_epoch=-1)]
    assert code(council, [], new_isr_with_epochs=unknown) == ErrorCode.NONE, "not checked"


def test_a_broker_that_is_not_registered_is_not_in_sync(council: Council) -> None:
    council.create("wide", [[1, 2, 4]])
    council.alter_isr("wide", [1, 2])
    council.controller.unregister_broker(UnregisterBrokerRequest(broker_id=4), council.now)
    result = council.alter_isr("wide", [1, 2, 4])
    assert result.error_code == ErrorCode.INELIGIBLE_REPLICA


def test_an_earlier_life_of_the_leader_proposes_nothing(council: Council) -> None:
    body = AlterPartitionRequest(broker_id=1, broker_epoch=council.epochs[1] - 1)
    with pytest.raises(ApiError) as error:
        council.controller.alter_partition(body, council.now)
    assert error.value.code == ErrorCode.STALE_BROKER_EPOCH


def test_topics_and_partitions_that_are_not_there(council: Council) -> None:
    topic_id = council.image.topics["orders"].topic_id
    body = AlterPartitionRequest(
        broker_id=1,
        broker_epoch=council.epochs[1],
        topics=[
            TopicData(topic_id=bytes(16), partitions=[PartitionData(partition_index=0)]),
            TopicData(topic_id=topic_id, partitions=[PartitionData(partition_index=9)]),
        ],
    )
    response, _ = council.controller.alter_partition(body, council.now)
    assert [topic.partitions[0].error_code for topic in response.topics] == [
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


def test_a_leader_that_recovers_is_alone_until_it_has_recovered() -> None:
    council = Council(2)
    council.create("lone", [[1, 2]], unclean=True)
    council.alter_isr("lone", [1])
    council.silence(1)
    council.heartbeat(1)
    assert council.partition("lone").recovery == 1
    grown = council.alter_isr("lone", [2, 1], leader_recovery_state=1)
    assert grown.error_code == ErrorCode.INVALID_REQUEST
    recovered = council.alter_isr("lone", [2], leader_recovery_state=0)
    assert (recovered.error_code, recovered.leader_recovery_state) == (0, 0)
    again = council.alter_isr("lone", [2], leader_recovery_state=1)
    assert again.error_code == ErrorCode.INVALID_REQUEST, "there is no way back"


def test_the_answer_waits_for_what_was_decided_before_it(council: Council) -> None:
    body = AlterPartitionRequest(broker_id=1, broker_epoch=council.epochs[1])
    _, offset = council.controller.alter_partition(body, council.now)
    assert offset == council.tape.log_end_offset
