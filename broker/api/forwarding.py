"""Forwarding: what only the active controller can do, asked of any broker (KIP-590).

Clients know brokers and no controllers. A broker puts such a request into an envelope and passes it
on; the answer comes back the same way. Where no controller can be reached, or another one has just
been elected, it tries again until the client's patience ends (Kafka's `ForwardingManager` and its
`NodeToControllerChannelManager`). What the broker needs for itself goes the same way: topics that
are to be created because a client named them, and blocks of producer ids.

    forwarder.forward(request, now)          pass a client's request on
    forwarder.create_topics(names, now)      on this broker's own behalf
    forwarder.allocate_producer_ids(now)
    forwarder.answers                        what came of it, for the node to hand out

If the active controller is this very node, all this goes in a loop within it and costs little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from broker.events import (
    FORWARD,
    LOOPBACK,
    Effect,
    HangUp,
    Now,
    PeerLost,
    RequestArrived,
    ResponseArrived,
    Send,
)
from broker.metadata.configs import BrokerConfig
from broker.wire.errors import ApiError, ErrorCode, FrameError
from broker.wire.frames import decode_response, encode_request, encode_response
from broker.wire.messages.allocate_producer_ids import AllocateProducerIdsRequest
from broker.wire.messages.envelope import EnvelopeRequest, EnvelopeResponse
from broker.wire.messages.headers import RequestHeader
from broker.wire.schema import Message

NOBODY = -1
SIZE_BYTES = 4
RETRY_BACKOFF_US = 50_000
"""How long the broker leaves a controller alone that has refused or was lost."""

PRINCIPAL = b"\0\0\x05User\x0aANONYMOUS\0\0"
"""Who asks, as Kafka's default principal builder writes it (`DefaultPrincipalData`, version 0)."""
CLIENT_ADDRESS = b"\x7f\0\0\1"
"""From where: the host knows, the core does not. Nothing here depends on it."""

CREATE_TOPICS = 19


class Purpose(Enum):
    """On whose behalf the controller is asked."""

    CLIENT = "a client"
    TOPICS = "clients that named new topics"
    PRODUCER_IDS = "idempotent producers"


class Question(NamedTuple):
    """What the controller is to be asked."""

    purpose: Purpose
    request: RequestArrived
    """The client's request, or the broker's own in that form."""
    deadline_us: int


class Answer(NamedTuple):
    """What came of it: a response, or an error without one."""

    question: Question
    response: Message | None
    error: ApiError | None


class Envelopes:
    """On the controller: the envelopes whose contents are being handled.

    What came out of one bears a number below zero in place of a connection.
    """

    def __init__(self) -> None:
        self._open: dict[int, RequestArrived] = {}
        self._numbered = LOOPBACK

    def open(self, envelope: RequestArrived) -> int:
        """Note where the answer to the contents must go; returns their connection's number."""
        self._numbered -= 1
        self._open[self._numbered] = envelope
        return self._numbered

    def close(self, number: int) -> RequestArrived | None:
        """The envelope that is to be answered; None if nobody waits for it any more."""
        return self._open.pop(number, None)

    def forget(self, connection: int) -> None:
        """The broker that forwarded is gone."""
        for number in [n for n, at in self._open.items() if at.connection == connection]:
            del self._open[number]

    @staticmethod
    def wrap(request: RequestArrived, response: Message) -> EnvelopeResponse:
        """The answer to the contents, as it goes back."""
        _, correlation_id, key, version, *_ = request
        frame = encode_response(key, version, correlation_id, response)
        return EnvelopeResponse(response_data=frame[SIZE_BYTES:])


