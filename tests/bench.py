"""A broker on a table: one node on a memory disk, without network, threads or clocks.

    bench = Bench(num_partitions=3)
    bench.create_topic("orders", partitions=1)
    answer = bench.ask(FetchRequest(...))

Every request and answer passes through its bytes, in the version asked for, as it would on a wire.
Syncs are carried out at once, unless `bench.hold_syncs` is set: then they wait for `sync()`.
"""

from __future__ import annotations

import random
from typing import Any

from broker.api.table import APIS, read_request
from broker.events import (
    Close,
    DeadlineCame,
    Disconnected,
    Effect,
    Now,
    Respond,
    Sync,
    Synced,
)
from broker.log.disk import MemoryDisk
from broker.metadata.configs import BrokerConfig
from broker.node import Node
from broker.wire.frames import RequestHeader, decode_response, encode_request, encode_response
from broker.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, PartitionData
from broker.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from broker.wire.records import build_batch, iter_batches, read_records
from broker.wire.schema import Message

DAWN_MS = 1_700_000_000_000


class Dice:
    """Entropy from a seed."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> bytes:
        return bytes(int(self._random.random() * 256) for _ in range(16))

    def random(self) -> float:
        return self._random.random()


class Bench:
    """A node, its disk, its time, and one client who asks and reads the answers."""

    def __init__(self, disk: MemoryDisk | None = None, **settings: Any) -> None:
        self.disk = disk or MemoryDisk()
        self.settings = {name.replace("_", "."): str(value) for name, value in settings.items()}
        self.mono_us = 0
        self.dice = Dice()
        self.hold_syncs = False
        self.held: list[Sync] = []
        self.answers: dict[int, tuple[int, int, Message | None]] = {}
        self.closed: dict[int, str] = {}
        self._correlation = 0
        self.boot()

    # -- life and death ---------------------------------------------------------------------------

    def boot(self) -> None:
        """Start a node on the disk as it is."""
        self.node = Node(BrokerConfig.from_settings(self.settings), self.disk, self.dice)
        self.carry_out(self.node.start(self.now))
        while not self.node.ready and self._is_due():
            self.carry_out(self.node.handle(DeadlineCame(), self.now))

    def _is_due(self) -> bool:
        deadline = self.node.deadline()
        return deadline is not None and deadline <= self.mono_us

    def stop(self) -> None:
        """Stop the node in order."""
        self.carry_out(self.node.shutdown(self.now))
        assert self.node.stopped
        assert not self.node.failure

    def kill(self) -> None:
        """The process dies; what it wrote stays in the page cache."""
        self.disk.crash()
        self.boot()

    def lose_power(self, seed: int = 1) -> None:
        """The machine dies; what was not synced may be gone, or torn."""
        self.disk.power_loss(random.Random(seed))
        self.held.clear()
        self.boot()

    # -- time and effects -------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(DAWN_MS * 1000 + self.mono_us, self.mono_us)

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Respond):
                self._answered(effect)
            elif isinstance(effect, Close):
                self.closed[effect.connection] = effect.reason
            elif isinstance(effect, Sync):
                self.held.append(effect)
        if not self.hold_syncs:
            self.sync()

    def sync(self) -> None:
        """Let the disk make durable what it was asked to."""
        while self.held:
            effect = self.held.pop(0)
            self.disk.sync(effect.paths)
            self.carry_out(self.node.handle(Synced(effect.token), self.now))

    def wait(self, ms: int) -> None:
        """Let time pass, with every deadline on the way."""
        end = self.mono_us + ms * 1000
        while True:
            deadline = self.node.deadline()
            if deadline is None or deadline > end:
                break
            self.mono_us = max(self.mono_us, deadline)
            self.carry_out(self.node.handle(DeadlineCame(), self.now))
        self.mono_us = end

    # -- asking -----------------------------------------------------------------------------------

    def send(self, body: Message, version: int | None = None, connection: int = 1) -> int:
        """Send a request; returns the number under which its answer will be found."""
        self._correlation += 1
        key = body.schema.key
        if version is None:
            version = APIS[key].max_version
        header = RequestHeader(
            request_api_key=key,
            request_api_version=version,
            correlation_id=self._correlation,
            client_id="bench",
        )
        frame = bytearray(encode_request(header, body)[4:])
        self.carry_out(self.node.handle(read_request(frame, connection), self.now))
        return self._correlation

    def ask(self, body: Message, version: int | None = None, connection: int = 1) -> Any:
        """Send a request that is answered at once."""
        number = self.send(body, version, connection)
        assert number in self.answers, f"no answer to {body}; closed: {self.closed}"
        return self.answer(number)

    def answer(self, number: int) -> Any:
        """The answer to a request, after its way through bytes."""
        key, version, body = self.answers[number]
        if body is None:
            return None
        frame = encode_response(key, version, number, body)
        return decode_response(key, version, memoryview(frame)[4:])[1]

    def answered(self, number: int) -> bool:
        return number in self.answers

    def disconnect(self, connection: int = 1) -> None:
        self.carry_out(self.node.handle(Disconnected(connection), self.now))

    def _answered(self, effect: Respond) -> None:
        assert effect.correlation_id not in self.answers, "answered twice"
        self.answers[effect.correlation_id] = (effect.api_key, effect.api_version, effect.body)

    # -- what nearly every story needs ------------------------------------------------------------

    def create_topic(self, name: str, partitions: int = 1, **configs: Any) -> Any:
        topic = CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreatableTopicConfig(name=key.replace("_", "."), value=str(value))
                for key, value in configs.items()
            ],
        )
        answer = self.ask(CreateTopicsRequest(topics=[topic], timeout_ms=1000))
        assert answer.topics[0].error_code == 0, answer
        return answer.topics[0]

    def batch(self, *values: str | bytes, timestamp_ms: int | None = None, **kind: Any) -> bytes:
        at = DAWN_MS + self.mono_us // 1000 if timestamp_ms is None else timestamp_ms
        return bytes(
            build_batch(
                ((at, None, v.encode() if isinstance(v, str) else v, ()) for v in values), **kind
            )
        )

    def produce_request(
        self, topic: str, batch: bytes, partition: int = 0, acks: int = -1, timeout_ms: int = 1000
    ) -> ProduceRequest:
        data = PartitionProduceData(index=partition, records=batch)
        return ProduceRequest(
            acks=acks,
            timeout_ms=timeout_ms,
            topic_data=[TopicProduceData(name=topic, partition_data=[data])],
        )

    def produce(
        self, topic: str, *values: str, partition: int = 0, acks: int = -1, **kind: Any
    ) -> PartitionProduceResponse:
        """Append one batch and return the partition's answer."""
        request = self.produce_request(topic, self.batch(*values, **kind), partition, acks)
        answer = self.ask(request, version=12)
        result: PartitionProduceResponse = answer.responses[0].partition_responses[0]
        return result

    def fetch_request(
        self,
        topic: str,
        offset: int,
        partition: int = 0,
        max_bytes: int = 1 << 20,
        wait_ms: int = 0,
        min_bytes: int = 1,
        epoch: int = -1,
    ) -> FetchRequest:
        asked = FetchPartition(
            partition=partition,
            fetch_offset=offset,
            partition_max_bytes=max_bytes,
            current_leader_epoch=epoch,
        )
        return FetchRequest(
            max_wait_ms=wait_ms,
            min_bytes=min_bytes,
            topics=[FetchTopic(topic=topic, partitions=[asked])],
        )

    def fetch(self, topic: str, offset: int, partition: int = 0, **how: Any) -> PartitionData:
        """Read once, without waiting."""
        answer = self.ask(self.fetch_request(topic, offset, partition, **how), version=12)
        result: PartitionData = answer.responses[0].partitions[0]
        return result

    def values(self, topic: str, offset: int = 0, partition: int = 0) -> list[str]:
        """All committed values from an offset on; one answer never spans two segments."""
        values: list[str] = []
        while True:
            data = self.fetch(topic, offset, partition)
            assert data.error_code == 0, data
            values += values_of(data)
            if not data.records:
                return values
            offset = [header.next_offset for header, _ in iter_batches(data.records)][-1]


def values_of(data: PartitionData) -> list[str]:
    """The values in an answer, unpacked as a client would."""
    return [
        (record.value or b"").decode()
        for _, batch in iter_batches(data.records or b"")
        for record in read_records(batch)
    ]
