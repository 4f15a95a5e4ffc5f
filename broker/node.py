"""One node: a state machine that owns all the parts, and what happens between them.

    node = Node(config, disk, entropy)
    effects = node.start(now)
    effects = node.handle(event, now)      # whenever something happened
    when = node.deadline()                 # and at the latest then: DeadlineCame()

A node is a broker, a controller, or both (`process.roles`). How it comes up, step by step:

    ELECTING      the metadata quorum finds a leader, which is this node where it is alone
    REGISTERING   the broker registers with the leader, fenced, and catches up with the metadata
    UNFENCING     its logs are opened, recovered where the last shutdown was not clean; then it asks
                  to be unfenced
    SERVING       clients are answered
    LEAVING       it is about to stop, and hands its leaderships over first; still answers clients
    RESIGNING     it leads the quorum no more, and the others are told
    STOPPING      the last bytes are made durable, the logs closed
    STOPPED       nothing happens any more; `failure` says why, if it was not asked for

Votes, heartbeats and whatever else nodes say to each other are answered from the first step on.

After each event the node *settles*: it follows the quorum's leader, applies what was committed,
answers whoever waited for it, says to itself what it has to say, and asks the disk to make durable
what someone waits for.
"""

from __future__ import annotations

import logging

from broker.api import answers, fetch, produce
from broker.api.assembly import assemble
from broker.api.deadlines import (
    OF_EVERYTHING,
    OF_RECORDS,
    REACH_OF_LANE,
    Deadlines,
    Reach,
    reach_of,
)
from broker.api.leadership import Leadership
from broker.api.loopback import Loopback
from broker.api.phase import ANSWERING, AT_REST, ENDING, SERVING, STOPPED, STOPPING, Phase
from broker.api.publisher import Publisher, Touched
from broker.api.table import (
    CONTROLLER_HANDLERS,
    DESCRIBE_QUORUM,
    EARLY,
    FORWARDED,
    HANDLERS,
    RAFT,
)
from broker.api.waking import wake
from broker.events import (
    Close,
    DeadlineCame,
    Disconnected,
    Effect,
    Entropy,
    Event,
    Now,
    PeerLost,
    RequestArrived,
    ResponseArrived,
    Synced,
    earliest,
)
from broker.log.disk import Disk
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.metadata.lifecycle import BrokerState
from broker.replication.durability import Durability
from broker.replication.replicas import Replicas
from broker.wire.errors import ApiError, ErrorCode, FrameError, InvariantError, StorageError

_LOG = logging.getLogger("broker.node")

RESIGNING_MAX_US = 300_000
"""How long a node that resigns waits at most until all voters know."""
RECOVERY_SLICE_BYTES = 8 << 20
"""How much of a log is recovered between two looks at the requests: well under 20 ms."""


