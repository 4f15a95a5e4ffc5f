"""What administrators see and do among three brokers, one of which comes and goes."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages import alter_partition_reassignments as reassign
from broker.wire.messages.controller_registration import (
    ControllerRegistrationRequest,
    Feature,
    Listener,
)
from broker.wire.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from broker.wire.messages.describe_cluster import (
    CONTROLLERS,
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from broker.wire.messages.describe_quorum import DescribeQuorumRequest, PartitionData, TopicData
from broker.wire.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    TopicRequest,
)
from broker.wire.messages.elect_leaders import UNCLEAN, ElectLeadersRequest, TopicPartitions
from broker.wire.messages.list_partition_reassignments import ListPartitionReassignmentsRequest
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest
from broker.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from broker.wire.primitives import ZERO_UUID
from tests.cluster_bench import ClusterBench

SESSION_MS = 2_000
"""Long enough for a silent broker to be fenced."""


@pytest.fixture
def bench() -> ClusterBench:
    bench = ClusterBench()
    bench.create_topic("orders", [[1, 2, 3], [2, 3, 1], [3, 1, 2]])
    return bench


def other_than(bench: ClusterBench, *taken: int) -> int:
    return next(i for i in bench.ids if i not in taken)


def bystander(bench: ClusterBench) -> int:
    """A broker that does not decide, and can go without an election of controllers."""
    return other_than(bench, bench.controller)


def look(bench: ClusterBench, node_id: int, name: str = "orders", version: int = 13) -> Any:
    topic = MetadataRequestTopic(name=name)
    return bench.ask(node_id, MetadataRequest(topics=[topic]), version)


def lose(bench: ClusterBench, node_id: int) -> int:
    """A broker dies and is fenced. Returns one that lives, and has heard of it."""
    bench.kill(node_id)
    witness = other_than(bench, node_id)
    bench.wait_until(lambda: bench.nodes[witness].image.brokers[node_id].fenced)
    bench.wait(100)
    return witness


# -- what is told ---------------------------------------------------------------------------------


def test_every_broker_tells_the_same(bench: ClusterBench) -> None:
    answers = [look(bench, node_id) for node_id in bench.ids]
    for answer in answers:
        assert [broker.node_id for broker in answer.brokers] == [1, 2, 3]
        assert [p.leader_id for p in answer.topics[0].partitions] == [1, 2, 3]
        assert answer.controller_id in bench.ids
        assert answer.cluster_id == answers[0].cluster_id


def test_a_dead_brokers_replicas_are_offline_and_others_lead(bench: ClusterBench) -> None:
    dead = bystander(bench)
    witness = lose(bench, dead)
    bench.wait(2_000)
    answer = look(bench, witness)
    assert dead not in [broker.node_id for broker in answer.brokers]
    assert answer.controller_id != dead
    for partition in answer.topics[0].partitions:
        assert partition.error_code == 0
        assert partition.leader_id not in (dead, -1)
        assert dead not in partition.isr_nodes
        assert partition.offline_replicas == [dead]
        assert sorted(partition.replica_nodes) == [1, 2, 3]


def test_the_oldest_clients_hear_only_of_brokers_that_live(bench: ClusterBench) -> None:
    dead = bystander(bench)
    witness = lose(bench, dead)
    for partition in look(bench, witness, version=0).topics[0].partitions:
        assert partition.error_code == ErrorCode.REPLICA_NOT_AVAILABLE
        assert dead not in partition.replica_nodes


def test_a_partition_that_nobody_can_lead_has_no_leader(bench: ClusterBench) -> None:
    lonely = bystander(bench)
    bench.create_topic("lonely", [[lonely]])
    witness = lose(bench, lonely)
    [partition] = look(bench, witness, "lonely").topics[0].partitions
    assert partition.error_code == ErrorCode.LEADER_NOT_AVAILABLE
    assert (partition.leader_id, partition.isr_nodes) == (-1, [])
    described = bench.ask(
        witness, DescribeTopicPartitionsRequest(topics=[TopicRequest(name="lonely")])
    )
    [partition] = described.topics[0].partitions
    assert (partition.leader_id, partition.eligible_leader_replicas) == (-1, [lonely])
    assert partition.last_known_elr == [lonely]
    assert partition.offline_replicas == [lonely]


def test_a_fenced_broker_is_told_to_those_who_ask(bench: ClusterBench) -> None:
    dead = bystander(bench)
    witness = lose(bench, dead)

    def told(**how: Any) -> list[tuple[int, bool]]:
        answer = bench.ask(witness, DescribeClusterRequest(**how))
        return [(broker.broker_id, broker.is_fenced) for broker in answer.brokers]

    assert told() == [(i, False) for i in bench.ids if i != dead]
    assert told(include_fenced_brokers=True) == [(i, i == dead) for i in bench.ids]


def test_controllers_tell_about_controllers(bench: ClusterBench) -> None:
    request = DescribeClusterRequest(endpoint_type=CONTROLLERS)
    for node_id in bench.ids:
        answer: DescribeClusterResponse = bench.ask(node_id, request, to_controller=True)
        assert answer.controller_id == bench.controller
        ports = {one.broker_id: one.port for one in answer.brokers}
        assert ports == {i: 19100 + i for i in bench.ids}
        assert answer.endpoint_type == CONTROLLERS


def test_who_comes_to_the_wrong_listener_is_told(bench: ClusterBench) -> None:
    codes = [
        bench.ask(1, DescribeClusterRequest(endpoint_type=kind), to_controller=at).error_code
        for kind, at in ((CONTROLLERS, False), (1, True), (3, False))
    ]
    wrong = ErrorCode.MISMATCHED_ENDPOINT_TYPE
    assert codes == [wrong, wrong, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE]


@pytest.mark.parametrize("version", range(3))
def test_any_broker_describes_the_quorum(bench: ClusterBench, version: int) -> None:
    topic = TopicData(topic_name="__cluster_metadata", partitions=[PartitionData()])
    bench.wait(1_000)
    for node_id in bench.ids:
        answer = bench.ask(node_id, DescribeQuorumRequest(topics=[topic]), version)
        [partition] = answer.topics[0].partitions
        assert partition.leader_id == bench.controller
        voters = {voter.replica_id: voter for voter in partition.current_voters}
        assert sorted(voters) == [1, 2, 3]
        behind = [partition.high_watermark - v.log_end_offset for v in voters.values()]
        assert max(behind) <= 1
        assert all(v.replica_directory_id == ZERO_UUID for v in voters.values())
        if version >= 2:
            ports = [node.listeners[0].port for node in answer.nodes]
            assert ports == [19101, 19102, 19103]


def test_a_controller_that_does_not_lead_describes_no_quorum(bench: ClusterBench) -> None:
    topic = TopicData(topic_name="__cluster_metadata", partitions=[PartitionData()])
    request = DescribeQuorumRequest(topics=[topic])
    answer = bench.ask(bystander(bench), request, to_controller=True)
    assert answer.topics[0].partitions[0].error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


# -- what is done ---------------------------------------------------------------------------------


def test_any_broker_passes_on_what_the_controller_has_to_do(bench: ClusterBench) -> None:
    for count, node_id in enumerate(bench.ids, 4):
        wish = CreatePartitionsTopic(name="orders", count=count, assignments=None)
        answer = bench.ask(node_id, CreatePartitionsRequest(topics=[wish], timeout_ms=1000))
        assert answer.results[0].error_code == 0
    assert len(bench.image.topics["orders"].partitions) == 6
    replicas = [bench.partition("orders", index).replicas for index in range(3, 6)]
    assert [sorted(each) for each in replicas] == [[1, 2, 3]] * 3


def test_a_new_topic_is_spread_over_those_who_live(bench: ClusterBench) -> None:
    dead = bystander(bench)
    witness = lose(bench, dead)
    topics = [
        CreatableTopic(name="few", num_partitions=4, replication_factor=2, configs=[]),
        CreatableTopic(name="many", num_partitions=1, replication_factor=4, configs=[]),
    ]
    few, many = bench.ask(witness, CreateTopicsRequest(topics=topics, timeout_ms=1000)).topics
    assert few.error_code == 0
    leaders = [bench.partition("few", index).leader for index in range(4)]
    assert dead not in leaders
    assert len(set(leaders)) == 2
    assert many.error_code == ErrorCode.INVALID_REPLICATION_FACTOR


def test_what_a_dying_controller_was_asked_the_next_one_does(bench: ClusterBench) -> None:
    """Whether the first one did it as well nobody can say; the client gets one answer."""
    dying = bench.controller
    asked = bystander(bench)
    topic = CreatableTopic(name="late", num_partitions=1, replication_factor=2, configs=[])
    request = CreateTopicsRequest(topics=[topic], timeout_ms=10_000)
    number = bench.send(asked, request)
    bench.kill(dying)
    [created] = bench.answer(number).topics
    assert created.error_code == 0
    assert bench.controller != dying
    assert "late" in bench.image.topics


def test_without_a_controller_a_request_is_answered_when_its_time_is_up(
    bench: ClusterBench,
) -> None:
    asked = bystander(bench)
    for other in bench.ids:
        if other != asked:
            bench.kill(other)
    topic = CreatableTopic(name="never", num_partitions=1, replication_factor=1, configs=[])
    before = bench.mono_us
    answer = bench.ask(asked, CreateTopicsRequest(topics=[topic], timeout_ms=3_000))
    assert [each.error_code for each in answer.topics] == [ErrorCode.REQUEST_TIMED_OUT]
    assert 3_000_000 <= bench.mono_us - before <= 3_500_000


def test_a_topic_that_a_client_names_is_made_through_any_broker(bench: ClusterBench) -> None:
    for node_id in bench.ids:
        [topic] = look(bench, node_id, f"named-{node_id}").topics
        assert topic.error_code == 0
        assert topic.topic_id == bench.image.topics[f"named-{node_id}"].topic_id
        assert [p.error_code for p in topic.partitions] == [0]
    [refused] = look(bench, bystander(bench), "no/name").topics
    assert refused.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_a_controller_that_is_not_active_says_so(bench: ClusterBench) -> None:
    request = ElectLeadersRequest(topic_partitions=None)
    answer = bench.ask(bystander(bench), request, to_controller=True)
    assert answer.error_code == ErrorCode.NOT_CONTROLLER
    assert bench.ask(bench.controller, request, to_controller=True).error_code == 0


def test_a_controller_that_registers_limits_what_the_cluster_can_become(
    bench: ClusterBench,
) -> None:
    """Ours are known by their settings; Apache Kafka's register, and say what they can run."""
    levels = Feature(name="metadata.version", min_supported_version=7, max_supported_version=30)
    request = ControllerRegistrationRequest(
        controller_id=4,
        incarnation_id=bytes(range(16)),
        listeners=[Listener(name="CONTROLLER", host="elsewhere", port=9093)],
        features=[levels],
    )
    refused = bench.ask(bystander(bench), request, to_controller=True)
    assert refused.error_code == ErrorCode.NOT_CONTROLLER
    assert bench.ask(bench.controller, request, to_controller=True).error_code == 0
    elr = FeatureUpdateKey(feature="eligible.leader.replicas.version", max_version_level=1)
    answer = bench.ask(1, UpdateFeaturesRequest(feature_updates=[elr]))
    assert answer.error_code == ErrorCode.INVALID_UPDATE_VERSION
    assert "Controller 4 does not support this feature." in answer.error_message


