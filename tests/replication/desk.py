"""One broker on the table: what a handler sees of it, and its disk."""

from __future__ import annotations

from typing import Any

from broker.api import fetch, list_offsets, offset_for_leader_epoch, produce
from broker.events import Close, Effect, RequestArrived, Respond
from broker.log.disk import MemoryDisk
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.replication.replicas import Replicas
from broker.replication.waiting import WaitingRoom
from broker.wire.schema import Message
from tests.bench import Dice

HANDLERS: dict[int, Any] = {
    0: produce.handle,
    1: fetch.handle,
    2: list_offsets.handle,
    23: offset_for_leader_epoch.handle,
}


class Desk:
    """One broker: what a handler sees of it, and its disk."""

    def __init__(self, broker_id: int, epoch: int, **settings: Any) -> None:
        self.node_id = broker_id
        self.epoch = epoch
        self.settings = settings
        self.disk = MemoryDisk()
        self.boot(clean=True)

    def boot(self, clean: bool = False) -> None:
        settings = {"node.id": str(self.node_id)}
        settings |= {name.replace("_", "."): str(v) for name, v in self.settings.items()}
        self.config = BrokerConfig.from_settings(settings)
        self.effects: list[Effect] = []
        self.replicas = Replicas(
            self.disk, self.config, Dice(self.node_id), self.effects, clean=clean
        )
        self.produces: WaitingRoom[Any] = WaitingRoom()
        self.fetches: WaitingRoom[Any] = WaitingRoom()
        self.heard = 0
        self.answers: dict[int, Message | None] = {}

    @property
    def image(self) -> ClusterImage:
        return self.replicas.image

    def respond(self, request: RequestArrived, body: Message | None) -> None:
        self.effects.append(
            Respond(
                request.connection, request.correlation_id, request.api_key,
                request.api_version, body,
            )
        )  # fmt: skip

    def close(self, connection: int, reason: str) -> None:
        self.effects.append(Close(connection, reason))

    def deadline(self) -> int | None:
        times = (self.replicas.deadline(), self.produces.deadline(), self.fetches.deadline())
        return min((time for time in times if time is not None), default=None)
