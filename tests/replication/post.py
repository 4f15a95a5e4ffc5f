"""The post between the brokers on the table: lanes, their connections, and what cuts them.

Letters are delivered one by one, in the order in which they were sent. Each passes through its
bytes. The controller's answers come from a stand-in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from broker.api import waking
from broker.events import (
    Effect,
    HangUp,
    Now,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)
from broker.wire import frames
from broker.wire.frames import RequestHeader
from broker.wire.messages.alter_partition import AlterPartitionRequest, AlterPartitionResponse
from broker.wire.messages.fetch import FetchRequest
from tests.bench import DAWN_MS
from tests.replication.desk import HANDLERS, Desk

CONTROLLER = 100
"""The stand-in for the active controller."""
LOST = -2
"""In the place of an answer: the connection is gone."""


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


class Post:
    """Desks, the letters between them, and the clock."""

    def __init__(self) -> None:
        self.mono_us = 1_000_000
        self.desks: dict[int, Desk] = {}
        self.down: set[int] = set()
        self.cuts: set[frozenset[int]] = set()
        self.hold_syncs: set[int] = set()
        self.asked: list[AlterPartitionRequest] = []
        """What the controller was asked."""
        self.controller_answers = True
        self.fetches: list[tuple[int, FetchRequest]] = []
        """What followers asked leaders, with who asked."""
        self._letters: deque[Letter] = deque()
        self._connections: dict[int, tuple[int, int, str]] = {}
        self._open: dict[tuple[int, int, str], int] = {}
        self._numbers = 0

    @property
    def now(self) -> Now:
        return Now(DAWN_MS * 1000 + self.mono_us, self.mono_us)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def alter_partition(self, body: AlterPartitionRequest) -> AlterPartitionResponse:
        """What the controller does about it."""
        raise NotImplementedError

    # -- faults -----------------------------------------------------------------------------------

    def cut(self, one: int, other: int) -> None:
        """No word passes any more between two brokers; their connections break."""
        self.cuts.add(frozenset((one, other)))
        self._break(lambda a, b: {a, b} == {one, other})

    def heal(self) -> None:
        self.cuts.clear()

    def _break(self, concerns: Callable[[int, int], bool]) -> None:
        for (a, b, lane), connection in list(self._open.items()):
            if concerns(a, b):
                self._hang_up(a, b, lane)
                if a not in self.down:
                    self._letters.append(Letter(b, a, lane, connection, b"", LOST))

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
            self._letters.append(Letter(to, sender, lane, -1, b"", LOST))
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
        if letter.answers == LOST:
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
        response = HANDLERS[request.api_key](desk, request, request.body, self.now)
        if response is not None:
            desk.respond(request, response)

    def _ask_controller(self, letter: Letter) -> None:
        header, body = frames.decode_request(letter.frame)
        assert isinstance(body, AlterPartitionRequest)
        self.asked.append(body)
        if not self.controller_answers:
            return
        number, connection = header.correlation_id, letter.connection
        response = self.alter_partition(body)
        frame = bytes(frames.encode_response(56, 3, number, response)[4:])
        self._letters.append(
            Letter(CONTROLLER, letter.sender, letter.lane, connection, frame, number, 56, 3)
        )
