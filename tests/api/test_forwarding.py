"""A client's request on its way to the active controller, and what may happen to it there."""

from __future__ import annotations

from typing import Any

from broker.api.forwarding import Answer, Forwarder
from broker.api.table import read_request
from broker.events import (
    FORWARD,
    Effect,
    HangUp,
    Now,
    PeerLost,
    RequestArrived,
    ResponseArrived,
    Send,
)
from broker.metadata.configs import BrokerConfig
from broker.wire.errors import ErrorCode
from broker.wire.frames import encode_response
from broker.wire.messages.allocate_producer_ids import AllocateProducerIdsResponse
from broker.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from broker.wire.messages.envelope import EnvelopeResponse
from tests.bench import Bench

MS = 1000
DONE = CreateTopicsResponse(
    topics=[CreatableTopicResult(name="orders", error_code=0, error_message=None, configs=[])]
)


class Scene:
    """A forwarder, its clock, and what it sends."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.mono_us = 0
        self.forwarder = Forwarder(BrokerConfig(), self.effects)

    @property
    def now(self) -> Now:
        return Now(self.mono_us, self.mono_us)

    def wait(self, ms: int) -> None:
        self.mono_us += ms * MS
        self.forwarder.run(self.now)

    def ask(self, correlation_id: int = 5, timeout_ms: int = 10_000, connection: int = 3) -> None:
        """A client wants a topic."""
        body = CreateTopicsRequest(topics=[CreatableTopic(name="orders")], timeout_ms=timeout_ms)
        request = RequestArrived(connection, correlation_id, 19, 7, "client", body)
        self.forwarder.forward(request, self.now)

    def sent(self) -> list[Send]:
        sent = [effect for effect in self.effects if isinstance(effect, Send)]
        self.effects.clear()
        return sent

    def respond(self, send: Send, body: Any) -> None:
        event = ResponseArrived(send.peer, send.correlation_id, body, FORWARD)
        self.forwarder.response(event, self.now)

    def answer(self) -> Answer:
        return self.forwarder.answers.popleft()


def sealed(correlation_id: int = 5) -> EnvelopeResponse:
    return EnvelopeResponse(response_data=encode_response(19, 7, correlation_id, DONE)[4:])


def test_the_request_travels_whole_and_its_answer_comes_out_of_the_envelope() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    scene.ask()
    (send,) = scene.sent()
    assert (send.peer, send.lane) == (2, FORWARD)
    inside = read_request(send.body.request_data, 0, to_controller=True)  # type: ignore[attr-defined]
    assert (inside.api_key, inside.correlation_id, inside.client_id) == (19, 5, "client")
    scene.respond(send, sealed())
    answer = scene.answer()
    assert answer.response == DONE
    assert answer.question.request.connection == 3


def test_without_a_controller_it_waits_for_one() -> None:
    scene = Scene()
    scene.ask()
    assert not scene.sent()
    scene.wait(5000)
    scene.forwarder.set_controller(2, scene.now)
    assert len(scene.sent()) == 1


def test_the_clients_patience_ends() -> None:
    scene = Scene()
    scene.ask(timeout_ms=1000)
    assert scene.forwarder.deadline() == 1000 * MS
    scene.wait(1000)
    error = scene.answer().error
    assert error is not None
    assert error.code is ErrorCode.REQUEST_TIMED_OUT


def test_who_is_no_controller_is_asked_again_later() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    scene.ask()
    (send,) = scene.sent()
    scene.respond(send, EnvelopeResponse(error_code=ErrorCode.NOT_CONTROLLER))
    assert not scene.sent()
    scene.wait(50)
    assert len(scene.sent()) == 1


def test_another_controller_is_asked_all_that_the_first_has_not_answered_in_order() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    for number in (5, 6, 7):
        scene.ask(number)
    scene.sent()
    scene.forwarder.set_controller(3, scene.now)
    assert HangUp(2, FORWARD) in scene.effects
    again = [
        read_request(send.body.request_data, 0, to_controller=True)  # type: ignore[attr-defined]
        for send in scene.sent()
    ]
    assert [request.correlation_id for request in again] == [5, 6, 7]


def test_a_lost_way_is_taken_again() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    scene.ask()
    scene.sent()
    scene.forwarder.peer_lost(PeerLost(2, FORWARD), scene.now)
    scene.wait(50)
    assert len(scene.sent()) == 1


def test_an_answer_that_makes_no_sense_is_not_the_clients_fault() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    scene.ask()
    (send,) = scene.sent()
    scene.respond(send, EnvelopeResponse(response_data=b"\0\0"))
    error = scene.answer().error
    assert error is not None
    assert error.code is ErrorCode.UNKNOWN_SERVER_ERROR


def test_a_client_that_is_gone_is_not_asked_for() -> None:
    scene = Scene()
    scene.ask(connection=3)
    scene.forwarder.forget(3)
    scene.forwarder.set_controller(2, scene.now)
    assert not scene.sent()


def test_blocks_of_producer_ids_come_without_an_envelope() -> None:
    scene = Scene()
    scene.forwarder.set_controller(2, scene.now)
    scene.forwarder.allocate_producer_ids(scene.now)
    (send,) = scene.sent()
    body = AllocateProducerIdsResponse(producer_id_start=1000, producer_id_len=1000)
    scene.respond(send, body)
    assert scene.answer().response == body


def test_a_full_disk_of_the_controller_is_told_with_a_code() -> None:
    bench = Bench()
    bench.disk.fail_next("append", "__cluster_metadata-0", code=28)
    topic = CreatableTopic(name="orders", num_partitions=1, replication_factor=1)
    request = CreateTopicsRequest(topics=[topic], timeout_ms=1000)
    assert bench.ask(request).topics[0].error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert bench.ask(request).topics[0].error_code == 0, "and with room again all is well"
