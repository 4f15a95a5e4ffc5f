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
    STOPPING      it has resigned; the last bytes are made durable, the logs closed
    STOPPED       nothing happens any more; `failure` says why, if it was not asked for

Votes, heartbeats and whatever else nodes say to each other are answered from the first step on.

After each event the node *settles*: it follows the quorum's leader, applies what was committed,
answers whoever waited for it, says to itself what it has to say, and asks the disk to make durable
what someone waits for.
"""

from __future__ import annotations

import logging
from enum import Enum

from broker.api import fetch, produce
from broker.api.answers import (
    answer_committed,
    answer_forwarded,
    drop_commits,
    time_out_news,
    wake_news,
)
from broker.api.assembly import assemble
from broker.api.loopback import Loopback
from broker.api.table import CONTROLLER_HANDLERS, DESCRIBE_QUORUM, EARLY, FORWARDED, HANDLERS
from broker.api.waking import wake
from broker.events import (
    FORWARD,
    ISR,
    QUORUM,
    REGISTRATION,
    REPLICATION,
    TO_CONTROLLERS,
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
)
from broker.log import checkpoints
from broker.log.disk import Disk
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import CONFIG_BROKER, ClusterImage, Delta
from broker.metadata.lifecycle import NOBODY, BrokerState
from broker.metadata.loader import MetadataLoader
from broker.metadata.snapshot_generator import SnapshotGenerator
from broker.replication.durability import Durability
from broker.replication.replicas import Replicas
from broker.wire.errors import ApiError, ErrorCode, OffsetZeroError, StorageError

_LOG = logging.getLogger("broker.node")

RECOVERY_SLICE_BYTES = 8 << 20
"""How much of a log is recovered between two looks at the requests: well under 20 ms."""


class Phase(Enum):
    """Where a node is in its life; see the top of this file."""

    NEW = "new"
    ELECTING = "electing"
    REGISTERING = "registering"
    UNFENCING = "unfencing"
    SERVING = "serving"
    LEAVING = "leaving"
    STOPPING = "stopping"
    STOPPED = "stopped"


SERVING, STOPPING, STOPPED = Phase.SERVING, Phase.STOPPING, Phase.STOPPED
"""What every event asks for, without a look into the Enum."""
_ANSWERING = (Phase.SERVING, Phase.LEAVING)
_WITH_LOGS = (Phase.UNFENCING, Phase.SERVING, Phase.LEAVING)
_AT_REST = (Phase.NEW, Phase.STOPPING, Phase.STOPPED)


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
        self._term = (NOBODY, -1)
        """The quorum's leader and epoch, at the last look."""
        self._found = (NOBODY, NOBODY)
        """The active controller and this broker's epoch, as its parts were told."""
        self._logs_were_open = False
        self._unpublished = Delta()
        self._touched: dict[tuple[str] | tuple[str, int], None] = {}

    # -- what others may look at ------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether clients are answered; on a node that is only a controller, whether it has a
        leader and knows what that one knows."""
        return self.phase in _ANSWERING

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
        if lane in TO_CONTROLLERS:
            for voter_id, host, port in self.config.voters:
                if voter_id == peer:
                    return host, port
            return None
        registered = self.image.brokers.get(peer)
        return None if registered is None else (registered.host, registered.port)

    def drain_touched(self) -> list[tuple[str, str, int] | tuple[str, int] | tuple[str]]:
        """What changed since the last call, for the trace: ("quorum",), ("image",),
        ("broker", id), ("log", topic, index)."""
        touched: list[tuple[str, str, int] | tuple[str, int] | tuple[str]] = [*self._touched]
        self._touched.clear()
        if self.quorum.drain_touched():
            touched.append(("quorum",))
        touched += [("log", topic, index) for topic, index in self.replicas.touched]
        self.replicas.touched.clear()
        return touched

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
        self.loader = MetadataLoader(self.quorum)
        self.snapshots = SnapshotGenerator(self.config, self.quorum, self.loader)
        self.durability = Durability(self.quorum, broker.replicas, self._effects)
        self.phase = Phase.ELECTING
        self.quorum.start(now)
        if self.config.is_broker:
            broker.lifecycle.start(now)
        self._settle(now)
        return self._take_effects()

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """Let something happen, and return what follows from it."""
        if self.phase is STOPPED or (self.phase is STOPPING and not isinstance(event, Synced)):
            return []
        if isinstance(event, RequestArrived):
            self._request(event, now)
        elif isinstance(event, Synced):
            self._synced(event, now)
        elif isinstance(event, DeadlineCame):
            self._deadline_came(now)
        elif isinstance(event, ResponseArrived):
            self._response(event, now)
        elif isinstance(event, PeerLost):
            self._peer_lost(event, now)
        elif isinstance(event, Disconnected):
            self._disconnected(event.connection)
        self._settle(now)
        return self._take_effects()

    def deadline(self) -> int | None:
        """When something is due, in monotonic microseconds; None while there is nothing."""
        if self.phase in _AT_REST:
            return None
        if self.loader.behind:
            return 0
        broker = self.broker
        times = (
            self.quorum.deadline(),
            self.controller.deadline(),
            self.broker.lifecycle.deadline(),
            self.snapshots.deadline(),
            broker.forwarder.deadline(),
            broker.replicas.deadline(),
            broker.produces.deadline(),
            broker.fetches.deadline(),
            broker.news.deadline(),
        )
        return min([time for time in times if time is not None], default=None)

    def shutdown(self, now: Now) -> list[Effect]:
        """Stop in order: hand over what this broker leads, resign, make everything durable, close.

        Ends in `stopped`. Asked for a second time it waits for nobody.
        """
        if self.phase in (Phase.NEW, Phase.STOPPED):
            self.phase = Phase.STOPPED
        elif self.phase is Phase.SERVING and self._has_heirs():
            self.phase = Phase.LEAVING
            self.broker.lifecycle.begin_controlled_shutdown(now)
            self._settle(now)
        elif self.phase is not Phase.STOPPING:
            self._stop(now)
        return self._take_effects()

    def _has_heirs(self) -> bool:
        """Whether there is a broker that could lead what this one leads."""
        if not self.config.is_broker or not self.config.controlled_shutdown_enable:
            return False
        return any(live.broker_id != self.config.node_id for live in self.image.live_brokers())

    def _take_effects(self) -> list[Effect]:
        # The list itself stays: the handlers' Broker holds it, too.
        effects = self._effects[:]
        self._effects.clear()
        return effects

    # -- events -----------------------------------------------------------------------------------

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
            broker.refuse(request, error)
            return
        if response is not None:
            broker.respond(request, response)

    def _answers_early(self, key: int) -> bool:
        """What other brokers ask is answered before clients are, and everything while leaving."""
        return self.phase is Phase.LEAVING or (self.phase is Phase.UNFENCING and key in EARLY)

    def _response(self, event: ResponseArrived, now: Now) -> None:
        if event.lane == QUORUM:
            self.quorum.response(event, now)
        elif event.lane == REGISTRATION:
            self.broker.lifecycle.response(event, now)
        elif event.lane == FORWARD:
            self.broker.forwarder.response(event, now)
        elif event.lane in (ISR, REPLICATION):
            self.replicas.response(event, now)

    def _peer_lost(self, event: PeerLost, now: Now) -> None:
        if event.lane == QUORUM:
            self.quorum.peer_lost(event, now)
        elif event.lane == REGISTRATION:
            self.broker.lifecycle.peer_lost(event, now)
        elif event.lane == FORWARD:
            self.broker.forwarder.peer_lost(event, now)
        elif event.lane in (ISR, REPLICATION):
            self.replicas.peer_lost(event, now)

    def _disconnected(self, connection: int) -> None:
        self.quorum.disconnected(connection)
        self.broker.forget(connection)

    def _deadline_came(self, now: Now) -> None:
        if self.phase in _AT_REST:
            return
        self.quorum.run(now)
        self.controller.run(now)
        self.broker.lifecycle.run(now)
        self.snapshots.run(now)
        self.broker.forwarder.run(now)
        if self.replicas.loading:
            self.replicas.load(RECOVERY_SLICE_BYTES, now)
        self.replicas.run(now)
        produce.time_out(self.broker, now)
        fetch.time_out(self.broker, now)
        time_out_news(self.broker, now)

    def _synced(self, event: Synced, now: Now) -> None:
        done = self.durability.under_way.pop(event.token, None)
        if done is None:
            return
        if self.phase is Phase.STOPPING:
            if event.failed or not self.durability.under_way:
                self._close(event)
        elif done.partition is None:
            if event.failed:
                self._fail("the disk failed to make the metadata log durable")
            else:
                self.quorum.synced(done.offset, now)
        elif event.failed:
            # What the kernel could not write it may have forgotten: trying again proves nothing.
            self.replicas.take_offline(done.partition, "the disk failed to make it durable")
        else:
            self.replicas.synced(done.partition, done.offset, now)

    # -- settling ---------------------------------------------------------------------------------

    def _settle(self, now: Now) -> None:
        if self.phase is STOPPING or self.phase is STOPPED:
            return
        broker = self.broker
        try:
            while self._follow(now) and self._outbox:
                for event in self._loopback.turn():
                    if isinstance(event, RequestArrived):
                        self._request(event, now)
                    else:
                        self._response(event, now)
        except OffsetZeroError as error:
            self._fail(f"the metadata log cannot be read or written: {error}")
            return
        if broker.replicas.progress or broker.replicas.appended:
            wake(broker, now)
        if self.durability.wanted and self.phase is not STOPPING:
            self.durability.request()

    def _follow(self, now: Now) -> bool:
        """Do what follows from the quorum, the metadata and the controller's answers; False when
        this node stops over it."""
        broker = self.broker
        if self.loader.behind:
            self._apply(now)
        self._follow_leader(now)
        if self.phase is not SERVING:
            self._take_a_step(now)
            if self.phase is STOPPING or self.phase is STOPPED:
                return False
        if broker.commits:
            answer_committed(broker)
        if broker.forwarder.answers:
            answer_forwarded(broker, now)
        return True

    def _follow_leader(self, now: Now) -> None:
        """Where the active controller is, and whether it is here."""
        broker, quorum, controller = self.broker, self.quorum, self.controller
        term = (quorum.leader_id, quorum.epoch)
        if controller.active and term != self._term:
            controller.deactivate()
            drop_commits(broker, now)
        self._term = term
        if quorum.is_leader and not controller.active:
            # A leader knows what it leads only when its own epoch has begun (Raft, 5.4.2).
            if quorum.epoch_is_committed and not self.loader.behind:
                controller.activate(broker.image, now)
        found = quorum.leader_id if controller.active or not quorum.is_leader else NOBODY
        if (found, broker.lifecycle.epoch) != self._found:
            self._found = (found, broker.lifecycle.epoch)
            broker.lifecycle.set_controller(found, now)
            broker.forwarder.broker_epoch = broker.lifecycle.epoch
            broker.forwarder.set_controller(found, now)
            broker.replicas.set_controller(found, broker.lifecycle.epoch, now)

    def _apply(self, now: Now) -> None:
        """Take in what was committed, a slice of it, and act on the outcome once."""
        broker = self.broker
        delta = self.loader.load()
        if self.loader.image is broker.image:
            return
        broker.image = self.loader.image
        broker.lifecycle.applied(broker.image.offset, now)
        broker.lifecycle.alone = len(self.config.voter_ids) == len(broker.image.brokers) == 1
        self.snapshots.applied(now)
        self._touched["image",] = None
        self._touched.update({("broker", broker_id): None for broker_id in delta.brokers})
        self._unpublished.merge(delta)
        if self.phase in _WITH_LOGS:
            self._publish(now)
        wake_news(broker, delta, now)

    def _publish(self, now: Now) -> None:
        """Let the metadata have their effect on this broker."""
        delta, self._unpublished = self._unpublished, Delta()
        if any(kind == CONFIG_BROKER for kind, _ in delta.configs):
            own = self.image.config(CONFIG_BROKER, str(self.config.node_id))
            config = self.config.with_dynamic(self.image.config(CONFIG_BROKER, ""), own)
            self.config = self.broker.config = self.replicas.config = config
        self.replicas.apply(self.image, delta, now)

    def _take_a_step(self, now: Now) -> None:
        """Towards serving, or towards the end, if the step before is done."""
        lifecycle, image = self.broker.lifecycle, self.image
        if lifecycle.failure:
            self._fail(lifecycle.failure)
        elif self.phase is Phase.LEAVING:
            if lifecycle.state is BrokerState.STOPPED:
                self._stop(now)
        elif self.phase is Phase.ELECTING:
            if not self.config.is_broker:
                knows = self.quorum.high_watermark > 0 and not self.loader.behind
                self.phase = SERVING if knows and self._found[0] != NOBODY else self.phase
            elif self._found[0] != NOBODY:
                self.phase = Phase.REGISTERING
        elif self.phase is Phase.REGISTERING:
            # Not before: metadata from before its registration may still call it a leader.
            if lifecycle.state is BrokerState.RECOVERY and image.offset >= lifecycle.epoch:
                self.phase = Phase.UNFENCING
                self._publish(now)
                self.replicas.sweep_folders(now)
        if self.phase is Phase.UNFENCING and self.replicas.are_open:
            lifecycle.ready_to_unfence(now)
            own = image.brokers[self.config.node_id]
            if own.epoch == lifecycle.epoch and not own.fenced:
                self.phase = SERVING

    # -- the end ----------------------------------------------------------------------------------

    def _stop(self, now: Now) -> None:
        """Resign, and have everything made durable."""
        self._logs_were_open = self.phase in _WITH_LOGS
        self.phase = STOPPING
        self.quorum.resign(now)
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
            if self._logs_were_open:
                self.replicas.closed()
                if self.replicas.all_sound:
                    checkpoints.write_clean_shutdown(self.disk, self.broker.lifecycle.epoch)
        except StorageError as error:
            self.failure = error.message

    def _fail(self, why: str) -> None:
        """Without its metadata a node cannot go on (Kafka halts, too)."""
        _LOG.error("the broker stops: %s", why)
        self.failure = why
        self.phase = STOPPED
