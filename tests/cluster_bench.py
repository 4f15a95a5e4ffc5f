"""Several brokers on a table: nodes on memory disks, a network that is quick and loses nothing, and
a clock that jumps from deadline to deadline.

    bench = ClusterBench(brokers=3)
    bench.create_topic("orders", [[1, 2, 3]])
    bench.kill(1)
    bench.wait_until(lambda: bench.partition("orders", 0).leader == 2)
    answer = bench.ask(2, MetadataRequest(topics=None))

Everything between nodes passes through its bytes. For faults that a seed chooses there is the
simulator; here a story says what happens.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, NamedTuple

from broker.api.table import read_request
from broker.events import (
    CLIENT,
    TO_CONTROLLERS,
    Close,
    DeadlineCame,
    Disconnected,
    Effect,
    Event,
    HangUp,
    Now,
    PeerLost,
    Respond,
    ResponseArrived,
    Send,
    Sync,
    Synced,
)
from broker.log.disk import MemoryDisk
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage, PartitionImage
from broker.node import Node
from broker.wire.frames import RequestHeader, decode_response, encode_request, encode_response
from broker.wire.messages.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreateTopicsRequest,
)
from broker.wire.schema import Message
from tests.bench import DAWN_MS, Dice

LATENCY_US = 100
PATIENCE_MS = 30_000


class Link(NamedTuple):
    """A connection: who opened it (0: a client), to whom, for what."""

    opener: int
    peer: int
    lane: str


class ClusterBench:
    """Nodes, their disks, the time they share, and a client who asks any of them."""

    def __init__(self, brokers: int = 3, **settings: Any) -> None:
        self.settings = {name.replace("_", "."): str(value) for name, value in settings.items()}
        self.ids = list(range(1, brokers + 1))
        self.mono_us = 0
        self.nodes: dict[int, Node] = {}
        self.disks = {node_id: MemoryDisk() for node_id in self.ids}
        self.dice = {node_id: Dice(node_id) for node_id in self.ids}
        self.cuts: set[tuple[int, int]] = set()
        """Pairs between which everything is lost without a word."""
        self.answers: dict[int, Any] = {}
        self._links: dict[int, Link] = {}
        self._numbers: dict[Link, int] = {}
        self._happenings: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        for node_id in self.ids:
            self.boot(node_id)
        self.wait_until(lambda: all(node.ready for node in self.nodes.values()))

    # -- life and death ---------------------------------------------------------------------------

    def boot(self, node_id: int) -> None:
        """Start a node on its disk."""
        self.nodes[node_id] = Node(self._config(node_id), self.disks[node_id], self.dice[node_id])
        self._carry_out(node_id, self.nodes[node_id].start(self.now))

    def kill(self, node_id: int) -> None:
        """The process dies; what it wrote stays in the page cache."""
        del self.nodes[node_id]
        self.disks[node_id].crash()
        for number, link in list(self._links.items()):
            if node_id in (link.opener, link.peer):
                self._close(number)

    def stop(self, node_id: int) -> None:
        """Stop a node in order."""
        self._carry_out(node_id, self.nodes[node_id].shutdown(self.now))
        self.wait_until(lambda: self.nodes[node_id].stopped)
        assert not self.nodes[node_id].failure
        self.kill(node_id)

    def restart(self, node_id: int) -> None:
        """Start a node again, and wait until it serves."""
        self.boot(node_id)
        self.wait_until(lambda: self.nodes[node_id].ready)

    def cut(self, node_id: int) -> None:
        """Lose everything between this node and the others."""
        self.cuts |= {(node_id, other) for other in self.ids}
        self.cuts |= {(other, node_id) for other in self.ids}

    def heal(self) -> None:
        """Mend all cuts."""
        self.cuts.clear()

    def _config(self, node_id: int) -> BrokerConfig:
        voters = ",".join(f"{i}@127.0.0.1:{19100 + i}" for i in self.ids)
        here = f"PLAINTEXT://127.0.0.1:{19000 + node_id},CONTROLLER://127.0.0.1:{19100 + node_id}"
        of_all = {
            "node.id": str(node_id),
            "listeners": here,
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": voters,
        }
        return BrokerConfig.from_settings(of_all | self.settings)

    # -- what there is ----------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(DAWN_MS * 1000 + self.mono_us, self.mono_us)

    @property
    def controller(self) -> int:
        """The node that decides."""
        active = [i for i, node in self.nodes.items() if node.broker.controller.active]
        assert len(active) == 1, active
        return active[0]

    @property
    def image(self) -> ClusterImage:
        """The metadata, as the one who knows most has applied them."""
        return max((node.image for node in self.nodes.values()), key=lambda image: image.offset)

    def partition(self, topic: str, index: int) -> PartitionImage:
        partition = self.image.partition(topic, index)
        assert partition is not None
        return partition

    # -- asking -----------------------------------------------------------------------------------

    def ask(
        self,
        node_id: int,
        body: Message,
        version: int | None = None,
        *,
        to_controller: bool = False,
    ) -> Any:
        """Ask a node, and wait for its answer."""
        number = self.send(node_id, body, version, to_controller=to_controller)
        return self.answer(number)

    def send(
        self,
        node_id: int,
        body: Message,
        version: int | None = None,
        *,
        to_controller: bool = False,
    ) -> int:
        """Ask a node; the number is the one to wait for the answer with."""
        self._count += 1
        number, key = self._count, body.schema.key
        at = body.schema.versions.high if version is None else version
        link = Link(0, node_id, "controller" if to_controller else CLIENT)
        request = RequestHeader(
            request_api_key=key, request_api_version=at, correlation_id=number, client_id="bench"
        )
        frame = bytes(encode_request(request, body))[4:]
        arrived = read_request(bytearray(frame), self._number(link), to_controller)
        self._tell(node_id, arrived)
        return number

    def answer(self, number: int) -> Any:
        """Wait for an answer."""
        self.wait_until(lambda: number in self.answers)
        return self.answers.pop(number)

    def create_topic(self, name: str, replicas: list[list[int]]) -> None:
        """Create a topic with the replicas of each partition, and let all hear of it."""
        by_hand = [
            CreatableReplicaAssignment(partition_index=index, broker_ids=ids)
            for index, ids in enumerate(replicas)
        ]
        topic = CreatableTopic(
            name=name, num_partitions=-1, replication_factor=-1, assignments=by_hand, configs=[]
        )
        answer = self.ask(self.controller, CreateTopicsRequest(topics=[topic], timeout_ms=1000))
        assert answer.topics[0].error_code == 0, answer
        self.wait_until(lambda: all(name in node.image.topics for node in self.nodes.values()))

    # -- time -------------------------------------------------------------------------------------

    def wait(self, ms: int) -> None:
        """Let time pass."""
        end = self.mono_us + ms * 1000
        while self._step(end):
            pass
        self.mono_us = end

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Let time pass until something has happened."""
        end = self.mono_us + PATIENCE_MS * 1000
        while not happened():
            assert self._step(end), "it has not happened within half a minute"

    def _step(self, end: int) -> bool:
        """What comes next, if that is before the end."""
        times = {i: node.deadline() for i, node in self.nodes.items()}
        due = [(time, i) for i, time in times.items() if time is not None]
        if self._happenings and (not due or self._happenings[0][0] <= min(due)[0]):
            at, _, happening = self._happenings[0]
            if at > end:
                return False
            heapq.heappop(self._happenings)
            self.mono_us = max(self.mono_us, at)
            happening()
            return True
        if not due or min(due)[0] > end:
            return False
        at, node_id = min(due)
        self.mono_us = max(self.mono_us, at)
        self._tell(node_id, DeadlineCame())
        return True

    def _soon(self, happening: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._happenings, (self.mono_us + LATENCY_US, self._count, happening))

    # -- effects ----------------------------------------------------------------------------------

    def _tell(self, node_id: int, event: Event) -> None:
        if node_id in self.nodes:
            self._carry_out(node_id, self.nodes[node_id].handle(event, self.now))

    def _carry_out(self, node_id: int, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(node_id, effect)
            elif isinstance(effect, Respond):
                self._respond(node_id, effect)
            elif isinstance(effect, Sync):
                self._soon(lambda sync=effect: self._sync(node_id, sync))  # type: ignore[misc]
            elif isinstance(effect, HangUp):
                link = Link(node_id, effect.peer, effect.lane)
                if link in self._numbers:
                    self._close(self._numbers[link], said_by=node_id)
            elif isinstance(effect, Close) and effect.connection in self._links:
                self._close(effect.connection)

    def _sync(self, node_id: int, sync: Sync) -> None:
        if node_id in self.nodes:
            self.disks[node_id].sync(sync.paths)
            self._tell(node_id, Synced(sync.token))

    def _send(self, node_id: int, send: Send) -> None:
        link = Link(node_id, send.peer, send.lane)
        if send.peer not in self.nodes:
            self._soon(lambda: self._tell(node_id, PeerLost(send.peer, send.lane)))
            return
        header = RequestHeader(
            request_api_key=send.body.schema.key,
            request_api_version=send.api_version,
            correlation_id=send.correlation_id,
            client_id=f"broker-{node_id}",
        )
        frame = bytearray(encode_request(header, send.body))[4:]
        number = self._number(link)

        def arrive() -> None:
            if number in self._links and (node_id, send.peer) not in self.cuts:
                to_controller = send.lane in TO_CONTROLLERS
                self._tell(send.peer, read_request(frame, number, to_controller))

        self._soon(arrive)

    def _respond(self, node_id: int, respond: Respond) -> None:
        link = self._links.get(respond.connection)
        if link is None or respond.body is None:
            return
        key, version = respond.api_key, respond.api_version
        frame = encode_response(key, version, respond.correlation_id, respond.body)
        _, body = decode_response(key, version, memoryview(bytes(frame))[4:])
        if link.opener == 0:
            self.answers[respond.correlation_id] = body
            return
        event = ResponseArrived(node_id, respond.correlation_id, body, link.lane)

        def arrive() -> None:
            if respond.connection in self._links and (node_id, link.opener) not in self.cuts:
                self._tell(link.opener, event)

        self._soon(arrive)

    # -- connections ------------------------------------------------------------------------------

    def _number(self, link: Link) -> int:
        """The number of a connection, which is opened if it is not."""
        if link not in self._numbers:
            self._count += 1
            self._numbers[link] = self._count
            self._links[self._count] = link
        return self._numbers[link]

    def _close(self, number: int, said_by: int = 0) -> None:
        """A connection is gone, and those at its ends who live are told."""
        link = self._links.pop(number)
        del self._numbers[link]
        self._soon(lambda: self._tell(link.peer, Disconnected(number)))
        if link.opener and link.opener != said_by:
            self._soon(lambda: self._tell(link.opener, PeerLost(link.peer, link.lane)))
