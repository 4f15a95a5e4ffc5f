"""What the leader tells of the quorum: DescribeQuorum, with the times of KIP-836."""

from __future__ import annotations

from broker.quorum.config import QuorumConfig, VoterEndpoint
from broker.wire.errors import ErrorCode
from broker.wire.messages.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    PartitionData,
    TopicData,
)
from tests.quorum.stories import Node, feature


def describe(node: Node) -> DescribeQuorumResponse:
    topic = TopicData(topic_name="__cluster_metadata", partitions=[PartitionData()])
    answer = node.ask(DescribeQuorumRequest(topics=[topic]))
    assert isinstance(answer, DescribeQuorumResponse)
    return answer


def test_the_leader_tells_how_far_everybody_is() -> None:
    node = Node().lead()
    node.quorum.append([feature(1)], node.now)
    node.wait(100).fetch(4, 0, 0)
    partition = describe(node).topics[0].partitions[0]
    assert (partition.leader_id, partition.leader_epoch, partition.high_watermark) == (1, 1, 1)
    ends = {each.replica_id: each.log_end_offset for each in partition.current_voters}
    assert ends == {1: 2, 2: 1, 3: -1}
    (observer,) = partition.observers
    assert (observer.replica_id, observer.log_end_offset) == (4, 0)
    assert observer.last_fetch_timestamp == node.now.wall_ms
    assert observer.last_caught_up_timestamp == -1


def test_who_does_not_lead_describes_nothing() -> None:
    partition = describe(Node().follow(2, epoch=1)).topics[0].partitions[0]
    assert partition.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_observers_that_went_are_forgotten() -> None:
    node = Node(voters=(1,)).sync()
    node.fetch(4, 0, 0)
    assert describe(node).topics[0].partitions[0].observers
    node.wait(301_000)
    assert not describe(node).topics[0].partitions[0].observers


def test_the_voters_addresses_are_told() -> None:
    endpoint = VoterEndpoint(1, "CONTROLLER", "localhost", 9093)
    config = QuorumConfig(node_id=1, voters=(1,), endpoints=(endpoint,))
    node = Node(voters=(1,)).sync()
    node.quorum.member.config = config
    (described,) = describe(node).nodes
    assert described.listeners[0].port == 9093
