"""Apache Kafka's tools for administrators, on three brokers of which one comes and goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from benchmarks import peer
from tests.clients.trio import BROKERS, Trio, wait_until

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def trio(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with Trio(tmp_path_factory.mktemp("trio")) as running:
        yield running


def at(trio: Trio, tool: str, *arguments: str) -> str:
    return _asked(tool, "--bootstrap-server", trio.bootstrap, *arguments)


def at_controllers(trio: Trio, tool: str, *arguments: str) -> str:
    controllers = trio.settings[1]["controller.quorum.voters"].replace("@", " ").split(",")
    bootstrap = ",".join(voter.split()[1] for voter in controllers)
    return _asked(tool, "--bootstrap-controller", bootstrap, *arguments)


def _asked(tool: str, option: str, bootstrap: str, *arguments: str) -> str:
    if tool == "cluster":  # it wants to hear first what to do
        return peer.run(tool, *arguments, option, bootstrap)
    return peer.run(tool, option, bootstrap, *arguments)


def described(trio: Trio, topic: str) -> dict[int, tuple[int, str, str, str]]:
    """What `topics --describe` tells of each partition: leader, replicas, ISR, ELR."""
    line = re.compile(
        r"Partition: (\d+)\tLeader: (\w+)\tReplicas: ([\d,]+)\tIsr: ([\d,]*)\tElr: ([\d,]*)"
    )
    told = at(trio, "topics", "--describe", "--topic", topic)
    return {
        int(index): (-1 if leader == "none" else int(leader), replicas, isr, elr)
        for index, leader, replicas, isr, elr in line.findall(told)
    }


def place(trio: Trio, topic: str, *replicas: list[int]) -> None:
    """Create a topic on these brokers, each partition's preferred leader first."""
    new = NewTopic(topic, len(replicas), replica_assignment=list(replicas))
    client = trio.admin()
    client.create_topics([new])[topic].result(10)
    trio.wait_for_isr(topic, len(replicas[0]))


def leader_is(trio: Trio, topic: str, leader: int) -> bool:
    return trio.admin().list_topics(topic, timeout=5).topics[topic].partitions[0].leader == leader


def test_topics_are_placed_described_and_grow(trio: Trio) -> None:
    made = ("--create", "--topic", "placed", "--replica-assignment", "1:2:3,2:3:1")
    at(trio, "topics", *made)
    at(trio, "topics", "--alter", "--topic", "placed", "--partitions", "4")
    told = described(trio, "placed")
    assert told[0] == (1, "1,2,3", "1,2,3", "")
    assert told[1] == (2, "2,3,1", "2,3,1", "")
    assert len(told) == 4


def test_the_quorum_is_described_by_brokers_and_by_controllers(trio: Trio) -> None:
    status = at_controllers(trio, "metadata-quorum", "describe", "--status")
    assert re.search(rf"LeaderId: +{trio.controller()}\n", status)
    voters = json.loads(status.partition("CurrentVoters:")[2].splitlines()[0])
    assert [voter["id"] for voter in voters] == list(BROKERS)
    assert all(voter["endpoints"][0].startswith("CONTROLLER://127.0.0.1:") for voter in voters)
    replication = at(trio, "metadata-quorum", "describe", "--replication")
    states = [line.split()[-1] for line in replication.splitlines()[1:] if line.strip()]
    assert sorted(states) == ["Follower", "Follower", "Leader"]


def test_features_and_endpoints_are_listed(trio: Trio) -> None:
    features = at(trio, "features", "describe")
    assert re.search(r"metadata.version .*FinalizedVersionLevel: 4\.3", features)
    assert re.search(r"eligible.leader.replicas.version .*FinalizedVersionLevel: 1", features)
    assert at(trio, "cluster", "list-endpoints").count("unfenced") == len(BROKERS)
    assert at_controllers(trio, "cluster", "list-endpoints").count("controller") == len(BROKERS)


def test_a_partition_is_moved_and_the_move_verified(trio: Trio, tmp_path: Path) -> None:
    place(trio, "moved", [1, 2])
    plan = tmp_path / "plan.json"
    move = {"topic": "moved", "partition": 0, "replicas": [2, 3]}
    plan.write_text(json.dumps({"version": 1, "partitions": [move]}))
    asked = ("--reassignment-json-file", str(plan))
    executed = at(trio, "reassign-partitions", *asked, "--execute")
    assert "Successfully started partition reassignment for moved-0" in executed
    wait_until(lambda: leader_is(trio, "moved", 2))
    verified = at(trio, "reassign-partitions", *asked, "--verify")
    assert "Reassignment of partition moved-0 is completed." in verified
    assert "No partition reassignments found." in at(trio, "reassign-partitions", "--list")
    assert described(trio, "moved") == {0: (2, "2,3", "2,3", "")}


def test_a_broker_dies_and_leads_again_when_asked(trio: Trio) -> None:
    dead = next(broker for broker in BROKERS if broker != trio.controller())
    place(trio, "elected", [dead, *(broker for broker in BROKERS if broker != dead)])
    place(trio, "lonely", [dead])
    trio.kill(dead)
    wait_until(lambda: leader_is(trio, "lonely", -1))
    assert described(trio, "lonely") == {0: (-1, f"{dead}", "", f"{dead}")}
    endpoints = at(trio, "cluster", "list-endpoints", "--include-fenced-brokers")
    assert re.search(rf"^{dead} .* fenced", endpoints, re.MULTILINE)
    missing = at(trio, "topics", "--describe", "--unavailable-partitions")
    assert "Topic: lonely" in missing
    assert "Topic: elected" not in missing
    trio.start(dead)
    trio.wait_for_isr("elected", 3)
    named = ("--topic", "elected", "--partition", "0")
    told = at(trio, "leader-election", "--election-type", "preferred", *named)
    assert "Successfully completed leader election (PREFERRED) for partitions elected-0" in told
    assert leader_is(trio, "elected", dead)
