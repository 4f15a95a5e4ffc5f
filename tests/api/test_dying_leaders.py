"""Between a leader's death and the election of the next, clients are told the truth: nobody leads.

Told the name of the dead one, as the metadata still have it, a client would believe it, and lose a
second before it asks again.
"""

from __future__ import annotations

from typing import Any

import pytest

from broker.events import Now
from broker.replication.contact import Contact
from broker.wire.errors import ErrorCode
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.cluster_bench import ClusterBench

SESSION_US = 1_000_000


@pytest.fixture
def bench() -> ClusterBench:
    """A cluster whose topic is led by a broker that is not the controller."""
    bench = ClusterBench()
    leader = next(i for i in bench.ids if i != bench.controller)
    bench.create_topic("orders", [[leader, *(i for i in bench.ids if i != leader)]])
    bench.wait(100)
    return bench


def look(bench: ClusterBench, witness: int, name: str = "orders") -> Any:
    """The first partition of a topic, as a client is told."""
    answer = bench.ask(witness, MetadataRequest(topics=[MetadataRequestTopic(name=name)]))
    return answer.topics[0].partitions[0]


def named(bench: ClusterBench, witness: int) -> list[int]:
    """The brokers that a client is told of."""
    answer = bench.ask(witness, MetadataRequest(topics=[]))
    return [broker.node_id for broker in answer.brokers]


def test_nobody_leads_until_another_one_does(bench: ClusterBench) -> None:
    dead = bench.partition("orders", 0).leader
    bench.kill(dead)
    bench.wait(20)
    for witness in bench.nodes:
        assert not bench.nodes[witness].image.brokers[dead].fenced, "the controller still waits"
        assert look(bench, witness).leader_id == -1
        assert look(bench, witness).error_code == ErrorCode.LEADER_NOT_AVAILABLE
    bench.wait_until(lambda: bench.partition("orders", 0).leader in bench.nodes)
    bench.wait(20)
    for witness in bench.nodes:
        assert look(bench, witness).leader_id == bench.partition("orders", 0).leader
        assert look(bench, witness).error_code == ErrorCode.NONE


def test_the_dead_one_is_not_missing_from_the_answer_that_names_its_heir(
    bench: ClusterBench,
) -> None:
    """librdkafka would take the partition from both of them, and ask again a second later."""
    dead = bench.partition("orders", 0).leader
    bench.kill(dead)
    bench.wait_until(lambda: bench.partition("orders", 0).leader in bench.nodes)
    witness = bench.partition("orders", 0).leader
    assert dead in named(bench, witness)
    assert dead in look(bench, witness).offline_replicas
    bench.wait(2_000)
    assert dead not in named(bench, witness)


def test_who_comes_back_in_a_moment_leads_again_at_once(bench: ClusterBench) -> None:
    """What only it keeps has no other leader, and must not wait for a suspicion to pass."""
    back = bench.partition("orders", 0).leader
    bench.create_topic("lonely", [[back]])
    bench.kill(back)
    witness = next(iter(bench.nodes))
    bench.wait_until(lambda: bench.nodes[witness].image.brokers[back].fenced)
    assert look(bench, witness, "lonely").leader_id == -1
    bench.restart(back)
    bench.wait_until(lambda: bench.nodes[witness].image.is_active(back))
    assert look(bench, witness, "lonely").leader_id == back


def test_a_connection_that_breaks_is_only_a_connection() -> None:
    contact = Contact()
    contact.answered()
    assert contact.broke(Now(0, 0)), "another one is tried at once"
    assert not contact.is_gone(Now(0, 0), SESSION_US)


def test_a_leader_that_also_refuses_the_next_is_gone() -> None:
    contact = Contact()
    contact.answered()
    contact.broke(Now(0, 0))
    assert not contact.broke(Now(0, 5)), "no hurry any more"
    assert contact.is_gone(Now(0, 5), SESSION_US)
    contact.answered()
    assert not contact.is_gone(Now(0, 6), SESSION_US)


def test_the_controller_has_the_last_word() -> None:
    """Only the way may be cut: who is still the leader after a session's time is the leader."""
    contact = Contact()
    contact.broke(Now(0, 0))
    contact.broke(Now(0, 900_000))
    assert contact.is_gone(Now(0, SESSION_US - 1), SESSION_US)
    assert not contact.is_gone(Now(0, SESSION_US), SESSION_US)
