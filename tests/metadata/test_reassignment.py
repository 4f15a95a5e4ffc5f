"""Partitions move (KIP-455, KIP-860; after PartitionReassignmentReplicasTest)."""

from __future__ import annotations

from typing import Any

import pytest

from broker.metadata.reassigned import Reassignment, completed, reverted, towards
from broker.metadata.registrations import PartitionImage
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from broker.wire.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopics,
)
from tests.metadata.council import Council


@pytest.fixture
def council() -> Council:
    council = Council(4)
    council.create("orders", [[1, 2, 3]], min_isr=2)
    return council


def move(
    council: Council, replicas: list[int] | None, topic: str = "orders", **says: Any
) -> ErrorCode:
    partition = ReassignablePartition(partition_index=says.pop("index", 0), replicas=replicas)
    body = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name=topic, partitions=[partition])]
    ).replace(**says)
    response, _ = council.controller.alter_partition_reassignments(body, council.now)
    return ErrorCode(response.responses[0].partitions[0].error_code)


def ongoing(council: Council, *names: str) -> list[tuple[str, list[int], list[int], list[int]]]:
    topics = [ListPartitionReassignmentsTopics(name=n, partition_indexes=[0, 9]) for n in names]
    body = ListPartitionReassignmentsRequest(topics=topics or None)
    response, _ = council.controller.list_partition_reassignments(body, council.now)
    return [
        (topic.name, moving.replicas, moving.adding_replicas, moving.removing_replicas)
        for topic in response.topics
        for moving in topic.partitions
    ]


def test_a_partition_moves_when_the_new_replica_is_in_sync(council: Council) -> None:
    assert move(council, [2, 3, 4]) == ErrorCode.NONE
    partition = council.partition("orders")
    assert (partition.replicas, partition.isr) == ((2, 3, 4, 1), (1, 2, 3))
    assert len(partition.directories) == 4
    assert ongoing(council) == [("orders", [2, 3, 4, 1], [4], [1])]
    assert ongoing(council, "orders", "nothing") == ongoing(council)
    result = council.alter_isr("orders", [1, 2, 3, 4])
    assert result.error_code == ErrorCode.NEW_LEADER_ELECTED, "1 led, and is no replica any more"
    partition = council.partition("orders")
    assert (partition.replicas, partition.isr, partition.leader) == ((2, 3, 4), (2, 3, 4), 2)
    assert ongoing(council) == []


def test_a_replica_that_goes_opens_a_leader_epoch(council: Council) -> None:
    move(council, [1, 2, 4])
    assert council.partition("orders").leader_epoch == 0, "so far replicas only came"
    council.alter_isr("orders", [1, 2, 3, 4])
    partition = council.partition("orders")
    assert (partition.leader, partition.leader_epoch) == (1, 1)


def test_another_order_of_the_same_replicas_is_there_at_once(council: Council) -> None:
    assert move(council, [3, 2, 1]) == ErrorCode.NONE
    partition = council.partition("orders")
    assert (partition.replicas, partition.leader, partition.reassigning) == ((3, 2, 1), 1, False)


def test_fewer_replicas_at_once_if_those_that_stay_are_in_sync(council: Council) -> None:
    move(council, [1, 2])
    assert council.partition("orders").replicas == (1, 2)


def test_fewer_replicas_later_if_one_that_stays_is_not_in_sync(council: Council) -> None:
    council.alter_isr("orders", [1, 3])
    move(council, [1, 2])
    assert council.partition("orders").replicas == (1, 2, 3)
    council.alter_isr("orders", [1, 2, 3])
    assert council.partition("orders").replicas == (1, 2)


def test_who_was_moved_away_is_not_eligible_any_more(council: Council) -> None:
    """Found by the simulator (seed 6): an eligible leader that held no replica."""
    council.alter_isr("orders", [1])
    assert council.partition("orders").elr == (2, 3)
    move(council, [1])
    partition = council.partition("orders")
    assert (partition.replicas, partition.isr, partition.elr) == ((1,), (1,), ())


