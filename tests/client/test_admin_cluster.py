"""The administrator of several brokers: partitions that grow and move, elections, the quorum."""

from typing import Any

import pytest

from broker.client.admin_types import (
    EVERYTHING,
    QUORUM,
    DescribedQuorum,
    OngoingReassignment,
    QuorumReplica,
)
from broker.client.cluster_view import TopicPartition
from broker.client.outcomes import Status
from broker.wire.errors import ErrorCode
from broker.wire.messages import alter_partition_reassignments as reassign
from broker.wire.messages import create_partitions as create
from broker.wire.messages import describe_quorum, elect_leaders
from broker.wire.messages import list_partition_reassignments as ongoing
from tests.client.test_admin import AdminScene

ZERO, ONE = TopicPartition("orders", 0), TopicPartition("orders", 1)


def test_a_topic_gets_more_partitions() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.create_partitions, {"orders": 3, "payments": 2})
    send, request = admin.take(create.CreatePartitionsRequest)
    assert [(t.name, t.count, t.assignments) for t in request.topics] == [
        ("orders", 3, None),
        ("payments", 2, None),
    ]
    results = [
        create.CreatePartitionsTopicResult(name="orders"),
        create.CreatePartitionsTopicResult(
            name="payments",
            error_code=ErrorCode.INVALID_PARTITIONS,
            error_message="Topic already has 2 partition(s).",
        ),
    ]
    admin.answer(send, create.CreatePartitionsResponse(results=results))
    assert operation.status is Status.FAILED
    assert operation.results["orders"].ok
    assert operation.results["payments"].text == "Topic already has 2 partition(s)."


def test_new_partitions_may_be_placed_by_hand() -> None:
    admin = AdminScene()
    by_hand = {"orders": [[2, 1]]}
    admin.do(admin.machine.create_partitions, {"orders": 2}, assignments=by_hand)
    _, request = admin.take(create.CreatePartitionsRequest)
    assert [a.broker_ids for a in request.topics[0].assignments] == [[2, 1]]


@pytest.mark.parametrize(("unclean", "kind"), [(False, 0), (True, 1)])
def test_leaders_are_elected(unclean: bool, kind: int) -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.elect_leaders, [ZERO, ONE], unclean=unclean)
    send, request = admin.take(elect_leaders.ElectLeadersRequest)
    assert request.election_type == kind
    assert [(t.topic, t.partitions) for t in request.topic_partitions] == [("orders", [0, 1])]
    not_needed = ErrorCode.ELECTION_NOT_NEEDED
    outcome = elect_leaders.ReplicaElectionResult(
        topic="orders",
        partition_result=[
            elect_leaders.PartitionResult(partition_id=0, error_message=None),
            elect_leaders.PartitionResult(
                partition_id=1, error_code=not_needed, error_message=None
            ),
        ],
    )
    admin.answer(send, elect_leaders.ElectLeadersResponse(replica_election_results=[outcome]))
    assert operation.results[ZERO].ok
    assert operation.results[ONE].code is not_needed


def test_an_election_everywhere_tells_where_there_was_one() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.elect_leaders)
    send, request = admin.take(elect_leaders.ElectLeadersRequest)
    assert request.topic_partitions is None
    outcome = elect_leaders.ReplicaElectionResult(
        topic="orders",
        partition_result=[elect_leaders.PartitionResult(partition_id=1, error_message=None)],
    )
    admin.answer(send, elect_leaders.ElectLeadersResponse(replica_election_results=[outcome]))
    assert operation.status is Status.ACKED
    assert list(operation.results) == [ONE]


def test_an_election_that_is_refused_as_a_whole_has_failed() -> None:
    admin = AdminScene()
    some = admin.do(admin.machine.elect_leaders, [ZERO])
    everywhere = admin.do(admin.machine.elect_leaders)
    refused = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    for _ in range(2):
        send, _request = admin.take(elect_leaders.ElectLeadersRequest)
        admin.answer(send, elect_leaders.ElectLeadersResponse(error_code=refused))
    assert (some.status, some.results[ZERO].code) == (Status.FAILED, refused)
    assert (everywhere.status, everywhere.results[EVERYTHING].code) == (Status.FAILED, refused)


