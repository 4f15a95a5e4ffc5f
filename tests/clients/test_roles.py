"""Nodes that only control, and nodes that only keep records."""

from __future__ import annotations

from pathlib import Path

from broker.server.siblings import ReservedPorts
from tests.clients.numbers import Writer, judge, read_all
from tests.clients.trio import Trio


class Divided(Trio):
    """One controller that is no broker, and two brokers that do not vote."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, default_replication_factor=2, min_insync_replicas=1)
        self.reserved.close()
        self.reserved = ReservedPorts(3)
        one, two, three = self.reserved.ports
        shared = {
            "controller.quorum.voters": f"1@127.0.0.1:{one.controller}",
            "controller.listener.names": "CONTROLLER",
            "default.replication.factor": "2",
        }
        self.settings = {
            1: {
                "process.roles": "controller",
                "listeners": f"CONTROLLER://127.0.0.1:{one.controller}",
            },
            2: {"process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{two.broker}"},
            3: {"process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{three.broker}"},
        }
        for node, settings in self.settings.items():
            settings.update(shared, **{"node.id": str(node), "log.dirs": str(folder / str(node))})
        self.addresses = {2: f"127.0.0.1:{two.broker}", 3: f"127.0.0.1:{three.broker}"}


def test_a_controller_and_two_brokers(tmp_path: Path) -> None:
    with Divided(tmp_path) as cluster:
        cluster.create("numbers", 2, replicas=2)
        with Writer(cluster.bootstrap, partitions=2, rate=2_000) as writer:
            writer.goes_on()
            cluster.kill(3)
            writer.goes_on()
            cluster.kill(1)  # what is led is led on without a controller
            writer.goes_on()
            cluster.start(1, 3)
            cluster.wait_for_isr("numbers", 2)
        judge(writer, read_all(cluster.bootstrap, partitions=2))
        assert not list((tmp_path / "1").glob("numbers-*")), "a controller holds no partitions"
        assert cluster.controller() == 1