# -- elections ------------------------------------------------------------------------------------


def elect(bench: ClusterBench, node_id: int, name: str, index: int, kind: int = 0) -> int:
    asked = [TopicPartitions(topic=name, partitions=[index])]
    answer = bench.ask(node_id, ElectLeadersRequest(election_type=kind, topic_partitions=asked))
    code: int = answer.replica_election_results[0].partition_result[0].error_code
    return code


def test_the_preferred_leader_leads_again_when_asked(bench: ClusterBench) -> None:
    gone = bystander(bench)
    index = gone - 1  # its own: the first replica of partition i is i + 1
    witness = lose(bench, gone)
    assert elect(bench, witness, "orders", index) == ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
    bench.restart(gone)
    bench.wait_until(lambda: gone in bench.partition("orders", index).isr)
    before = bench.partition("orders", index)
    assert before.leader != gone
    assert elect(bench, witness, "orders", index) == 0
    after = bench.partition("orders", index)
    assert (after.leader, after.leader_epoch) == (gone, before.leader_epoch + 1)
    assert elect(bench, witness, "orders", index) == ErrorCode.ELECTION_NOT_NEEDED


def test_an_unclean_election_is_made_where_nobody_else_can_lead(bench: ClusterBench) -> None:
    first = bystander(bench)
    second = other_than(bench, bench.controller, first)
    bench.create_topic("pair", [[first, second]])
    witness = lose(bench, first)
    assert bench.partition("pair", 0).leader == second
    assert elect(bench, witness, "pair", 0, UNCLEAN) == ErrorCode.ELECTION_NOT_NEEDED
    bench.kill(second)
    bench.restart(first)
    bench.wait_until(lambda: bench.partition("pair", 0).leader == -1)
    nobody = bench.partition("pair", 0)
    assert (nobody.isr, nobody.elr) == ((), (second,)), "the other one has what was acknowledged"
    assert elect(bench, first, "pair", 0) == ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
    assert elect(bench, first, "pair", 0, UNCLEAN) == 0
    after = bench.partition("pair", 0)
    assert (after.leader, after.isr) == (first, (first,))