def test_partitions_move_and_a_move_is_called_off() -> None:
    admin = AdminScene()
    moves = {ZERO: [2, 3], ONE: None}
    operation = admin.do(admin.machine.alter_partition_reassignments, moves)
    send, request = admin.take(reassign.AlterPartitionReassignmentsRequest)
    [topic] = request.topics
    assert [(p.partition_index, p.replicas) for p in topic.partitions] == [(0, [2, 3]), (1, None)]
    nothing_to_call_off = ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    outcome = reassign.ReassignableTopicResponse(
        name="orders",
        partitions=[
            reassign.ReassignablePartitionResponse(partition_index=0, error_message=None),
            reassign.ReassignablePartitionResponse(
                partition_index=1, error_code=nothing_to_call_off, error_message=None
            ),
        ],
    )
    answer = reassign.AlterPartitionReassignmentsResponse(error_message=None, responses=[outcome])
    admin.answer(send, answer)
    assert operation.results[ZERO].ok
    assert operation.results[ONE].code is nothing_to_call_off


def test_who_is_no_longer_controller_is_asked_no_more() -> None:
    admin = AdminScene()
    admin.pass_ms(1_000)
    operation = admin.do(admin.machine.alter_partition_reassignments, {ZERO: [2]})
    send, _ = admin.take(reassign.AlterPartitionReassignmentsRequest, peer=1)
    admin.controller = 2
    code = ErrorCode.NOT_CONTROLLER
    answer = reassign.AlterPartitionReassignmentsResponse(error_code=code, error_message=None)
    admin.answer(send, answer)
    admin.pass_ms(100)
    admin.take(reassign.AlterPartitionReassignmentsRequest, peer=2)
    assert operation.status is Status.PENDING


def test_what_is_on_the_move_is_listed() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.list_partition_reassignments)
    send, request = admin.take(ongoing.ListPartitionReassignmentsRequest)
    assert request.topics is None
    move = ongoing.OngoingPartitionReassignment(
        partition_index=1, replicas=[1, 2, 3], adding_replicas=[3], removing_replicas=[1]
    )
    topic = ongoing.OngoingTopicReassignment(name="orders", partitions=[move])
    answer = ongoing.ListPartitionReassignmentsResponse(error_message=None, topics=[topic])
    admin.answer(send, answer)
    assert operation.status is Status.ACKED
    assert operation.results[ONE].value == OngoingReassignment((1, 2, 3), (3,), (1,))


def test_the_quorum_is_described() -> None:
    admin = AdminScene()
    operation = admin.do(admin.machine.describe_quorum)
    send, request = admin.take(describe_quorum.DescribeQuorumRequest)
    assert [t.topic_name for t in request.topics] == ["__cluster_metadata"]
    voters = [
        describe_quorum.ReplicaState(replica_id=1, log_end_offset=9, last_caught_up_timestamp=77),
        describe_quorum.ReplicaState(replica_id=2, log_end_offset=7, last_fetch_timestamp=70),
    ]
    quorum = describe_quorum.PartitionResult(
        leader_id=1, leader_epoch=4, high_watermark=7, current_voters=voters, error_message=None
    )
    topic = describe_quorum.TopicResult(topic_name="__cluster_metadata", partitions=[quorum])
    answer = describe_quorum.DescribeQuorumResponse(topics=[topic], error_message=None)
    admin.answer(send, answer)
    described: Any = operation.results[QUORUM].value
    assert described == DescribedQuorum(
        1, 4, 7, {1: QuorumReplica(9, -1, 77), 2: QuorumReplica(7, 70, -1)}, {}
    )
