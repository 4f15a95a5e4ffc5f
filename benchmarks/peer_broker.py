"""Apache Kafka as running brokers: each node is broker and controller, as ours are.

Its heap is bounded to the gigabyte of Kafka's own start script (which would take all of it at once;
a quarter suffices here), and its garbage collector is set as that script does.
"""

from __future__ import annotations

import subprocess

from benchmarks import peer
from benchmarks.brokers import PEERS, Broker
from benchmarks.children import CONTROLLERS_AT, LOOPBACK

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
HEAP = ("-Xms256m", "-Xmx1g")
PERFORMANCE = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)
"""What kafka-run-class.sh sets."""


class ApacheKafka(Broker):
    """Brokers of Apache Kafka, on storage that was formatted beforehand."""

    name = PEERS

    def prepare(self) -> list[list[str]]:
        controllers = [f"{LOOPBACK}:{port + CONTROLLERS_AT}" for port in self.ports]
        return [self._prepare(node, controllers) for node in range(1, self.nodes + 1)]

    def _prepare(self, node: int, controllers: list[str]) -> list[str]:
        settings = self.folder / f"server-{node}.properties"
        lines = (f"{key}={value}" for key, value in self.settings(node, controllers).items())
        settings.write_text("\n".join(lines))
        format_storage = peer.command("storage", "format", "-t", CLUSTER_ID, "-c", str(settings))
        formatted = subprocess.run(format_storage, capture_output=True, text=True, timeout=60)
        if formatted.returncode != 0:
            raise RuntimeError(f"Apache Kafka: storage: {formatted.stdout}{formatted.stderr}")
        return [*peer.java(*HEAP, *PERFORMANCE), peer.TOOLS["broker"], str(settings)]

    def settings(self, node: int, controllers: list[str]) -> dict[str, object]:
        """Kafka's defaults, but for what nodes on loopback need, and what ours get as well."""
        broker = f"{LOOPBACK}:{self.ports[node - 1]}"
        voters = ",".join(f"{number}@{at}" for number, at in enumerate(controllers, 1))
        copies, in_sync = self.nodes, max(1, self.nodes - 1)
        return {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controllers[node - 1]}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / f"data-{node}",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
        }