# -- moves ----------------------------------------------------------------------------------------


def move(bench: ClusterBench, node_id: int, index: int, replicas: list[int] | None) -> int:
    partition = reassign.ReassignablePartition(partition_index=index, replicas=replicas)
    topic = reassign.ReassignableTopic(name="pair", partitions=[partition])
    answer = bench.ask(node_id, reassign.AlterPartitionReassignmentsRequest(topics=[topic]))
    code: int = answer.responses[0].partitions[0].error_code
    return code


def moving(bench: ClusterBench, node_id: int) -> list[tuple[list[int], list[int], list[int]]]:
    answer = bench.ask(node_id, ListPartitionReassignmentsRequest())
    return [
        (p.replicas, p.adding_replicas, p.removing_replicas)
        for topic in answer.topics
        for p in topic.partitions
    ]


def test_a_partition_moves_and_the_move_is_seen(bench: ClusterBench) -> None:
    bench.create_topic("pair", [[1, 2]])
    assert move(bench, 1, 0, [2, 3]) == 0
    bench.wait_until(lambda: bench.partition("pair", 0).replicas == (2, 3))
    assert moving(bench, 1) == []
    partition = bench.partition("pair", 0)
    assert (partition.leader, sorted(partition.isr)) == (2, [2, 3])


def test_a_move_to_a_dead_broker_waits_and_can_be_called_off(bench: ClusterBench) -> None:
    dead = bystander(bench)
    one, two = (i for i in bench.ids if i != dead)
    bench.create_topic("pair", [[one, two]])
    witness = lose(bench, dead)
    assert move(bench, witness, 0, [one, dead]) == 0
    bench.wait(SESSION_MS)
    [(replicas, adding, removing)] = moving(bench, witness)
    assert (sorted(replicas), adding, removing) == ([1, 2, 3], [dead], [two])
    assert move(bench, witness, 0, None) == 0
    assert moving(bench, witness) == []
    assert bench.partition("pair", 0).replicas == (one, two)
    assert move(bench, witness, 0, None) == ErrorCode.NO_REASSIGNMENT_IN_PROGRESS


# -- brokers that do not come back ----------------------------------------------------------------


def test_a_dead_broker_is_forgotten_on_request(bench: ClusterBench) -> None:
    dead = bystander(bench)
    witness = lose(bench, dead)
    assert bench.ask(witness, UnregisterBrokerRequest(broker_id=dead)).error_code == 0
    answer = bench.ask(witness, DescribeClusterRequest(include_fenced_brokers=True))
    assert dead not in [broker.broker_id for broker in answer.brokers]
    again = bench.ask(witness, UnregisterBrokerRequest(broker_id=dead))
    assert again.error_code == ErrorCode.BROKER_ID_NOT_REGISTERED
    bench.restart(dead)
    assert dead in [broker.node_id for broker in look(bench, witness).brokers]