class Forwarder:
    """One broker's way to the active controller."""

    def __init__(self, config: BrokerConfig, effects: list[Effect]) -> None:
        self.config = config
        self.broker_epoch = NOBODY
        self.answers: deque[Answer] = deque()
        self._effects = effects
        self._controller = NOBODY
        self._waiting: deque[Question] = deque()
        self._sent: dict[int, Question] = {}
        self._correlation_id = 0
        self._not_before_us = 0

    # -- asking -----------------------------------------------------------------------------------

    def forward(self, request: RequestArrived, now: Now) -> None:
        """Pass a client's request on. It is given up when the client's patience ends, or ours."""
        patience_ms = self.config.request_timeout_ms
        asked_ms = getattr(request.body, "timeout_ms", patience_ms)
        self._ask(Purpose.CLIENT, request, max(0, min(patience_ms, asked_ms)), now)

    def create_topics(self, names: Sequence[str], now: Now) -> None:
        """Have topics created with the controller's defaults."""
        from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest

        patience_ms = self.config.request_timeout_ms
        topics = [
            CreatableTopic(name=name, num_partitions=-1, replication_factor=-1) for name in names
        ]
        body = CreateTopicsRequest(topics=topics, timeout_ms=patience_ms)
        self._ask(Purpose.TOPICS, self._own(body), patience_ms, now)

    def allocate_producer_ids(self, now: Now) -> None:
        """Ask for a block of producer ids."""
        body = AllocateProducerIdsRequest(
            broker_id=self.config.node_id, broker_epoch=self.broker_epoch
        )
        self._ask(Purpose.PRODUCER_IDS, self._own(body), self.config.request_timeout_ms, now)

    def _own(self, body: Message) -> RequestArrived:
        schema = body.schema
        client_id = f"broker-{self.config.node_id}"
        return RequestArrived(LOOPBACK, 0, schema.key, schema.versions.high, client_id, body)

    def _ask(self, purpose: Purpose, request: RequestArrived, wait_ms: int, now: Now) -> None:
        self._waiting.append(Question(purpose, request, now.mono_us + wait_ms * 1000))
        self.run(now)

    def forget(self, connection: int) -> None:
        """The client is gone: what it asked for is not asked any more, if it has not left yet."""
        if self._waiting:
            self._waiting = deque(
                question for question in self._waiting if question.request.connection != connection
            )

    # -- the joint --------------------------------------------------------------------------------

    def set_controller(self, leader_id: int, now: Now) -> None:
        """The quorum has another leader, or none. What was asked of the one before is asked anew;
        if it was done already, the answer will say so."""
        if leader_id == self._controller:
            return
        if self._sent:
            self._effects.append(HangUp(self._controller, FORWARD))
            self._take_back()
        self._controller = leader_id
        self._not_before_us = now.mono_us
        self.run(now)

    def response(self, event: ResponseArrived, now: Now) -> None:
        """The controller has answered."""
        question = self._sent.pop(event.correlation_id, None)
        if question is None:
            return  # it took too long, and the client was told so
        if getattr(event.body, "error_code", 0) == ErrorCode.NOT_CONTROLLER:
            self._waiting.appendleft(question)
            self._not_before_us = now.mono_us + RETRY_BACKOFF_US
        else:
            self.answers.append(_opened(question, event.body))

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The way to the controller is gone."""
        if event.peer == self._controller:
            self._take_back()
            self._not_before_us = now.mono_us + RETRY_BACKOFF_US

    def deadline(self) -> int | None:
        """When a question is given up, or asked again."""
        if not self._sent and not self._waiting:
            return None
        times = [question.deadline_us for question in self._sent.values()]
        if self._waiting:
            times += [question.deadline_us for question in self._waiting]
            if self._controller != NOBODY:
                times.append(self._not_before_us)
        return min(times, default=None)

    def run(self, now: Now) -> None:
        """Give up what takes too long, and ask what waits."""
        if not self._sent and not self._waiting:
            return
        late = [number for number, at in self._sent.items() if at.deadline_us <= now.mono_us]
        for number in late:
            self._give_up(self._sent.pop(number))
        for _ in range(len(self._waiting)):
            question = self._waiting.popleft()
            if question.deadline_us <= now.mono_us:
                self._give_up(question)
            elif self._controller != NOBODY and self._not_before_us <= now.mono_us:
                self._send(question)
            else:
                self._waiting.append(question)

    # -- the way ----------------------------------------------------------------------------------

    def _send(self, question: Question) -> None:
        self._correlation_id += 1
        self._sent[self._correlation_id] = question
        body = question.request.body
        if body is not None:
            if question.purpose is not Purpose.PRODUCER_IDS:
                body = _sealed(question.request, body)
            version = body.schema.versions.high
            send = Send(self._controller, self._correlation_id, version, body, FORWARD)
            self._effects.append(send)

    def _take_back(self) -> None:
        self._waiting.extendleft(reversed(self._sent.values()))
        self._sent.clear()

    def _give_up(self, question: Question) -> None:
        error = ApiError(ErrorCode.REQUEST_TIMED_OUT, "No controller has answered in time.")
        self.answers.append(Answer(question, None, error))


def _sealed(request: RequestArrived, body: Message) -> EnvelopeRequest:
    header = RequestHeader(
        request_api_key=request.api_key,
        request_api_version=request.api_version,
        correlation_id=request.correlation_id,
        client_id=request.client_id,
    )
    return EnvelopeRequest(
        request_data=encode_request(header, body)[SIZE_BYTES:],
        request_principal=PRINCIPAL,
        client_host_address=CLIENT_ADDRESS,
    )


def _opened(question: Question, body: Message) -> Answer:
    """What the controller has answered, out of its envelope."""
    if not isinstance(body, EnvelopeResponse):
        return Answer(question, body, None)
    if body.error_code or body.response_data is None:
        # Whatever is wrong with the envelope, it is not the client's fault.
        return Answer(question, None, ApiError(ErrorCode.UNKNOWN_SERVER_ERROR))
    request = question.request
    try:
        _, response = decode_response(request.api_key, request.api_version, body.response_data)
    except FrameError as error:
        return Answer(question, None, ApiError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error)))
    return Answer(question, response, None)
