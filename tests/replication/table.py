"""Brokers on a table: replicas that talk to each other, and a controller of a few lines.

    table = Table(brokers=3)
    table.create("orders", replicas=(1, 2, 3))
    table.produce("orders", "a", "b")          # at its leader, with acks=all
    table.cut(1, 3)                            # no word passes between 1 and 3
    table.elect("orders", 2)

Only the parts under test are real: `Replicas` and the handlers of Produce, Fetch, ListOffsets. Each
message passes through its bytes. Messages are delivered one by one, in the order in which they were
sent, until nobody has more to say; time stands still meanwhile and passes in `wait`.

The metadata are a list of records, and each broker has heard of some of them: `table.deaf.add(1)`
keeps a broker in the past, as a slow one would be.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from broker.api import fetch, produce
from broker.events import RequestArrived
from broker.metadata.image import CONFIG_TOPIC, NO_LEADER_CHANGE, ClusterImage
from broker.replication.partition import Partition
from broker.wire.errors import ErrorCode
from broker.wire.messages.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionResponse,
    PartitionResult,
    TopicResult,
)
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, PartitionData
from broker.wire.messages.metadata_records import (
    BrokerEndpoint,
    BrokerRegistrationChangeRecord,
    ConfigRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    RemoveTopicRecord,
    TopicRecord,
)
from broker.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from broker.wire.records import build_batch, iter_batches, read_records
from broker.wire.schema import Message
from tests.bench import DAWN_MS
from tests.replication.desk import Desk
from tests.replication.post import CONTROLLER, Post


class Table(Post):
    """All of them, what they know of the cluster, and the clients."""

    def __init__(self, brokers: int = 3, **settings: Any) -> None:
        super().__init__()
        self.records: list[Message] = []
        self.image = ClusterImage()
        self.deaf: set[int] = set()
        for broker_id in range(1, brokers + 1):
            self.desks[broker_id] = Desk(broker_id, 0, **settings)
            self.register(broker_id)
        self.settle()

    # -- metadata ---------------------------------------------------------------------------------

    def write(self, *records: Message) -> None:
        """The controller has committed these records."""
        self.records += records
        self.image, _ = self.image.replay(records, len(self.records) - 1)
        self.tell()

    def tell(self) -> None:
        """Let everybody hear of the news who can hear."""
        for desk in self.desks.values():
            if desk.node_id in self.deaf | self.down or desk.heard == len(self.records):
                continue
            image, delta = desk.image.replay(self.records[desk.heard :], len(self.records) - 1)
            desk.heard = len(self.records)
            desk.replicas.apply(image, delta, self.now)
            self._after(desk)

    def register(self, broker_id: int, rack: str | None = None, fenced: bool = False) -> None:
        """A broker begins a new run."""
        desk = self.desks[broker_id]
        desk.epoch = len(self.records)
        desk.replicas.set_controller(CONTROLLER, desk.epoch, self.now)
        self.write(
            RegisterBrokerRecord(
                broker_id=broker_id,
                incarnation_id=bytes([broker_id]) * 16,
                broker_epoch=desk.epoch,
                end_points=[BrokerEndpoint(name="PLAINTEXT", host="h", port=9092)],
                rack=rack,
                fenced=fenced,
            )
        )

    def fence(self, broker_id: int, fenced: bool = True) -> None:
        epoch = self.image.brokers[broker_id].epoch
        self.write(
            BrokerRegistrationChangeRecord(
                broker_id=broker_id, broker_epoch=epoch, fenced=1 if fenced else -1
            )
        )

    def create(
        self,
        topic: str,
        replicas: Sequence[int] = (1, 2, 3),
        partitions: int = 1,
        isr: Sequence[int] | None = None,
        **configs: Any,
    ) -> None:
        """A new topic; the first of the replicas leads each partition."""
        topic_id = bytes([len(self.records)]) * 16
        self.write(
            TopicRecord(name=topic, topic_id=topic_id),
            *_settings(topic, configs),
            *(
                PartitionRecord(
                    partition_id=index,
                    topic_id=topic_id,
                    replicas=list(replicas),
                    isr=list(replicas if isr is None else isr),
                    leader=replicas[0],
                    leader_epoch=0,
                    partition_epoch=0,
                )
                for index in range(partitions)
            ),
        )
        self.settle()

    def configure(self, topic: str, **configs: Any) -> None:
        """Other settings for a topic."""
        self.write(*_settings(topic, configs))

    def delete(self, topic: str) -> None:
        self.write(RemoveTopicRecord(topic_id=self.image.topics[topic].topic_id))

    def change(self, topic: str, index: int = 0, **what: Any) -> None:
        """Any change of a partition; a leader named in it opens a new epoch."""
        what.setdefault("leader", NO_LEADER_CHANGE)
        topic_id = self.image.topics[topic].topic_id
        self.write(PartitionChangeRecord(partition_id=index, topic_id=topic_id, **what))

    def elect(self, topic: str, leader: int, isr: Sequence[int] | None = None) -> None:
        """Another leader; those in sync stay so unless it is said otherwise."""
        self.change(topic, leader=leader, isr=None if isr is None else list(isr))

    def crash(self, broker_id: int, seed: int | None = None) -> None:
        """A broker dies; with a seed the machine does, and what was not synced may be lost."""
        self.down.add(broker_id)
        desk = self.desks[broker_id]
        if seed is None:
            desk.disk.crash()
        else:
            desk.disk.power_loss(random.Random(seed))
        self._break(lambda a, b: broker_id in (a, b))

    def restart(self, broker_id: int, rack: str | None = None) -> None:
        """It comes back in a new run, with what its disk still has."""
        desk = self.desks[broker_id]
        self.down.discard(broker_id)
        desk.boot()
        self.tell()
        while desk.replicas.loading:
            desk.replicas.load(1 << 20, self.now)
        self.register(broker_id, rack)
        self._after(desk)

    # -- the controller ---------------------------------------------------------------------------

    def alter_partition(self, body: AlterPartitionRequest) -> AlterPartitionResponse:
        changes: list[Message] = []
        response = AlterPartitionResponse(
            topics=[
                TopicResult(
                    topic_id=topic.topic_id,
                    partitions=[
                        self._alter(topic.topic_id, asked, body.broker_id, changes)
                        for asked in topic.partitions
                    ],
                )
                for topic in body.topics
            ]
        )
        if changes:
            self.write(*changes)
        return response

    def _alter(
        self, topic_id: bytes, asked: Any, broker_id: int, changes: list[Message]
    ) -> PartitionResult:
        name = self.image.names.get(topic_id)
        state = None if name is None else self.image.partition(name, asked.partition_index)
        index = asked.partition_index
        if state is None:
            code = ErrorCode.UNKNOWN_TOPIC_ID
        elif asked.leader_epoch != state.leader_epoch or state.leader != broker_id:
            code = ErrorCode.FENCED_LEADER_EPOCH
        elif asked.partition_epoch != state.partition_epoch:
            code = ErrorCode.INVALID_UPDATE_VERSION
        elif any(self._ineligible(member) for member in asked.new_isr_with_epochs):
            code = ErrorCode.INELIGIBLE_REPLICA
        else:
            isr = [member.broker_id for member in asked.new_isr_with_epochs]
            changes.append(PartitionChangeRecord(partition_id=index, topic_id=topic_id, isr=isr))
            return PartitionResult(
                partition_index=index, error_code=0, leader_id=state.leader,
                leader_epoch=state.leader_epoch, isr=isr,
                partition_epoch=state.partition_epoch + 1,
            )  # fmt: skip
        return PartitionResult(partition_index=index, error_code=code)

    def _ineligible(self, member: Any) -> bool:
        broker = self.image.brokers.get(member.broker_id)
        return broker is None or broker.fenced or member.broker_epoch not in (-1, broker.epoch)

    # -- time -------------------------------------------------------------------------------------

    def wait(self, ms: int) -> None:
        """Let time pass, with every deadline on the way."""
        end = self.mono_us + ms * 1000
        self.settle()
        while True:
            due = [
                (time, desk.node_id)
                for desk in self.desks.values()
                if desk.node_id not in self.down and (time := desk.deadline()) is not None
            ]
            if not due or min(due)[0] > end:
                break
            time, broker_id = min(due)
            self.mono_us = max(self.mono_us, time)
            desk = self.desks[broker_id]
            produce.time_out(desk, self.now)  # type: ignore[arg-type]
            fetch.time_out(desk, self.now)  # type: ignore[arg-type]
            desk.replicas.run(self.now)
            self.settle()
        self.mono_us = end

    # -- clients ----------------------------------------------------------------------------------

    def ask(self, broker_id: int, body: Message, version: int) -> int:
        """A client's request; its answer will be found under this number."""
        number = self._number()
        desk = self.desks[broker_id]
        request = RequestArrived(-1, number, body.schema.key, version, None, body)
        self._handle(desk, request)
        self._after(desk)
        return number

    def answer(self, broker_id: int, number: int) -> Any:
        return self.desks[broker_id].answers.get(number)

    def send(
        self,
        topic: str,
        *values: str,
        at: int | None = None,
        acks: int = -1,
        timeout_ms: int = 1000,
        index: int = 0,
    ) -> tuple[int, int]:
        """Produce one batch; where and under which number the answer will be found."""
        leader = self.image.topics[topic].partitions[index].leader if at is None else at
        batch = build_batch((DAWN_MS, None, value.encode(), ()) for value in values)
        data = PartitionProduceData(index=index, records=bytes(batch))
        body = ProduceRequest(
            acks=acks,
            timeout_ms=timeout_ms,
            topic_data=[TopicProduceData(name=topic, partition_data=[data])],
        )
        return leader, self.ask(leader, body, 12)

    def result(self, sent: tuple[int, int]) -> PartitionProduceResponse | None:
        """The answer to a produce, None while it waits."""
        answer = self.answer(*sent)
        if answer is None:
            return None
        found: PartitionProduceResponse = answer.responses[0].partition_responses[0]
        return found

    def produce(self, topic: str, *values: str, **how: Any) -> PartitionProduceResponse:
        """Produce, let everybody copy it, and return the answer."""
        sent = self.send(topic, *values, **how)
        self.settle()
        result = self.result(sent)
        assert result is not None, "no answer yet"
        return result

    def consume(
        self,
        broker_id: int,
        topic: str,
        offset: int = 0,
        index: int = 0,
        version: int = 12,
        wait_ms: int = 0,
        rack: str = "",
        **asked: Any,
    ) -> PartitionData:
        """A consumer's fetch, answered at once."""
        part = FetchPartition(
            partition=index, fetch_offset=offset, partition_max_bytes=1 << 20, **asked
        )
        body = FetchRequest(
            max_wait_ms=wait_ms,
            min_bytes=1,
            rack_id=rack,
            topics=[FetchTopic(topic=topic, partitions=[part])],
        )
        answer = self.answer(broker_id, self.ask(broker_id, body, version))
        found: PartitionData = answer.responses[0].partitions[0]
        return found

    # -- looking ----------------------------------------------------------------------------------

    def at(self, broker_id: int, topic: str = "orders", index: int = 0) -> Partition:
        """A broker's replica of a partition."""
        return self.desks[broker_id].replicas.partitions[topic, index]

    def log(self, broker_id: int, topic: str = "orders", index: int = 0) -> list[str]:
        """All values in a broker's log, committed or not."""
        log = self.at(broker_id, topic, index).log
        values: list[str] = []
        offset = log.log_start_offset
        while offset < log.log_end_offset:
            data = log.read(offset, 1 << 20, log.log_end_offset)
            values += values_in(data)
            offset = [header.next_offset for header, _ in iter_batches(data)][-1]
        return values

    def logs(self, topic: str = "orders") -> list[list[str]]:
        """The logs of all replicas that are up."""
        return [self.log(i, topic) for i in self.desks if i not in self.down]

    def watermarks(self, topic: str = "orders", brokers: Iterable[int] = (1, 2, 3)) -> list[int]:
        return [self.at(i, topic).high_watermark for i in brokers]

    def isr(self, topic: str = "orders", index: int = 0) -> tuple[int, ...]:
        """Who is in sync in the controller's eyes."""
        return self.image.topics[topic].partitions[index].isr


def _settings(topic: str, configs: dict[str, Any]) -> list[ConfigRecord]:
    return [
        ConfigRecord(
            resource_type=CONFIG_TOPIC, resource_name=topic,
            name=name.replace("_", "."), value=str(value),
        )
        for name, value in configs.items()
    ]  # fmt: skip


def values_in(data: Any) -> list[str]:
    """The values of the records in some batches."""
    return [
        (record.value or b"").decode()
        for _, batch in iter_batches(data or b"")
        for record in read_records(batch)
    ]
