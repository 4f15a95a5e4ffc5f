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
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from broker.api import fetch, list_offsets, offset_for_leader_epoch, produce, waking
from broker.events import (
    Close,
    Effect,
    HangUp,
    Now,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)
from broker.log.disk import MemoryDisk
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import CONFIG_TOPIC, NO_LEADER_CHANGE, ClusterImage, Delta
from broker.replication.partition import Partition
from broker.replication.replicas import Replicas
from broker.replication.waiting import WaitingRoom
from broker.wire import frames
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.frames import RequestHeader
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
from tests.bench import DAWN_MS, Dice

CONTROLLER = 100
"""The stand-in for the active controller."""
HANDLERS = {
    0: produce.handle,
    1: fetch.handle,
    2: list_offsets.handle,
    23: offset_for_leader_epoch.handle,
}


class Letter(NamedTuple):
    """A request on its way, or an answer (`answers` is the request's correlation id)."""

    sender: int
    to: int
    lane: str
    connection: int
    frame: bytes
    answers: int = -1
    key: int = -1
    version: int = -1


class Desk:
    """One broker: what a handler sees of it, and its disk."""

    def __init__(self, table: Table, broker_id: int, epoch: int, **settings: Any) -> None:
        self.table = table
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


class Table:
    """All of them, the network between, and the clock."""

    def __init__(self, brokers: int = 3, **settings: Any) -> None:
        self.mono_us = 1_000_000
        self.records: list[Message] = []
        self.image = ClusterImage()
        self.deaf: set[int] = set()
        self.down: set[int] = set()
        self.cuts: set[frozenset[int]] = set()
        self.controller_answers = True
        self.asked: list[AlterPartitionRequest] = []
        """What the controller was asked."""
        self.fetches: list[tuple[int, FetchRequest]] = []
        """What followers asked leaders, with who asked."""
        self.hold_syncs: set[int] = set()
        self._letters: deque[Letter] = deque()
        self._connections: dict[int, tuple[int, int, str]] = {}
        self._open: dict[tuple[int, int, str], int] = {}
        self._numbers = 0
        self.desks: dict[int, Desk] = {}
        for broker_id in range(1, brokers + 1):
            self.desks[broker_id] = Desk(self, broker_id, 0, **settings)
            self.register(broker_id)
        self.settle()

    @property
    def now(self) -> Now:
        return Now(DAWN_MS * 1000 + self.mono_us, self.mono_us)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

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
            *(
                ConfigRecord(
                    resource_type=CONFIG_TOPIC, resource_name=topic,
                    name=name.replace("_", "."), value=str(value),
                )
                for name, value in configs.items()
            ),
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
        )  # fmt: skip
        self.settle()

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

    # -- faults -----------------------------------------------------------------------------------

    def cut(self, one: int, other: int) -> None:
        """No word passes any more between two brokers; their connections break."""
        self.cuts.add(frozenset((one, other)))
        self._break(lambda a, b: {a, b} == {one, other})

    def heal(self) -> None:
        self.cuts.clear()

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

    def _break(self, concerns: Any) -> None:
        for (a, b, lane), connection in list(self._open.items()):
            if concerns(a, b):
                self._hang_up(a, b, lane)
                if a not in self.down:
                    self._letters.append(Letter(b, a, lane, connection, b"", -2))

    def _hang_up(self, sender: int, to: int, lane: str) -> None:
        connection = self._open.pop((sender, to, lane), None)
        if connection is not None:
            self._letters = deque(
                letter for letter in self._letters if letter.connection != connection
            )
            if to in self.desks:
                self.desks[to].fetches.forget(connection)
                self.desks[to].produces.forget(connection)
                self.desks[to].replicas.disconnected(connection)

    # -- the post ---------------------------------------------------------------------------------

    def settle(self, limit: int = 10_000) -> None:
        """Deliver until nobody has more to say."""
        for desk in self.desks.values():
            self._after(desk)
        for _ in range(limit):
            if not self._letters:
                return
            self._deliver(self._letters.popleft())
        raise AssertionError("they never stop talking")

    def step(self) -> bool:
        """Deliver one letter."""
        if self._letters:
            self._deliver(self._letters.popleft())
        return bool(self._letters)

    def _after(self, desk: Desk) -> None:
        """What follows from an event: waiters are woken, the disk syncs, letters are posted."""
        if desk.node_id in self.down:
            return
        waking.wake(desk, self.now)  # type: ignore[arg-type]
        if desk.node_id not in self.hold_syncs:
            self.sync(desk.node_id)
        effects, desk.effects[:] = list(desk.effects), []
        for effect in effects:
            self._carry_out(desk, effect)

    def sync(self, broker_id: int) -> None:
        """The disk of a broker makes durable what it was asked to."""
        desk = self.desks[broker_id]
        files = desk.replicas.storage.files
        while files.wanted:
            desk.disk.sync(files.begin())
            desk.replicas.files_synced(False, self.now)
        while desk.replicas.wants_sync:
            key = next(iter(desk.replicas.wants_sync))
            del desk.replicas.wants_sync[key]
            partition = desk.replicas.partitions.get(key)
            if partition is not None:
                end = partition.log.log_end_offset
                desk.disk.sync(partition.log.paths_to_sync())
                desk.replicas.synced(partition, end, self.now)
                waking.wake(desk, self.now)  # type: ignore[arg-type]

    def _carry_out(self, desk: Desk, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(desk.node_id, effect)
        elif isinstance(effect, HangUp):
            self._hang_up(desk.node_id, effect.peer, effect.lane)
        elif isinstance(effect, Respond):
            self._respond(desk, effect)

    def _send(self, sender: int, effect: Send) -> None:
        to, lane = effect.peer, effect.lane
        if to in self.down or frozenset((sender, to)) in self.cuts:
            self._letters.append(Letter(to, sender, lane, -1, b"", -2))
            return
        if (sender, to, lane) not in self._open:
            self._open[sender, to, lane] = self._number()
            self._connections[self._numbers] = (sender, to, lane)
        key = effect.body.schema.key
        header = RequestHeader(
            request_api_key=key,
            request_api_version=effect.api_version,
            correlation_id=effect.correlation_id,
        )
        frame = bytes(frames.encode_request(header, effect.body)[4:])
        connection = self._open[sender, to, lane]
        self._letters.append(Letter(sender, to, lane, connection, frame))

    def _respond(self, desk: Desk, effect: Respond) -> None:
        place = self._connections.get(effect.connection)
        if place is None:
            desk.answers[effect.correlation_id] = effect.body
            return
        sender, to, lane = place
        if self._open.get(place) != effect.connection or effect.body is None:
            return
        key, version = effect.api_key, effect.api_version
        frame = bytes(frames.encode_response(key, version, effect.correlation_id, effect.body)[4:])
        self._letters.append(
            Letter(to, sender, lane, effect.connection, frame, effect.correlation_id, key, version)
        )

    def _deliver(self, letter: Letter) -> None:
        if letter.to == CONTROLLER:
            self._ask_controller(letter)
            return
        desk = self.desks[letter.to]
        if letter.to in self.down:
            return
        if letter.answers == -2:
            desk.replicas.peer_lost(PeerLost(letter.sender, letter.lane), self.now)
        elif letter.answers >= 0:
            _, body = frames.decode_response(letter.key, letter.version, letter.frame)
            event = ResponseArrived(letter.sender, letter.answers, body, letter.lane)
            desk.replicas.response(event, self.now)
        else:
            self._request(desk, letter)
        self._after(desk)

    def _request(self, desk: Desk, letter: Letter) -> None:
        header, body = frames.decode_request(bytearray(letter.frame))
        if isinstance(body, FetchRequest):
            self.fetches.append((letter.sender, body))
        request = RequestArrived(
            letter.connection,
            header.correlation_id,
            header.request_api_key,
            header.request_api_version,
            None,
            body,
        )
        self._handle(desk, request)

    def _handle(self, desk: Desk, request: RequestArrived) -> None:
        handler: Any = HANDLERS[request.api_key]
        response = handler(desk, request, request.body, self.now)
        if response is not None:
            desk.respond(request, response)

    # -- the controller ---------------------------------------------------------------------------

    def _ask_controller(self, letter: Letter) -> None:
        header, body = frames.decode_request(letter.frame)
        assert isinstance(body, AlterPartitionRequest)
        self.asked.append(body)
        if not self.controller_answers:
            return
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
        frame = bytes(frames.encode_response(56, 3, header.correlation_id, response)[4:])
        self._letters.append(
            Letter(
                CONTROLLER, letter.sender, letter.lane, letter.connection, frame,
                header.correlation_id, 56, 3,
            )
        )  # fmt: skip
        if changes:
            self.write(*changes)

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
        try:
            self._handle(desk, request)
        except ApiError as error:  # pragma: no cover
            raise AssertionError(f"the handler raised {error}") from error
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


def values_in(data: Any) -> list[str]:
    """The values of the records in some batches."""
    return [
        (record.value or b"").decode()
        for _, batch in iter_batches(data or b"")
        for record in read_records(batch)
    ]


__all__ = ["CONTROLLER", "Delta", "Desk", "Table", "values_in"]
