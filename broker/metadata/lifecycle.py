"""A broker's life as the controller sees it (Kafka's `BrokerLifecycleManager`).

    STARTING    registers, and waits until it knows the metadata as far as its own registration
    RECOVERY    opens its logs; the controller is asked to leave the broker fenced until then
    RUNNING     unfenced: it may lead partitions, and is in sync again where it has caught up
    PENDING     wants to stop, and waits until the controller has given its leaderships to others
    STOPPED     the controller needs to hear no more

All of it is said in two requests. A registration makes the broker a member of the cluster under a
new *broker epoch*, which tells this life from those before. Heartbeats then say that it is alive
and what it wants: to be fenced, to serve, to stop. A controller that misses them for
`broker.session.timeout.ms` fences the broker and elects others in its place; the broker does not
stop then but goes on asking, and the next heartbeat that gets through brings it back.

Nobody has to be told where the active controller is: it is the leader of the metadata quorum. When
that changes, or no answer comes in time, the next request goes to the leader known by then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from broker.events import (
    REGISTRATION,
    Effect,
    HangUp,
    Now,
    PeerLost,
    ResponseArrived,
    Send,
    earliest,
)
from broker.metadata.configs import BrokerConfig
from broker.wire.errors import ErrorCode
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    Feature,
    Listener,
)
from broker.wire.schema import Message

_LOG = logging.getLogger("broker.lifecycle")

NOBODY = -1
PLAINTEXT = 0
"""The security protocol of a listener, as a registration names it."""

CONTROLLED_SHUTDOWN_MAX_US = 10_000_000
"""Longer than this nobody waits to be relieved of its leaderships (Kafka: five minutes)."""
_CATCHING_UP_US = 10_000
"""A broker that starts asks again this soon, so that it starts sooner (as Kafka's does)."""
_PENDING_US = 50_000
"""And so does one that stops, for others wait for its leaderships."""


_NOT_YET_US = 50_000
"""How soon a controller is asked again that is not active."""


class BrokerState(Enum):
    """Where a broker is in its life; see the top of this file."""

    STARTING = "starting"
    RECOVERY = "recovery"
    RUNNING = "running"
    PENDING = "pending controlled shutdown"
    STOPPED = "stopped"


class Identity(NamedTuple):
    """What a broker tells of itself when it registers."""

    cluster_id: str
    incarnation_id: bytes
    directory_id: bytes
    previous_epoch: int
    """The broker epoch of the life before, if that ended in order; -1: it may lack records."""
    features: Mapping[str, tuple[int, int]]


class _InFlight(NamedTuple):
    peer: int
    correlation_id: int
    deadline_us: int


class BrokerLifecycle:
    """Registers one broker, and keeps it registered."""

    def __init__(self, config: BrokerConfig, identity: Identity, effects: list[Effect]) -> None:
        self.config = config
        self.identity = identity
        self.state = BrokerState.STARTING
        self.epoch = NOBODY
        """The broker epoch, once there is one."""
        self.alone = False
        """Whether this is the only node of its cluster: nobody must tell itself that it lives."""
        self.failure = ""
        """Why this broker can be no member of the cluster; it ends over that."""
        self._effects = effects
        self._controller = NOBODY
        self._applied = -1
        self._ready = False
        self._in_flight: _InFlight | None = None
        self._correlation_id = 0
        self._next_us: int | None = None
        """When to send the next request, if none is on its way and there is a controller."""
        self._give_up_us: int | None = None
        self._silent_since_us = 0
        self._lost = False
        """Whether the way to the controller was lost, and no answer has come since."""
        self._told: ErrorCode | None = None

    # -- what the node tells it -------------------------------------------------------------------

    def start(self, now: Now) -> None:
        """Begin to register."""
        wait_ms = self.config.initial_broker_registration_timeout_ms
        self._give_up_us = now.mono_us + wait_ms * 1000
        self._ask_at_once(now)

    def stay_out(self) -> None:
        """This node keeps no records: it is no broker, and must not be taken for one."""
        self._stop()

    def set_controller(self, leader_id: int, now: Now) -> None:
        """The quorum has another leader, or none: what was asked of the one before is void."""
        if leader_id == self._controller:
            return
        self._abandon()
        self._controller = leader_id
        self._ask_at_once(now)

    def applied(self, offset: int, now: Now) -> None:
        """The broker's image holds the metadata up to and with this offset."""
        waiting = self._applied < self.epoch <= offset
        self._applied = offset
        if waiting and self.state is BrokerState.STARTING:
            self._ask_at_once(now)

    def ready_to_unfence(self, now: Now) -> None:
        """Every log is open: ask to be unfenced."""
        if not self._ready:
            self._ready = True
            self._ask_at_once(now)

    def begin_controlled_shutdown(self, now: Now) -> None:
        """Ask to be relieved of all leaderships. Ends in STOPPED, within a bound."""
        if self.state is BrokerState.RUNNING:
            self.state = BrokerState.PENDING
            self._give_up_us = now.mono_us + CONTROLLED_SHUTDOWN_MAX_US
            self._silent_since_us = now.mono_us
            self._ask_at_once(now)
        elif self.state in (BrokerState.STARTING, BrokerState.RECOVERY):
            self._stop()

    # -- the joint --------------------------------------------------------------------------------

    def response(self, event: ResponseArrived, now: Now) -> None:
        """The controller has answered."""
        sent = self._in_flight
        if sent is None or (sent.peer, sent.correlation_id) != (event.peer, event.correlation_id):
            return
        self._in_flight = None
        self._lost = False
        body = event.body
        if isinstance(body, BrokerRegistrationResponse):
            self._registered(body, now)
        elif isinstance(body, BrokerHeartbeatResponse):
            self._heard(body, now)

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The way to the controller is gone, and with it the answer."""
        if self._in_flight is not None and self._in_flight.peer == event.peer:
            self._in_flight = None
            # The first time at once: a controller that saw the connection end thinks us dead.
            self._retry(now, None if self._lost else _NOT_YET_US)
            self._lost = True

    def deadline(self) -> int | None:
        """When there is something to do."""
        if self.state is BrokerState.STOPPED:
            return None
        due_us = None
        if self._in_flight is not None:
            due_us = self._in_flight.deadline_us
        elif self._controller != NOBODY:
            due_us = self._next_us
        if self._give_up_us is None and self.state is not BrokerState.PENDING:
            return due_us
        return earliest(due_us, self._give_up_us, self._patience_ends_us())

    def run(self, now: Now) -> None:
        """Do what is due."""
        if self.state is BrokerState.STOPPED:
            return
        end_us = earliest(self._give_up_us, self._patience_ends_us())
        if end_us is not None and end_us <= now.mono_us:
            self._give_up()
            return
        if self._in_flight is not None:
            if self._in_flight.deadline_us > now.mono_us:
                return
            self._abandon()
            self._next_us = now.mono_us
        next_us = self._next_us
        if self._controller != NOBODY and next_us is not None and next_us <= now.mono_us:
            self._send(now)

    # -- requests ---------------------------------------------------------------------------------

    def _send(self, now: Now) -> None:
        body: Message = self._heartbeat() if self.epoch != NOBODY else self._registration()
        self._correlation_id += 1
        self._next_us = None
        patience_us = self.config.broker_session_timeout_ms * 1000 // 2
        self._in_flight = _InFlight(
            self._controller, self._correlation_id, now.mono_us + patience_us
        )
        version = body.schema.versions.high
        self._effects.append(
            Send(self._controller, self._correlation_id, version, body, REGISTRATION)
        )

    def _registration(self) -> BrokerRegistrationRequest:
        config, identity = self.config, self.identity
        name, host, port = config.advertised
        return BrokerRegistrationRequest(
            broker_id=config.node_id,
            cluster_id=identity.cluster_id,
            incarnation_id=identity.incarnation_id,
            listeners=[Listener(name=name, host=host, port=port, security_protocol=PLAINTEXT)],
            features=[
                Feature(name=feature, min_supported_version=low, max_supported_version=high)
                for feature, (low, high) in sorted(identity.features.items())
            ],
            rack=config.broker_rack,
            log_dirs=[identity.directory_id],
            previous_broker_epoch=identity.previous_epoch,
        )

    def _heartbeat(self) -> BrokerHeartbeatRequest:
        return BrokerHeartbeatRequest(
            broker_id=self.config.node_id,
            broker_epoch=self.epoch,
            current_metadata_offset=self._applied,
            want_fence=not self._ready,
            want_shut_down=self.state is BrokerState.PENDING,
        )

    # -- answers ----------------------------------------------------------------------------------

    def _registered(self, body: BrokerRegistrationResponse, now: Now) -> None:
        if body.error_code:
            self._refused("register", ErrorCode(body.error_code), now)
            return
        self._told = None
        self._give_up_us = None
        self.epoch = body.broker_epoch
        self._ask_at_once(now)

    def _heard(self, body: BrokerHeartbeatResponse, now: Now) -> None:
        if body.error_code:
            if body.error_code == ErrorCode.STALE_BROKER_EPOCH:
                # A registration of a life before, on its way for long, came after ours. Whoever
                # sent it is dead: this broker holds the directory. It registers anew.
                self.epoch = NOBODY
            self._refused("send a heartbeat", ErrorCode(body.error_code), now)
            return
        self._told = None
        next_us = now.mono_us + self.config.broker_heartbeat_interval_ms * 1000
        if self.state is BrokerState.STARTING:
            if body.is_caught_up:
                self.state = BrokerState.RECOVERY
            next_us = min(next_us, now.mono_us + _CATCHING_UP_US)
        elif self.state is BrokerState.RECOVERY:
            if not body.is_fenced:
                self.state = BrokerState.RUNNING
        elif self.state is BrokerState.PENDING:
            if body.should_shut_down:
                self._stop()
                return
            self._silent_since_us = now.mono_us
            next_us = min(next_us, now.mono_us + _PENDING_US)
        if not (self.alone and self.state is BrokerState.RUNNING):
            self._schedule(next_us)

    def _refused(self, what: str, code: ErrorCode, now: Now) -> None:
        if code is ErrorCode.NOT_CONTROLLER:
            # It leads the quorum and is about to become active, or does so no more.
            self._retry(now, _NOT_YET_US)
            return
        if code is not self._told:
            self._told = code  # once: it may go on for a while
            _LOG.warning("broker %d cannot %s: %s", self.config.node_id, what, code.text)
        self._retry(now)

    # -- when to ask ------------------------------------------------------------------------------

    def _schedule(self, time_us: int) -> None:
        """The next request leaves at this time, or earlier if that was planned."""
        if self._next_us is None or time_us < self._next_us:
            self._next_us = time_us

    def _ask_at_once(self, now: Now) -> None:
        self._next_us = now.mono_us
        self.run(now)

    def _retry(self, now: Now, wait_us: int | None = None) -> None:
        """After a failure nobody asks again at once."""
        if wait_us is None:
            wait_us = self.config.broker_heartbeat_interval_ms * 1000
        self._next_us = now.mono_us + wait_us

    def _abandon(self) -> None:
        """Wait no more for the answer: after this it cannot come."""
        if self._in_flight is not None:
            self._effects.append(HangUp(self._in_flight.peer, REGISTRATION))
            self._in_flight = None

    def _patience_ends_us(self) -> int | None:
        """While it stops: a controller that has not heard of us for so long has fenced us by
        itself, if there is one at all."""
        if self.state is not BrokerState.PENDING:
            return None
        return self._silent_since_us + self.config.broker_session_timeout_ms * 1000

    def _give_up(self) -> None:
        if self.state is not BrokerState.PENDING:
            self.failure = "no controller has registered this broker in time"
        self._stop()

    def _stop(self) -> None:
        self._abandon()
        self._give_up_us = None
        self._next_us = None
        self.state = BrokerState.STOPPED
