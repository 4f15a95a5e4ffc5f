"""Apache Kafka as a running broker: one node that is broker and controller, as ours is.

Its heap is bounded to the gigabyte of Kafka's own start script (which would take all of it at once;
a quarter suffices here), and its garbage collector is set as that script does.
"""

from __future__ import annotations

import subprocess

from benchmarks import peer
from benchmarks.brokers import PEERS, Broker
from benchmarks.children import LOOPBACK, free_port

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
    """One broker of Apache Kafka, on storage that was formatted beforehand."""

    name = PEERS

    def prepare(self) -> list[str]:
        settings = self.folder / "server.properties"
        settings.write_text("\n".join(f"{key}={value}" for key, value in self.settings().items()))
        format_storage = peer.command("storage", "format", "-t", CLUSTER_ID, "-c", str(settings))
        formatted = subprocess.run(format_storage, capture_output=True, text=True, timeout=60)
        if formatted.returncode != 0:
            raise RuntimeError(f"Apache Kafka: storage: {formatted.stdout}{formatted.stderr}")
        return [*peer.java(*HEAP, *PERFORMANCE), peer.TOOLS["broker"], str(settings)]

    def settings(self) -> dict[str, object]:
        """Kafka's defaults, but for what one node on loopback needs."""
        broker = f"{LOOPBACK}:{self.port}"
        controller = f"{LOOPBACK}:{free_port()}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
        }
