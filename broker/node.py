"""One broker: a state machine that owns all the parts, and what happens between them.

    node = Node(config, disk, entropy)
    effects = node.start(now)
    effects = node.handle(event, now)      # whenever something happened
    when = node.deadline()                 # and at the latest then: DeadlineCame()

How a broker comes up, which each start goes through step by step:

    ELECTING      the metadata log is read, and its leader (this node) opens a new epoch
    REGISTERING   the broker is written into the metadata, fenced; its logs are opened, and
                  recovered where the last shutdown was not clean
    UNFENCING     everything is there: the broker takes the lead of its partitions
    SERVING       clients are answered
    STOPPING      the last bytes are made durable, the logs closed, the checkpoints written
    STOPPED       nothing happens any more; `failure` says why, if it was not asked for

After each event the node *settles*: what was committed is applied, whoever waited for it is
answered, and the disk is asked to make durable what someone waits for.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import NamedTuple

from broker.api import fetch, produce, waking
from broker.api.context import Broker
from broker.api.table import HANDLERS
from broker.events import (
    Close,
    DeadlineCame,
    Disconnected,
    Effect,
    Entropy,
    Event,
    Now,
    RequestArrived,
    Sync,
    Synced,
)
from broker.log import checkpoints
from broker.log.disk import Disk
from broker.metadata.configs import BrokerConfig
from broker.metadata.controller import Controller
from broker.metadata.image import CONFIG_BROKER, ClusterImage, Delta
from broker.metadata.producer_ids import ProducerIds
from broker.quorum.config import QuorumConfig
from broker.quorum.quorum import Quorum
from broker.replication.partition import Partition
from broker.replication.replicas import Replicas
from broker.wire.errors import ApiError, ConfigError, OffsetZeroError, StorageError
from broker.wire.primitives import uuid_text

_LOG = logging.getLogger("broker.node")

RECOVERY_SLICE_BYTES = 8 << 20
"""How much of a log is recovered between two looks at the requests: well under 20 ms."""


class Phase(Enum):
    """Where a broker is in its life; see the top of this file."""

    NEW = "new"
    ELECTING = "electing"
    REGISTERING = "registering"
    UNFENCING = "unfencing"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"


SERVING, STOPPING, STOPPED = Phase.SERVING, Phase.STOPPING, Phase.STOPPED
"""What every event asks for, without a look into the Enum."""


class _Syncing(NamedTuple):
    """What a token stands for: a partition's log (None: the metadata log) up to an offset."""

    partition: Partition | None
    offset: int


