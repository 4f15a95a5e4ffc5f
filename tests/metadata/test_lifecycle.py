"""A broker's life as it tells it to the controller: registration, heartbeats, the way out."""

from __future__ import annotations

from broker.events import REGISTRATION, Effect, HangUp, Now, PeerLost, ResponseArrived, Send
from broker.metadata.configs import BrokerConfig
from broker.metadata.lifecycle import BrokerLifecycle, BrokerState, Identity
from broker.wire.errors import ErrorCode
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)
from broker.wire.schema import Message

MS = 1000


class Scene:
    """One broker's lifecycle, its clock, and what it says to controllers 7 and 8."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.mono_us = 0
        identity = Identity("cluster", bytes(16), bytes(16), 41, {"metadata.version": (7, 30)})
        self.life = BrokerLifecycle(BrokerConfig(), identity, self.effects)
        self.life.start(self.now)

    @property
    def now(self) -> Now:
        return Now(self.mono_us, self.mono_us)

    @property
    def state(self) -> BrokerState:
        return self.life.state

    def wait(self, ms: int) -> None:
        """Let time pass, deadline by deadline."""
        end = self.mono_us + ms * MS
        while (due := self.life.deadline()) is not None and due <= end:
            self.mono_us = max(self.mono_us, due)
            self.life.run(self.now)
        self.mono_us = end

    def asked(self) -> Send:
        """The one request that is on its way."""
        sent = [effect for effect in self.effects if isinstance(effect, Send)]
        self.effects.clear()
        assert len(sent) == 1, sent
        assert sent[0].lane == REGISTRATION
        return sent[0]

    def answer(self, body: Message) -> Send:
        """Answer what it has asked."""
        send = self.asked()
        event = ResponseArrived(send.peer, send.correlation_id, body, REGISTRATION)
        self.life.response(event, self.now)
        return send

    def register(self, epoch: int = 10) -> BrokerRegistrationRequest:
        body = self.answer(BrokerRegistrationResponse(broker_epoch=epoch)).body
        assert isinstance(body, BrokerRegistrationRequest)
        return body

    def beat(self, **said: bool) -> BrokerHeartbeatRequest:
        """Let it send its next heartbeat, and answer that."""
        response = BrokerHeartbeatResponse(
            is_fenced=said.get("is_fenced", True),
            is_caught_up=said.get("is_caught_up", False),
            should_shut_down=said.get("should_shut_down", False),
        )
        body = self.answer(response).body
        assert isinstance(body, BrokerHeartbeatRequest)
        return body

    def run_up(self) -> None:
        """To RUNNING."""
        self.life.set_controller(7, self.now)
        self.register()
        self.life.applied(10, self.now)
        self.beat(is_caught_up=True)
        self.life.ready_to_unfence(self.now)
        self.beat(is_caught_up=True, is_fenced=False)
        assert self.state.name == BrokerState.RUNNING.name


def test_it_registers_as_soon_as_there_is_a_controller() -> None:
    scene = Scene()
    assert not scene.effects
    scene.life.set_controller(7, scene.now)
    body = scene.register(epoch=10)
    assert (body.broker_id, body.cluster_id, body.previous_broker_epoch) == (1, "cluster", 41)
    assert scene.life.epoch == 10
    assert isinstance(scene.asked().body, BrokerHeartbeatRequest), "at once"


def test_it_stays_fenced_until_metadata_and_logs_are_there() -> None:
    scene = Scene()
    scene.life.set_controller(7, scene.now)
    scene.register(epoch=10)
    assert scene.beat(is_caught_up=False).want_fence
    scene.life.applied(10, scene.now)
    assert scene.beat(is_caught_up=True).current_metadata_offset == 10
    assert scene.state.name == BrokerState.RECOVERY.name
    scene.wait(10)
    assert scene.beat(is_caught_up=True).want_fence
    scene.life.ready_to_unfence(scene.now)
    assert not scene.beat(is_caught_up=True, is_fenced=False).want_fence
    assert scene.state.name == BrokerState.RUNNING.name


def test_heartbeats_keep_their_interval() -> None:
    scene = Scene()
    scene.run_up()
    for _ in range(3):
        scene.wait(249)
        assert not scene.effects
        scene.wait(1)
        scene.beat(is_fenced=False)


def test_who_is_alone_tells_itself_nothing() -> None:
    scene = Scene()
    scene.life.alone = True
    scene.run_up()
    assert scene.life.deadline() is None


def test_another_controller_is_asked_at_once_and_the_old_one_no_more() -> None:
    scene = Scene()
    scene.run_up()
    scene.wait(250)
    assert scene.asked().peer == 7
    scene.life.set_controller(8, scene.now)
    assert HangUp(7, REGISTRATION) in scene.effects
    assert scene.asked().peer == 8


def test_a_silent_controller_is_asked_again_on_another_connection() -> None:
    scene = Scene()
    scene.run_up()
    scene.wait(250)
    scene.asked()
    scene.wait(500)
    assert HangUp(7, REGISTRATION) in scene.effects
    assert scene.asked().peer == 7


def test_a_lost_way_is_tried_again_soon_and_then_less_often() -> None:
    scene = Scene()
    scene.run_up()
    scene.wait(250)
    scene.asked()
    scene.life.peer_lost(PeerLost(7, REGISTRATION), scene.now)
    scene.wait(50)
    scene.asked()
    scene.life.peer_lost(PeerLost(7, REGISTRATION), scene.now)
    scene.wait(249)
    assert not scene.effects
    scene.wait(1)
    scene.beat(is_fenced=False)


def test_a_refused_registration_is_tried_again() -> None:
    """Its life before may count as alive for a while."""
    scene = Scene()
    scene.life.set_controller(7, scene.now)
    code = ErrorCode.DUPLICATE_BROKER_REGISTRATION
    scene.answer(BrokerRegistrationResponse(error_code=code))
    scene.wait(250)
    scene.register()
    assert scene.life.epoch == 10


def test_without_any_controller_a_start_is_given_up() -> None:
    scene = Scene()
    scene.wait(60_000)
    assert scene.state.name == BrokerState.STOPPED.name
    assert scene.life.failure


def test_who_is_fenced_goes_on_and_is_back_with_the_next_heartbeat() -> None:
    scene = Scene()
    scene.run_up()
    scene.wait(250)
    scene.beat(is_fenced=True)
    assert scene.state.name == BrokerState.RUNNING.name
    scene.wait(250)
    assert not scene.beat(is_fenced=False).want_fence


def test_who_was_deposed_by_a_registration_of_its_own_past_registers_again() -> None:
    scene = Scene()
    scene.run_up()
    scene.wait(250)
    scene.answer(BrokerHeartbeatResponse(error_code=ErrorCode.STALE_BROKER_EPOCH))
    scene.wait(250)
    scene.register(epoch=20)
    assert scene.life.epoch == 20
    assert not scene.beat(is_fenced=False).want_fence


def test_a_controlled_shutdown_waits_until_the_controller_agrees() -> None:
    scene = Scene()
    scene.run_up()
    scene.life.begin_controlled_shutdown(scene.now)
    assert scene.beat(should_shut_down=False).want_shut_down
    scene.wait(50)
    assert scene.state.name == BrokerState.PENDING.name
    scene.beat(should_shut_down=True)
    assert scene.state.name == BrokerState.STOPPED.name


def test_a_controlled_shutdown_that_nobody_answers_ends_with_the_session() -> None:
    """By then a controller, if there is one, has fenced the broker and moved its leaderships."""
    scene = Scene()
    scene.run_up()
    scene.life.begin_controlled_shutdown(scene.now)
    scene.wait(999)
    assert scene.state.name == BrokerState.PENDING.name
    scene.wait(1)
    assert scene.state.name == BrokerState.STOPPED.name
    assert not scene.life.failure
