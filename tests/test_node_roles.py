"""Nodes that are not both: controllers that keep no records, and brokers that do not vote."""

from __future__ import annotations

import pytest

from broker.api.phase import Phase
from broker.metadata.configs import BrokerConfig
from tests.cluster_bench import ClusterBench
from tests.test_node_cluster import new_topic, produce

ROLES = {"b": "broker", "c": "controller", "a": "broker,controller"}
"""What a node may be, by the letter for it: a broker, a controller, or all of it."""


class Apart(ClusterBench):
    """Nodes of given roles, in order: "bbccc" are two brokers and three controllers."""

    def __init__(self, roles: str) -> None:
        self.roles = dict(enumerate(roles, 1))
        super().__init__(len(roles))

    def _config(self, node_id: int) -> BrokerConfig:
        roles = ROLES[self.roles[node_id]]
        here = {
            "broker": f"PLAINTEXT://127.0.0.1:{19000 + node_id}",
            "controller": f"CONTROLLER://127.0.0.1:{19500 + node_id}",
        }
        voters = [node for node, letter in self.roles.items() if letter != "b"]
        return BrokerConfig.from_settings(
            {
                "node.id": str(node_id),
                "process.roles": roles,
                "listeners": ",".join(here[role] for role in roles.split(",")),
                "controller.listener.names": "CONTROLLER",
                "controller.quorum.voters": ",".join(
                    f"{voter}@127.0.0.1:{19500 + voter}" for voter in voters
                ),
            }
        )


def test_controllers_and_brokers_may_be_nodes_of_their_own() -> None:
    bench = Apart("bbccc")
    assert bench.controller in (3, 4, 5)
    bench.wait_until(lambda: len(list(bench.image.live_brokers())) == 2)
    assert new_topic(bench, 1, copies=2).error_code == 0
    assert produce(bench, "a") == 0
    dead = bench.controller
    bench.kill(dead)
    bench.wait_until(lambda: any(n.broker.controller.active for n in bench.nodes.values()))
    assert new_topic(bench, 2, "more", copies=2).error_code == 0
    bench.restart(dead)
    assert bench.nodes[dead].phase is Phase.SERVING
    for node in (1, 2):
        bench.stop(node)


@pytest.mark.parametrize("roles", ["bbccc", "bbc", "bc", "ab", "abb", "aaab"])
def test_brokers_stay_alive_and_nobody_else_is_taken_for_one(roles: str) -> None:
    """A controller without records is given no replicas. And a broker with nobody beside it but
    a controller is not alone: there is somebody to tell that it lives."""
    brokers = [node for node, letter in enumerate(roles, 1) if letter != "c"]
    bench = Apart(roles)
    bench.wait(3_000)  # three sessions
    assert [broker.broker_id for broker in bench.image.live_brokers()] == brokers
    assert list(bench.image.brokers) == brokers
    assert new_topic(bench, 1, copies=len(brokers)).error_code == 0
    assert new_topic(bench, 1, "more", copies=len(brokers) + 1).error_code != 0


def test_a_controller_without_records_stops_in_order() -> None:
    bench = Apart("bbc")
    for node in (1, 2, 3):
        bench.stop(node)