class Node:
    """A broker without a world around it."""

    def __init__(self, config: BrokerConfig, disk: Disk, entropy: Entropy) -> None:
        self.config = config
        self.disk = disk
        self.entropy = entropy
        self.phase = Phase.NEW
        self.failure = ""
        self._effects: list[Effect] = []
        self._syncing: dict[int, _Syncing] = {}
        self._tokens = 0
        self._broker_epoch = -1
        self._came_up = False
        self._image_touched = False

    # -- what others may look at ------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether clients are answered."""
        return self.phase is Phase.SERVING

    @property
    def stopped(self) -> bool:
        """Whether it is over."""
        return self.phase is Phase.STOPPED

    @property
    def image(self) -> ClusterImage:
        """The committed metadata, as this broker has applied them."""
        return self.broker.image

    @property
    def replicas(self) -> Replicas:
        """The partitions of this broker."""
        return self.broker.replicas

    def drain_touched(self) -> list[tuple[str, str, int] | tuple[str]]:
        """What changed since the last call, for the trace: ("image",), ("log", topic, index)."""
        touched: list[tuple[str, str, int] | tuple[str]] = []
        if self._image_touched:
            touched.append(("image",))
            self._image_touched = False
        touched += [("log", topic, index) for topic, index in self.replicas.touched]
        self.replicas.touched.clear()
        return touched

    # -- the joint --------------------------------------------------------------------------------

    def start(self, now: Now) -> list[Effect]:
        """Open the data directory and begin to come up.

        Raises ConfigError for a directory that belongs to another node, StorageError for one that
        cannot be read.
        """
        owner = self._own_directory()
        clean = checkpoints.read_clean_shutdown(self.disk) is not None
        checkpoints.remove_clean_shutdown(self.disk)
        self._directory_id = owner.directory_id
        node_id = self.config.node_id
        quorum_config = QuorumConfig(
            node_id=node_id,
            voters=(node_id,),
            cluster_id=owner.cluster_id,
            directory_id=owner.directory_id,
        )
        self.quorum = Quorum.open(self.disk, quorum_config, now, self.entropy, self._effects)
        image = ClusterImage()
        self.broker = Broker(
            config=self.config,
            cluster_id=owner.cluster_id,
            entropy=self.entropy,
            image=image,
            controller=Controller(self.quorum, image),
            replicas=Replicas(
                self.disk, self.config, self.entropy, self._effects, clean=clean
            ),
            producer_ids=ProducerIds(),
            effects=self._effects,
        )
        self.quorum.start(now)
        self.phase = Phase.ELECTING
        self._settle(now)
        return self._take_effects()

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """Let something happen, and return what follows from it."""
        if self.phase is STOPPED:
            return []
        if isinstance(event, RequestArrived):
            self._request(event, now)
        elif isinstance(event, Synced):
            self._synced(event, now)
        elif isinstance(event, DeadlineCame):
            self._deadline_came(now)
        elif isinstance(event, Disconnected):
            self.broker.produces.forget(event.connection)
            self.broker.fetches.forget(event.connection)
        self._settle(now)
        return self._take_effects()

    def deadline(self) -> int | None:
        """When something is due, in monotonic microseconds; None while there is nothing."""
        if self.phase in (Phase.NEW, Phase.STOPPING, Phase.STOPPED):
            return None
        broker = self.broker
        times = (
            broker.produces.deadline(),
            broker.fetches.deadline(),
            broker.replicas.deadline(),
        )
        return min([time for time in times if time is not None], default=None)

    def shutdown(self, now: Now) -> list[Effect]:
        """Stop in order: make everything durable first, then close. Ends in `stopped`."""
        if self.phase in (Phase.NEW, Phase.STOPPED):
            self.phase = Phase.STOPPED
            return []
        if self.phase is not Phase.STOPPING:
            self._came_up = self.phase in (Phase.UNFENCING, Phase.SERVING)
            self.phase = Phase.STOPPING
            try:
                paths = self.quorum.log.prepare_close()
                for _, log in self.replicas.logs():
                    paths += log.prepare_close()
            except StorageError as error:
                self._fail(error.message)
            else:
                self._sync(_Syncing(None, self.quorum.log.log_end_offset), (*paths, ""))
        return self._take_effects()

    def _take_effects(self) -> list[Effect]:
        # The list itself stays: the handlers' Broker holds it, too.
        effects = self._effects[:]
        self._effects.clear()
        return effects

    # -- events -----------------------------------------------------------------------------------

    def _request(self, request: RequestArrived, now: Now) -> None:
        if self.phase is not SERVING:
            self._effects.append(Close(request.connection, f"the broker is {self.phase.value}"))
            return
        try:
            response = HANDLERS[request.api_key](self.broker, request, request.body, now)
        except ApiError as error:
            self.broker.close(request.connection, error.message)
            return
        if response is not None:
            self.broker.respond(request, response)

    def _deadline_came(self, now: Now) -> None:
        if self.replicas.loading:
            self.replicas.load(RECOVERY_SLICE_BYTES, now)
        produce.time_out(self.broker, now)
        fetch.time_out(self.broker, now)
        self.replicas.run(now)

    def _synced(self, event: Synced, now: Now) -> None:
        done = self._syncing.pop(event.token, None)
        if done is None:
            return
        if self.phase is Phase.STOPPING:
            if event.failed or not self._syncing:
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
        broker, replicas = self.broker, self.broker.replicas
        try:
            if broker.image.offset + 1 < self.quorum.high_watermark:
                self._apply_committed(now)
            if self.phase is not SERVING:
                self._come_up(now)
        except OffsetZeroError as error:
            self._fail(f"the metadata log cannot be read or written: {error}")
            return
        if broker.commits:
            self._answer_committed(now)
        if replicas.progress or replicas.appended:
            waking.wake(broker, now)
        if self.quorum.unsynced or replicas.wants_sync:
            self._request_syncs()

    def _apply_committed(self, now: Now) -> None:
        """Replay what was committed, all of it, and act on the outcome once."""
        image, delta = self.image, Delta()
        for batch in self.quorum.committed_since(image.offset + 1):
            image, step = image.replay(batch.records, batch.last_offset, batch.epoch)
            delta.merge(step)
        self.broker.image = image
        self.broker.producer_ids.committed(image.offset + 1)
        if any(kind == CONFIG_BROKER for kind, _ in delta.configs):
            self._apply_broker_configs()
        self.replicas.apply(image, delta, now)
        self._image_touched = True

    def _apply_broker_configs(self) -> None:
        own = self.image.config(CONFIG_BROKER, str(self.config.node_id))
        config = self.config.with_dynamic(self.image.config(CONFIG_BROKER, ""), own)
        self.config = self.broker.config = self.replicas.config = config

    def _come_up(self, now: Now) -> None:
        """Take the next step towards serving, if the one before is done."""
        if self.phase is Phase.ELECTING and self.quorum.epoch_is_committed:
            self.replicas.sweep_folders(now)
            controller = self.broker.controller
            controller.latest = self.image
            controller.activate(now)
            advertised = self.config.advertised
            self._broker_epoch = controller.register_broker(
                now,
                broker_id=self.config.node_id,
                incarnation_id=self.entropy.uuid(),
                directory_id=self._directory_id,
                endpoint=(advertised.name, advertised.host, advertised.port),
            )
            self.phase = Phase.REGISTERING
        elif self.phase is Phase.REGISTERING and self.replicas.are_open:
            if self.image.offset >= self._broker_epoch:
                self.broker.controller.unfence_broker(now, self.config.node_id, self._broker_epoch)
                self.phase = Phase.UNFENCING
        elif self.phase is Phase.UNFENCING:
            own = self.image.brokers[self.config.node_id]
            if own.epoch == self._broker_epoch and not own.fenced:
                self.phase = Phase.SERVING

    def _answer_committed(self, now: Now) -> None:
        """Answer those who waited for the metadata; some are asked again, on the newer image."""
        commits = self.broker.commits
        again: list[RequestArrived] = []
        while commits and commits[0].offset <= self.image.offset + 1:
            waiter = commits.popleft()
            if waiter.response is not None:
                self.broker.respond(waiter.request, waiter.response)
            else:
                again.append(waiter.request)
        for request in again:
            self._request(request, now)

    def _request_syncs(self) -> None:
        """Ask for the metadata log and each log that needs it; one sync of a log at a time."""
        busy = {syncing.partition for syncing in self._syncing.values()}
        log = self.quorum.log
        if self.quorum.unsynced and None not in busy:
            self._sync(_Syncing(None, log.log_end_offset), tuple(log.paths_to_sync()))
        for key in list(self.replicas.wants_sync):
            partition = self.replicas.partitions.get(key)
            if partition is not None and partition in busy:
                continue
            del self.replicas.wants_sync[key]
            if partition is not None and not partition.offline:
                log = partition.log
                self._sync(_Syncing(partition, log.log_end_offset), tuple(log.paths_to_sync()))

    def _sync(self, what: _Syncing, paths: tuple[str, ...]) -> None:
        self._tokens += 1
        self._syncing[self._tokens] = what
        self._effects.append(Sync(self._tokens, paths))

    # -- beginning and end ------------------------------------------------------------------------

    def _own_directory(self) -> checkpoints.MetaProperties:
        """Whose data directory this is. A new one becomes ours."""
        owner = checkpoints.read_meta_properties(self.disk)
        if owner is None:
            owner = checkpoints.MetaProperties(
                uuid_text(self.entropy.uuid()), self.config.node_id, self.entropy.uuid()
            )
            checkpoints.write_meta_properties(self.disk, owner)
        if owner.node_id != self.config.node_id:
            raise ConfigError(
                f"node.id={self.config.node_id}: the data directory belongs to node"
                f" {owner.node_id}; start with node.id={owner.node_id}, or choose another folder"
            )
        return owner

    def _close(self, event: Synced) -> None:
        """The last sync is done: close the logs and say that everything is in order."""
        self.phase = Phase.STOPPED
        if event.failed:
            self.failure = "the disk failed to make the logs durable"
            return
        try:
            self.quorum.log.closed()
            if self._came_up:
                self.replicas.closed()
                if self.replicas.all_sound:
                    checkpoints.write_clean_shutdown(self.disk, self._broker_epoch)
        except StorageError as error:
            self.failure = error.message

    def _fail(self, why: str) -> None:
        """Without its metadata a broker cannot go on (Kafka halts, too)."""
        _LOG.error("the broker stops: %s", why)
        self.failure = why
        self.phase = Phase.STOPPED
