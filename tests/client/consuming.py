"""What consumer stories have in common: a consumer on a stage, and the answers of its leaders."""

from collections.abc import Sequence
from typing import Any

from broker.client.config import ConsumerConfig
from broker.client.consumer import Consumer
from broker.client.fetcher import ConsumedRecord
from broker.events import Send
from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    PartitionData,
)
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from broker.wire.records import build_batch
from tests.client.scene import EvenEntropy, Scene


def batch(base_offset: int, *values: str, **more: Any) -> bytes:
    """A stored batch: one record for each value."""
    records = [(1_000 + i, None, value.encode(), ()) for i, value in enumerate(values)]
    return bytes(build_batch(records, base_offset=base_offset, **more))


class ConsumerScene(Scene):
    """A consumer, assigned to orders-0 unless the story says otherwise."""

    machine: Consumer

    def __init__(
        self,
        leaders: dict[str, list[int]] | None = None,
        assign: Sequence[tuple[str, int]] = (("orders", 0),),
        at: int | None = 0,
        **settings: Any,
    ) -> None:
        config = ConsumerConfig(**settings)
        super().__init__(Consumer([1], EvenEntropy(), config), leaders)
        self.start()
        self.assign(assign, at)

    def assign(self, partitions: Sequence[tuple[str, int]], at: int | None = None) -> None:
        self.follow(self.machine.assign(partitions, at=at, now=self.now))

    def poll(self, max_records: int | None = None) -> list[ConsumedRecord]:
        records, effects = self.machine.poll(now=self.now, max_records=max_records)
        self.follow(effects)
        return records

    def values(self, max_records: int | None = None) -> list[str]:
        """Poll, and look at the values only."""
        return [(record.value or b"").decode() for record in self.poll(max_records)]

    def position(self, partition: int = 0) -> int | None:
        return self.machine.position("orders", partition)

    def fetch(self, peer: int | None = None) -> "Fetched":
        """The oldest open Fetch."""
        send, request = self.take(FetchRequest, peer)
        return Fetched(self, send, request)

    def lookup(self, peer: int | None = None) -> "LookedUp":
        """The oldest open ListOffsets."""
        send, request = self.take(ListOffsetsRequest, peer)
        return LookedUp(self, send, request)


class Fetched:
    """A Fetch on the leader's desk."""

    def __init__(self, scene: ConsumerScene, send: Send, request: FetchRequest) -> None:
        self.scene = scene
        self.sent = send
        self.request = request

    @property
    def partitions(self) -> dict[int, FetchPartition]:
        return {p.partition: p for topic in self.request.topics for p in topic.partitions}

    @property
    def offset(self) -> int:
        """What a request for one partition asks for."""
        [partition] = self.partitions.values()
        return partition.fetch_offset

    def found(self, *batches: bytes, end: int = 100) -> None:
        """Answer with batches of the only partition."""
        [index] = self.partitions
        self.found_in({index: b"".join(batches)}, end)

    def found_in(self, records: dict[int, bytes], end: int = 100) -> None:
        """Answer for several partitions."""
        self._answer(
            PartitionData(partition_index=index, high_watermark=end, records=data)
            for index, data in records.items()
        )

    def refused(self, code: ErrorCode, leader: tuple[int, int] = (-1, -1)) -> None:
        hint = LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1])
        self._answer(
            PartitionData(partition_index=index, error_code=code, current_leader=hint)
            for index in self.partitions
        )

    def _answer(self, partitions: Any) -> None:
        [topic] = self.request.topics
        by_id = self.sent.api_version >= 13
        answer = FetchableTopicResponse(
            topic="" if by_id else topic.topic,
            topic_id=topic.topic_id if by_id else bytes(16),
            partitions=list(partitions),
        )
        self.scene.answer(self.sent, FetchResponse(responses=[answer]))


class LookedUp:
    """A ListOffsets on the leader's desk."""

    def __init__(self, scene: ConsumerScene, send: Send, request: ListOffsetsRequest) -> None:
        self.scene = scene
        self.sent = send
        self.request = request

    @property
    def asked(self) -> ListOffsetsPartition:
        [topic] = self.request.topics
        [partition] = topic.partitions
        return partition

    def found(self, offset: int, code: ErrorCode = ErrorCode.NONE) -> None:
        """Answer for all partitions."""
        topics = [
            ListOffsetsTopicResponse(
                name=topic.name,
                partitions=[
                    ListOffsetsPartitionResponse(
                        partition_index=p.partition_index, error_code=code, offset=offset
                    )
                    for p in topic.partitions
                ],
            )
            for topic in self.request.topics
        ]
        self.scene.answer(self.sent, ListOffsetsResponse(topics=topics))
