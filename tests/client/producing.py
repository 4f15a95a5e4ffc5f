"""What producer stories have in common: a producer on a stage, and the answers of its leaders."""

from typing import Any

from broker.client.config import ProducerConfig
from broker.client.outcomes import Delivery
from broker.client.partitioner import Partitioner
from broker.client.producer import Producer
from broker.events import Send
from broker.wire.errors import ErrorCode
from broker.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from broker.wire.messages.produce import (
    LeaderIdAndEpoch,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from broker.wire.records import BatchHeader, read_header, read_records
from tests.client.scene import EvenEntropy, Scene

PRODUCER_ID = 4000


class ProducerScene(Scene):
    """A producer that knows its topic and has its id: ready to send."""

    machine: Producer

    def __init__(
        self,
        leaders: dict[str, list[int]] | None = None,
        partitioner: Partitioner | None = None,
        with_id: bool = True,
        **settings: Any,
    ) -> None:
        config = ProducerConfig(**{"linger_ms": 0, **settings})
        super().__init__(Producer([1], EvenEntropy(), config, partitioner), leaders)
        self.start()
        if config.idempotent and with_id:
            self.give_id()

    def give_id(self, producer_id: int = PRODUCER_ID, epoch: int = 0) -> None:
        send, _ = self.take(InitProducerIdRequest)
        answer = InitProducerIdResponse(producer_id=producer_id, producer_epoch=epoch)
        self.answer(send, answer)

    def send(
        self, value: str, key: str | None = None, topic: str = "orders", **more: Any
    ) -> Delivery:
        raw = None if key is None else key.encode()
        delivery, effects = self.machine.send(
            topic, key=raw, value=value.encode(), now=self.now, **more
        )
        self.follow(effects)
        return delivery

    def produce(self, peer: int | None = None) -> "Produced":
        """The oldest open Produce request."""
        send, request = self.take(ProduceRequest, peer)
        return Produced(self, send, request)


class Produced:
    """A Produce request on the leader's desk."""

    def __init__(self, scene: ProducerScene, send: Send, request: ProduceRequest) -> None:
        self.scene = scene
        self.sent = send
        self.request = request

    @property
    def batches(self) -> dict[str, BatchHeader]:
        return {where: read_header(records) for where, records in self._records()}

    @property
    def values(self) -> dict[str, list[str]]:
        """What is in it: {"orders-0": ["created", "paid"]}."""
        return {
            where: [(r.value or b"").decode() for r in read_records(records)]
            for where, records in self._records()
        }

    @property
    def batch(self) -> BatchHeader:
        [header] = self.batches.values()
        return header

    def _records(self) -> list[tuple[str, Any]]:
        return [
            (f"{topic.name}-{partition.index}", partition.records)
            for topic in self.request.topic_data
            for partition in topic.partition_data
        ]

    def written(self, offset: int = 0, **more: Any) -> None:
        """Answer that all batches are in the log, from this offset on."""
        self._answer(base_offset=offset, **more)

    def refused(self, code: ErrorCode, leader: tuple[int, int] = (-1, -1), **more: Any) -> None:
        """Answer with an error for all batches, and perhaps with who leads instead."""
        hint = LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1])
        self._answer(error_code=code, base_offset=-1, current_leader=hint, **more)

    def _answer(self, **fields: Any) -> None:
        """As a broker of the request's version does: names up to 12, ids from 13 on."""
        by_id = self.sent.api_version >= 13
        responses = [
            TopicProduceResponse(
                name="" if by_id else topic.name,
                topic_id=topic.topic_id if by_id else bytes(16),
                partition_responses=[
                    PartitionProduceResponse(index=partition.index, **fields)
                    for partition in topic.partition_data
                ],
            )
            for topic in self.request.topic_data
        ]
        self.scene.answer(self.sent, ProduceResponse(responses=responses))