def test_a_move_that_is_called_off(council: Council) -> None:
    move(council, [2, 3, 4])
    assert move(council, None) == ErrorCode.NONE
    partition = council.partition("orders")
    assert (set(partition.replicas), partition.isr) == ({1, 2, 3}, (1, 2, 3))
    assert not partition.reassigning
    assert move(council, None) == ErrorCode.NO_REASSIGNMENT_IN_PROGRESS


def test_a_move_is_not_called_off_at_the_price_of_records() -> None:
    council = Council(2)
    council.create("orders", [[1]])
    move(council, [2])
    partition = council.partition("orders")
    assert partition.replicas == (2, 1)
    council.alter_isr("orders", [1, 2])
    assert council.partition("orders").replicas == (2,)
    alone = PartitionImage(0, (1, 2), (2,), 2, 0, 0, adding=(2,))
    assert reverted(alone).unclean


def test_a_move_may_change_its_mind(council: Council) -> None:
    move(council, [4, 2, 3])
    move(council, [1, 2, 4])
    partition = council.partition("orders")
    assert (partition.replicas, partition.adding, partition.removing) == ((1, 2, 4, 3), (4,), (3,))
    council.alter_isr("orders", [1, 2, 3, 4])
    assert council.partition("orders").replicas == (1, 2, 4)


def test_a_fenced_broker_may_be_moved_to_and_is_waited_for(council: Council) -> None:
    council.silence(4)
    assert move(council, [1, 2, 4]) == ErrorCode.NONE
    assert council.partition("orders").adding == (4,)


@pytest.mark.parametrize("replicas", [[], [1, 1], [1, 9]], ids=str)
def test_a_target_that_makes_no_sense(council: Council, replicas: list[int]) -> None:
    assert move(council, replicas) == ErrorCode.INVALID_REPLICA_ASSIGNMENT


def test_moves_of_what_is_not_there(council: Council) -> None:
    assert move(council, [1], topic="nothing") == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert move(council, [1], index=7) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_the_number_of_replicas_stays_if_that_is_asked_for(council: Council) -> None:
    fixed = {"allow_replication_factor_change": False}
    assert move(council, [1, 2], **fixed) == ErrorCode.INVALID_REPLICATION_FACTOR
    assert move(council, [1, 2, 4], **fixed) == ErrorCode.NONE
    assert move(council, [2, 3, 4], **fixed) == ErrorCode.NONE, "three, on the move or not"


# -- the arithmetic -------------------------------------------------------------------------------


def test_the_way_from_one_list_to_another() -> None:
    assert towards([1, 2, 3], [3, 4, 5]) == Reassignment([3, 4, 5, 1, 2], [4, 5], [1, 2])
    assert towards([1, 2], [2, 1]) == Reassignment([2, 1], [], [])


def test_kafkas_reason_to_wait_when_replicas_get_fewer() -> None:
    """[0..4] -> [2, 3, 4, 5]: with only 0, 1 and 5 in sync the ISR would shrink to 5 alone."""
    replicas, adding, removing = [2, 3, 4, 5, 0, 1], [5], [0, 1]
    assert completed(replicas, adding, removing, [0, 1, 5]) is None
    assert completed(replicas, adding, removing, [0, 1, 2, 3, 4, 5]) is not None


def test_nothing_goes_before_somebody_who_stays_is_in_sync() -> None:
    assert completed([2, 1], [], [1], [1]) is None
    with pytest.raises(ApiError):
        reverted(PartitionImage(0, (2,), (2,), 2, 0, 0, adding=(2,)))


def test_a_single_replica_is_as_many_as_there_can_be() -> None:
    council = Council(3)
    council.create("orders", [[1, 2]], min_isr=2)
    move(council, [2])
    partition = council.partition("orders")
    assert (partition.replicas, partition.isr, partition.elr) == ((2,), (2,), ())
