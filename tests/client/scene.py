"""A stage for client stories: one machine, a clock that jumps, and brokers that say what they are
told to say.

The scene answers ApiVersions and Metadata by itself, from `leaders`; everything else waits until
the story takes it (`take`) and answers it (`answer`, `lose`). Whatever the machine sends goes
through the codec first, so a request that could not travel is noticed at once.
"""

from collections.abc import Iterable
from typing import TypeVar

from broker.client.connections import US_PER_MS
from broker.client.machine import ClientMachine
from broker.events import Close, DeadlineCame, Effect, Event, Now, PeerLost, ResponseArrived, Send
from broker.wire import codec
from broker.wire.errors import ErrorCode
from broker.wire.messages import APIS
from broker.wire.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from broker.wire.schema import Message

START = Now(wall_us=1_700_000_000_000_000, mono_us=5_000_000)

B = TypeVar("B", bound=Message)


class EvenEntropy:
    """No luck, good or bad: every draw is in the middle, so no backoff has jitter."""

    def uuid(self) -> bytes:
        return bytes(16)

    def random(self) -> float:
        return 0.5


class Scene:
    """One client and the brokers it sees."""

    def __init__(
        self, machine: ClientMachine, leaders: dict[str, list[int]] | None = None, brokers: int = 2
    ) -> None:
        self.machine = machine
        self.leaders = {"orders": [1]} if leaders is None else leaders
        """For each topic, the leader of each partition; -1: none."""
        self.epochs: dict[str, int] = {}
        self.topic_errors: dict[str, ErrorCode] = {}
        self.brokers = list(range(1, brokers + 1))
        self.silent: set[int] = set()
        """Brokers that do not answer even ApiVersions and Metadata."""
        self.highest: dict[int, int] = {}
        """The highest version of an API, where the brokers are older than we are."""
        self.controller = 1
        self.now = START
        self.open: list[Send] = []
        """What the machine has sent and the story has not dealt with."""
        self.log: list[Send] = []
        self.closed: list[Close] = []

    # -- events ------------------------------------------------------------------------------------

    def start(self) -> "Scene":
        self.follow(self.machine.start(self.now))
        return self

    def tell(self, event: Event) -> None:
        self.follow(self.machine.handle(event, self.now))

    def follow(self, effects: Iterable[Effect]) -> None:
        """Carry out what the machine asks for."""
        for effect in effects:
            if isinstance(effect, Close):
                self.closed.append(effect)
                continue
            assert isinstance(effect, Send)
            written = codec.encode(effect.body, effect.api_version)
            codec.decode(type(effect.body), effect.api_version, written)
            self.log.append(effect)
            self._deliver(effect)

    def _deliver(self, send: Send) -> None:
        reply: Message | None = None
        if send.peer not in self.silent:
            if isinstance(send.body, ApiVersionsRequest):
                reply = self._versions()
            elif isinstance(send.body, MetadataRequest):
                reply = self.metadata(send.body)
        if reply is None:
            self.open.append(send)
        else:
            self.answer(send, reply)

    def answer(self, send: Send, body: Message) -> None:
        if send in self.open:
            self.open.remove(send)
        self.tell(ResponseArrived(send.peer, send.correlation_id, body))

    def lose(self, peer: int) -> None:
        """The connection breaks: what was open on it will never be answered."""
        self.open = [send for send in self.open if send.peer != peer]
        self.tell(PeerLost(peer))

    def pass_ms(self, milliseconds: float) -> None:
        """Let time pass. The machine is called whenever it wanted to be."""
        end = self.now.mono_us + int(milliseconds * US_PER_MS)
        while True:
            deadline = self.machine.deadline()
            if deadline is None or deadline > end:
                break
            self._jump(max(deadline, self.now.mono_us))
            self.tell(DeadlineCame())
            again = self.machine.deadline()
            assert again is None or again > self.now.mono_us, "a deadline that never passes"
        self._jump(end)

    def _jump(self, mono_us: int) -> None:
        passed = mono_us - self.now.mono_us
        self.now = Now(self.now.wall_us + passed, mono_us)

    # -- what the brokers know ---------------------------------------------------------------------

    def _versions(self) -> ApiVersionsResponse:
        keys = []
        for key in APIS:
            ours = codec.message_class("request", key).schema.versions
            highest = self.highest.get(key, ours.high)
            if highest >= 0:
                keys.append(ApiVersion(api_key=key, min_version=ours.low, max_version=highest))
        return ApiVersionsResponse(api_keys=keys)

    def metadata(self, request: MetadataRequest) -> MetadataResponse:
        names = [topic.name or "" for topic in request.topics or []]
        return MetadataResponse(
            brokers=[
                MetadataResponseBroker(node_id=node, host=f"host{node}", port=9092)
                for node in self.brokers
            ],
            cluster_id="story",
            controller_id=self.controller,
            topics=[self._topic(name) for name in names],
        )

    def _topic(self, name: str) -> MetadataResponseTopic:
        code = self.topic_errors.get(name, ErrorCode.NONE)
        if name not in self.leaders and not code:
            code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        partitions = [
            MetadataResponsePartition(
                error_code=ErrorCode.NONE if leader >= 0 else ErrorCode.LEADER_NOT_AVAILABLE,
                partition_index=index,
                leader_id=leader,
                leader_epoch=self.epochs.get(name, 0),
                replica_nodes=self.brokers,
                isr_nodes=self.brokers,
            )
            for index, leader in enumerate(self.leaders.get(name, []))
        ]
        return MetadataResponseTopic(
            error_code=code,
            name=name,
            topic_id=topic_id(name),
            partitions=[] if code else partitions,
        )

    def move_leader(self, topic: str, partition: int, leader: int) -> None:
        self.leaders[topic][partition] = leader
        self.epochs[topic] = self.epochs.get(topic, 0) + 1

    # -- what the machine has sent -----------------------------------------------------------------

    def take(self, kind: type[B], peer: int | None = None) -> tuple[Send, B]:
        """The oldest open request of a kind. There must be one."""
        for send in self.open:
            if isinstance(send.body, kind) and peer in (None, send.peer):
                self.open.remove(send)
                return send, send.body
        raise AssertionError(f"no open {kind.__name__} among {self.open}")

    def count(self, kind: type[Message]) -> int:
        """How many requests of a kind were sent since the beginning."""
        return sum(isinstance(send.body, kind) for send in self.log)

    @property
    def quiet(self) -> bool:
        """Whether the story has dealt with everything the machine has sent."""
        return not self.open


def topic_id(name: str) -> bytes:
    return name.encode()[:15].ljust(16, b"\1")