class Node:
    """A node without a world around it."""

    def __init__(self, config: BrokerConfig, disk: Disk, entropy: Entropy) -> None:
        self.config = config
        self.disk = disk
        self.entropy = entropy
        self.phase = Phase.NEW
        self.failure = ""
        self._effects: list[Effect] = []
        self._outbox: list[Effect] = []
        self._loopback = Loopback(config.node_id, self._outbox, self._effects)
        self._stop_us: int | None = None
        """When to stop at the latest, once it has resigned."""
        self._followed = (-1, -1)
        """What the quorum and the broker's registration were like when they were last followed."""
        self._behind = False
        """Whether something was left to be applied then."""

    # -- what others may look at ------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether clients are answered; on a node that is only a controller, whether it has a
        leader and knows what that one knows."""
        return self.phase in ANSWERING

    @property
    def stopped(self) -> bool:
        """Whether it is over."""
        return self.phase is Phase.STOPPED

    @property
    def image(self) -> ClusterImage:
        """The committed metadata, as this node has applied them."""
        return self.broker.image

    @property
    def replicas(self) -> Replicas:
        """The partitions of this broker."""
        return self.broker.replicas

    def address(self, peer: int, lane: str) -> tuple[str, int] | None:
        """Where a lane to a peer leads; None if nobody knows."""
        return self.broker.address(peer, lane)

    def drain_touched(self) -> list[Touched]:
        """What changed since the last call."""
        return self.publisher.drain_touched()

    # -- the joint --------------------------------------------------------------------------------

    def start(self, now: Now) -> list[Effect]:
        """Open the data directory and begin to come up.

        Raises ConfigError for a directory that belongs to another node, StorageError for one that
        cannot be read.
        """
        self.broker = broker = assemble(
            self.config, self.disk, self.entropy, self._effects, self._outbox, now
        )
        self.quorum, self.controller = broker.quorum, broker.controller
        self._owners = broker.lane_owners()
        self.leadership = Leadership(broker)
        self.publisher = Publisher(broker)
        self._deadlines = Deadlines(broker, self.publisher)
        self.durability = Durability(self.quorum, broker.replicas, self._effects)
        self.phase = Phase.ELECTING
        self.quorum.start(now)
        if self.config.is_broker:
            broker.lifecycle.start(now)
        else:
            broker.lifecycle.stay_out()
        self._settle(now)
        return self._take_effects()

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """Let something happen, and return what follows from it."""
        if self.phase is STOPPED or (self.phase is STOPPING and not isinstance(event, Synced)):
            return []
        try:
            if isinstance(event, RequestArrived):
                self._request(event, now)
                reach = reach_of(event)
            else:
                reach = self._happened(event, now)
            self._deadlines.forget(reach)
            self._settle(now, quorum_too=reach is not OF_RECORDS or self.phase is not SERVING)
        except FrameError as error:
            self._fail(f"the metadata log makes no sense: {error}")
        except StorageError as error:
            self._fail(f"its own files fail it: {error}")
        except InvariantError as error:
            self._fail(f"what must hold does not: {error}")
            raise
        return self._take_effects()

    def deadline(self) -> int | None:
        """When something is due, in monotonic microseconds; None while there is nothing."""
        if self.phase is not SERVING and self.phase in AT_REST:
            return None
        first_us = self._deadlines.first()
        return first_us if self._stop_us is None else earliest(first_us, self._stop_us)

    def shutdown(self, now: Now) -> list[Effect]:
        """Stop in order: hand over what this broker leads, resign, make everything durable, close.

        Ends in `stopped`. Asked for a second time it waits for nobody.
        """
        if self.phase in (Phase.NEW, Phase.STOPPED):
            self.phase = STOPPED
            return []
        self._deadlines.forget(OF_EVERYTHING)
        if self.phase is SERVING and self.broker.has_heirs:
            self.phase = Phase.LEAVING
            self.broker.lifecycle.begin_controlled_shutdown(now)
        elif self.phase in ENDING:
            self._stop()
        elif self.phase is not STOPPING:
            self._resign(now)
        self._settle(now)
        return self._take_effects()

    def _take_effects(self) -> list[Effect]:
        effects = self._effects[:]
        self._effects.clear()  # the list itself stays: the handlers' Broker holds it, too
        return effects

    # -- events -----------------------------------------------------------------------------------

    def _happened(self, event: Event, now: Now) -> Reach:
        """Let an event happen that is no request; what may it concern?"""
        if isinstance(event, ResponseArrived):
            self._owners[event.lane].response(event, now)
            return REACH_OF_LANE.get(event.lane, OF_EVERYTHING)
        if isinstance(event, DeadlineCame):
            return self._deadline_came(now)
        if isinstance(event, Synced):
            self._synced(event, now)
        elif isinstance(event, PeerLost):
            self._owners[event.lane].peer_lost(event, now)
        elif isinstance(event, Disconnected):
            self.quorum.disconnected(event.connection)
            self.replicas.disconnected(event.connection)
            self.broker.disconnected(event.connection, now)
        return OF_EVERYTHING

    def _request(self, request: RequestArrived, now: Now) -> None:
        broker, key = self.broker, request.api_key
        handlers = HANDLERS
        if request.to_controller:
            handlers = CONTROLLER_HANDLERS
        elif self.phase is not SERVING and not self._answers_early(key):
            self._effects.append(Close(request.connection, f"the broker is {self.phase.value}"))
            return
        try:
            if key in FORWARDED and not self.controller.active:
                if not request.to_controller:
                    broker.forwarder.forward(request, now)
                    return
                if key != DESCRIBE_QUORUM:
                    raise ApiError(ErrorCode.NOT_CONTROLLER)
            response = handlers[key](broker, request, request.body, now)
        except ApiError as error:
            if request.to_controller and key in RAFT:
                raise  # a vote that cannot be written down must not be given, nor anything else
            broker.refuse(request, error)
            return
        if response is not None:
            broker.respond(request, response)

    def _answers_early(self, key: int) -> bool:
        """What other brokers ask is answered before clients are, and everything while leaving."""
        return self.phase is Phase.LEAVING or (self.phase is Phase.UNFENCING and key in EARLY)

    def _deadline_came(self, now: Now) -> Reach:
        """Do what is due; most often that is only about somebody who waits for records."""
        broker = self.broker
        reach = OF_EVERYTHING
        if self.phase is SERVING and self._deadlines.is_of_records(now.mono_us):
            reach = OF_RECORDS
        else:
            self.quorum.run(now)
            self.controller.run(now)
            broker.lifecycle.run(now)
            self.publisher.run(now)
            broker.forwarder.run(now)
        if broker.replicas.loading:
            broker.replicas.load(RECOVERY_SLICE_BYTES, now)
        broker.replicas.run(now)
        produce.time_out(broker, now)
        fetch.time_out(broker, now)
        answers.time_out_news(broker, now)
        return reach

    def _synced(self, event: Synced, now: Now) -> None:
        if self.phase is STOPPING:
            if self.durability.ended(event):
                self._close(event)
        elif not self.durability.synced(event, now):
            self._fail("the disk failed to make the metadata log durable")

    # -- settling ---------------------------------------------------------------------------------

    def _settle(self, now: Now, *, quorum_too: bool = True) -> None:
        broker = self.broker
        while self.phase is not STOPPING and self.phase is not STOPPED:
            if quorum_too or broker.forwarder.answers:
                self._follow(now)
            if broker.replicas.progress or broker.replicas.appended:
                wake(broker, now)
            if not self._outbox:
                if self.durability.wanted:
                    self.durability.request()
                    if broker.replicas.progress:
                        self._deadlines.forget(OF_RECORDS)
                        wake(broker, now)  # A log that cannot be synced is offline at once.
                return
            own = self._loopback.turn()
            quorum_too = bool(own) or self.phase is not SERVING
            if own:
                self._deadlines.forget(OF_EVERYTHING)
            for event in own:
                if isinstance(event, RequestArrived):
                    self._request(event, now)
                else:
                    self._owners[event.lane].response(event, now)

    def _follow(self, now: Now) -> None:
        """Do what follows from the quorum, the metadata and the controller's answers."""
        broker, publisher = self.broker, self.publisher
        place = (self.quorum.changes, broker.lifecycle.epoch)
        if place != self._followed or self._behind or self.phase is not SERVING:
            self._followed = place
            self._deadlines.forget(OF_EVERYTHING)
            if publisher.behind:
                publisher.apply(now)
                self.config = broker.config
            self._behind = publisher.behind
            self.leadership.follow(now, behind=self._behind)
            if self.phase is not SERVING:
                self._take_a_step(now)
        if broker.commits:
            answers.answer_committed(broker)
        if broker.forwarder.answers:
            answers.answer_forwarded(broker, now)

    def _take_a_step(self, now: Now) -> None:
        """Towards serving, or towards the end, if the step before is done."""
        lifecycle = self.broker.lifecycle
        if lifecycle.failure:
            self._fail(lifecycle.failure)
        elif self.phase is Phase.LEAVING:
            if lifecycle.state is BrokerState.STOPPED:
                self._resign(now)
        elif self.phase is Phase.RESIGNING:
            late = self._stop_us is not None and self._stop_us <= now.mono_us
            if self.quorum.may_stop or late:
                self._stop()
        elif self.phase is Phase.ELECTING:
            if not self.config.is_broker:
                knows = self.quorum.high_watermark > 0 and not self.publisher.behind
                self.phase = SERVING if knows and self.leadership.found else self.phase
            elif self.leadership.found:
                self.phase = Phase.REGISTERING
        elif self.phase is Phase.REGISTERING and lifecycle.state is BrokerState.RECOVERY:
            # Not before: metadata from before its registration may still call it a leader.
            self.phase = Phase.UNFENCING
            self.publisher.open(now)
        if self.phase is Phase.UNFENCING and self.replicas.are_open:
            lifecycle.ready_to_unfence(now)
            own = self.image.brokers.get(self.config.node_id)
            if own is not None and own.epoch == lifecycle.epoch and not own.fenced:
                self.phase = SERVING

    # -- the end ----------------------------------------------------------------------------------

    def _resign(self, now: Now) -> None:
        """Lead nothing any more."""
        self.phase = Phase.RESIGNING
        self._stop_us = now.mono_us + RESIGNING_MAX_US
        self.quorum.resign(now)

    def _stop(self) -> None:
        """Have everything made durable."""
        self.phase = STOPPING
        self._loopback.turn()
        try:
            self.durability.request_all()
        except StorageError as error:
            self._fail(error.message)

    def _close(self, event: Synced) -> None:
        """The last sync is done: close the logs and say that everything is in order."""
        self.phase = STOPPED
        if event.failed:
            self.failure = "the disk failed to make the logs durable"
            return
        try:
            self.quorum.log.closed()
            self.publisher.close()
        except StorageError as error:
            self.failure = error.message

    def _fail(self, why: str) -> None:
        """Without its metadata a node cannot go on (Kafka halts, too). What it was about to say
        may not be true: nothing of it leaves."""
        self._effects.clear()
        self._outbox.clear()
        _LOG.error("the broker stops: %s", why)
        self.failure = why
        self.phase = STOPPED
