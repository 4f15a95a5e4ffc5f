"""What a run is made of, besides its seed and its commands: the brokers, and their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.metadata.configs import BrokerConfig

RUN_VERSION = "0.1.0"
"""Part of what a run is: another version may do another thing with the same seed."""

REPLICAS = 3
"""A partition has so many replicas, if there are so many brokers and nobody says otherwise."""

CODEC_SHARE = 0.25
"""So many of all seeds pass every message through bytes."""


@dataclass(frozen=True)
class Options:
    """What a run is made of, besides its seed and its commands."""

    brokers: int
    codec: bool | None
    settings: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """As the trace's header shows them."""
        return {"brokers": self.brokers, "codec": self.codec, "settings": self.settings}


def broker_config(node_id: int, options: Options) -> BrokerConfig:
    """The settings of one broker of a simulation: Kafka's defaults, but for a few.

    Topics are not created by asking for them: a misspelt name should be a clear error in a lesson.
    """
    ours = {"node.id": str(node_id), "auto.create.topics.enable": "false"}
    if options.brokers > 1:
        voters = [f"{n}@broker-{n}:9093" for n in range(1, options.brokers + 1)]
        here = f"broker-{node_id}"
        ours |= {
            "process.roles": "broker,controller",
            "listeners": f"PLAINTEXT://{here}:9092,CONTROLLER://{here}:9093",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(voters),
            "default.replication.factor": str(min(REPLICAS, options.brokers)),
        }
    return BrokerConfig.from_settings(ours | options.settings)
