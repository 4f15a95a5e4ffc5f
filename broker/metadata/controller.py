"""The controller: the one place where the cluster decides about itself.

    plan = controller.plan()                  # start from everything decided so far
    plan.add(plan_topic(plan.image, ...))     # each decision sees those before it
    offset = controller.submit(plan, now)     # appended; it counts when committed up to `offset`

A decision is a list of records. The controller works on the *latest* image, which already holds
what was appended and is not committed yet: two requests in a row for the same topic name must not
both succeed only because the disk is slow. What others see and act on is the committed image; so
answers wait until the high watermark of the metadata log has passed the decision's offset
(Kafka's `QuorumController`, with its purgatory of deferred events).

Every voter has one; the one on the quorum's leader is active. When the lead is lost, so may be what
was appended: the latest image goes with it, and nobody who waits is answered. The next controller
begins with what is committed.

The rules of a decision live in files of their own; here is who calls them, on what, and when:
`brokers`, `alter_partition`, `elections`, `reassignment`, `topics`, `features`.
"""

from __future__ import annotations

from broker.events import Now
from broker.metadata.alter_partition import plan_alter_partition
from broker.metadata.brokers import (
    State,
    check_broker_epoch,
    heartbeat_response,
    plan_heartbeat,
    plan_registration,
    plan_unregistration,
)
from broker.metadata.chores import SLICE, Chores
from broker.metadata.configs import BrokerConfig
from broker.metadata.elections import elect_leaders
from broker.metadata.features import (
    METADATA_VERSION,
    bootstrap_records,
    plan_features,
)
from broker.metadata.image import BrokerImage, ClusterImage
from broker.metadata.plan import Plan
from broker.metadata.reassignment import list_reassignments, plan_reassignments
from broker.metadata.registrations import NO_LEADER
from broker.metadata.sessions import Sessions
from broker.metadata.topics import plan_more_partitions
from broker.quorum.quorum import Quorum
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.allocate_producer_ids import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
)
from broker.wire.messages.alter_partition import AlterPartitionRequest, AlterPartitionResponse
from broker.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)
from broker.wire.messages.controller_registration import (
    ControllerRegistrationRequest,
    ControllerRegistrationResponse,
)
from broker.wire.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopicResult,
)
from broker.wire.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse
from broker.wire.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from broker.wire.messages.metadata_records import (
    ControllerEndpoint,
    ControllerFeature,
    ProducerIdsRecord,
    RegisterControllerRecord,
)
from broker.wire.messages.unregister_broker import (
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)
from broker.wire.messages.update_features import UpdateFeaturesRequest, UpdateFeaturesResponse

__all__ = ["Controller", "Plan"]

PRODUCER_ID_BLOCK = 1000
"""Producer ids are handed to brokers in blocks (KIP-730), so that most requests need no record."""
PRODUCER_ID_MAX = 2**63 - 1


class Controller:
    """What a voter decides while it leads the metadata quorum."""

    def __init__(
        self,
        quorum: Quorum,
        image: ClusterImage,
        config: BrokerConfig,
        cluster_id: str = "",
    ) -> None:
        self.quorum = quorum
        self.config = config
        self.cluster_id = cluster_id
        self.latest = image
        self.active = False
        self._term = -1
        self.sessions = Sessions(self.config.node_id)
        self.chores = Chores()

    # -- being active -----------------------------------------------------------------------------

    @property
    def _leads(self) -> bool:
        """Whether what is decided here can be appended: the quorum may just have lost its leader,
        or got the lead back in another epoch, and the node not yet have said so."""
        return self.active and self.quorum.is_leader and self.quorum.epoch == self._term

    def activate(self, image: ClusterImage, now: Now, deposed: int = NO_LEADER) -> None:
        """Begin to decide, on an image of all that is committed.

        `deposed` led the quorum before. There was an election because it was not heard of any
        more, so less patience is left for the broker beside it. The first controller of a new
        cluster writes down its features.
        """
        self.latest = image
        self.active, self._term = True, self.quorum.epoch
        self.sessions = Sessions(self.config.node_id)
        self.sessions.begin(image, now.mono_us)
        self.sessions.was_silent(deposed, self._silence_us)
        self.chores.begin(self, now)
        if METADATA_VERSION not in image.features:
            plan = self.plan()
            plan.add(bootstrap_records(self.config.min_insync_replicas))
            self.submit(plan, now)

    @property
    def _silence_us(self) -> int:
        """How long a deposed leader counts as silent; it shall have the time for a heartbeat."""
        longest_ms = (
            self.config.broker_session_timeout_ms - self.config.broker_heartbeat_interval_ms
        )
        return min(self.config.controller_quorum_fetch_timeout_ms, longest_ms) * 1000

    def deactivate(self) -> None:
        """Another leads. What was appended here and not committed may never be."""
        self.active = False
        self.sessions = Sessions(self.config.node_id)

    def plan(self) -> Plan:
        """A fresh plan on top of everything decided so far."""
        return Plan(self.latest, self.quorum.log.log_end_offset)

    def submit(self, plan: Plan, now: Now) -> int:
        """Append a plan's records; they are committed once the high watermark reaches the result.

        An empty plan waits for what was there before it: an answer never runs ahead of a decision
        that it was based on.
        """
        if not self._leads:
            raise ApiError(ErrorCode.NOT_CONTROLLER)
        offset = self.quorum.append(plan.records, now)
        self.latest = plan.image
        if plan.records:
            self.chores.something_was_written(now)
        return offset

    def deadline(self) -> int | None:
        """When the next chore is due, in monotonic microseconds."""
        return self.chores.deadline(self) if self._leads else None

    def run(self, now: Now) -> None:
        """Do the chores that are due."""
        if self._leads:
            self.chores.run(self, now)

    def _begin(self) -> Plan:
        if not self._leads:
            raise ApiError(ErrorCode.NOT_CONTROLLER)
        return self.plan()

    # -- brokers ----------------------------------------------------------------------------------

    def register_broker(
        self, body: BrokerRegistrationRequest, now: Now
    ) -> tuple[BrokerRegistrationResponse, int]:
        """Take a broker into the cluster, fenced for now."""
        plan = self._begin()
        if self.cluster_id and body.cluster_id != self.cluster_id:
            raise ApiError(
                ErrorCode.INCONSISTENT_CLUSTER_ID,
                f"Expected cluster ID {self.cluster_id}, but got cluster ID {body.cluster_id}",
            )
        before = self.latest.brokers.get(body.broker_id)
        another_lives = before is not None and self._lives(before, body.log_dirs, now)
        epoch = plan_registration(plan, self.config, body, another_lives)
        if before is None or before.epoch != epoch:
            self.sessions.forget(body.broker_id)
        return BrokerRegistrationResponse(broker_epoch=epoch), self.submit(plan, now)

    def _lives(self, broker: BrokerImage, log_dirs: list[bytes], now: Now) -> bool:
        """Whether the life of a broker that is registered goes on, while another wants its place.

        Not every session stands for a heartbeat: a new controller grants one, and one whose
        connection has ended is waited for. Then it counts who has the disk now, because a directory
        is locked by the process that uses it. So a restart need not wait for a session to end.
        """
        life = (broker.broker_id, broker.epoch)
        if not self.sessions.is_alive(*life, self.session_timeout_us, now.mono_us):
            return False
        return self.sessions.is_connected(*life) or set(broker.directories) != set(log_dirs)

    def heartbeat(
        self, body: BrokerHeartbeatRequest, now: Now
    ) -> tuple[BrokerHeartbeatResponse, int]:
        """A broker lives; and perhaps it wants to serve, or to stop."""
        plan = self._begin()
        broker = check_broker_epoch(self.latest, body.broker_id, body.broker_epoch)
        self.sessions.touch(broker.broker_id, broker.epoch, now.mono_us)
        state = plan_heartbeat(plan, self.config, self.sessions, body, SLICE)
        if state is State.SHUTDOWN_NOW:
            self.sessions.end(broker.broker_id, broker.epoch)
        self.chores.go_on |= len(plan.records) >= SLICE
        offset = self.submit(plan, now)
        if state is State.CONTROLLED_SHUTDOWN:
            self.sessions.shuts_down_at(broker.broker_id, offset - 1)
        caught_up = body.current_metadata_offset >= broker.registered_at
        return heartbeat_response(state, caught_up), offset

    def broker_hung_up(self, broker_id: int, now: Now) -> None:
        """The connection of a broker's heartbeats is closed, which a process that dies does not
        fail to do. One that lives opens another at once: it gets the time of one heartbeat for it,
        and is fenced then, some hundred milliseconds before its session would have ended.

        This shortens patience only. A broker that is fenced though it lives leads nothing until
        it is heard of again, and what it had acknowledged is with those who are in sync.
        """
        if self._leads:
            left_us = self.config.broker_heartbeat_interval_ms * 1000
            self.sessions.hung_up(broker_id, now.mono_us + left_us - self.session_timeout_us)

    def unregister_broker(
        self, body: UnregisterBrokerRequest, now: Now
    ) -> tuple[UnregisterBrokerResponse, int]:
        """Forget a broker that will not come back."""
        plan = self._begin()
        plan_unregistration(plan, self.config, body.broker_id)
        self.sessions.forget(body.broker_id)
        return UnregisterBrokerResponse(), self.submit(plan, now)

    @property
    def session_timeout_us(self) -> int:
        """How long a broker may be silent."""
        return self.config.broker_session_timeout_ms * 1000

    # -- partitions -------------------------------------------------------------------------------

    def alter_partition(
        self, body: AlterPartitionRequest, now: Now
    ) -> tuple[AlterPartitionResponse, int]:
        """The leader of partitions says who is in sync."""
        plan = self._begin()
        response = plan_alter_partition(plan, self.config, body)
        return response, self.submit(plan, now)

    def elect_leaders(
        self, body: ElectLeadersRequest, now: Now
    ) -> tuple[ElectLeadersResponse, int]:
        """Elections that somebody asks for."""
        plan = self._begin()
        response, records = elect_leaders(plan.image, self.config, body)
        plan.add(records)
        return response, self.submit(plan, now)

    def create_partitions(
        self, body: CreatePartitionsRequest, now: Now
    ) -> tuple[CreatePartitionsResponse, int]:
        """Give topics more partitions; each topic stands on its own."""
        plan = self._begin()
        results = []
        for topic in body.topics:
            code, why = ErrorCode.NONE, None
            try:
                plan.add(plan_more_partitions(plan.image, topic))
            except ApiError as error:
                code, why = error.code, error.message
            results.append(
                CreatePartitionsTopicResult(name=topic.name, error_code=code, error_message=why)
            )
        response = CreatePartitionsResponse(results=results)
        return response, 0 if body.validate_only else self.submit(plan, now)

    def alter_partition_reassignments(
        self, body: AlterPartitionReassignmentsRequest, now: Now
    ) -> tuple[AlterPartitionReassignmentsResponse, int]:
        """Move partitions to other brokers, or call a move off."""
        plan = self._begin()
        response = plan_reassignments(plan, self.config, body)
        return response, self.submit(plan, now)

    def list_partition_reassignments(
        self, body: ListPartitionReassignmentsRequest, now: Now
    ) -> tuple[ListPartitionReassignmentsResponse, int]:
        """What is on the move."""
        plan = self._begin()
        return list_reassignments(plan.image, body), self.submit(plan, now)

    # -- the cluster ------------------------------------------------------------------------------

    def allocate_producer_ids(
        self, body: AllocateProducerIdsRequest, now: Now
    ) -> tuple[AllocateProducerIdsResponse, int]:
        """A block of producer ids that nobody else will ever get. Usable once it is committed."""
        plan = self._begin()
        check_broker_epoch(plan.image, body.broker_id, body.broker_epoch)
        first = plan.image.next_producer_id
        if first > PRODUCER_ID_MAX - PRODUCER_ID_BLOCK:
            raise ApiError(ErrorCode.UNKNOWN_SERVER_ERROR, "Exhausted all producerIds")
        plan.add(
            [
                ProducerIdsRecord(
                    broker_id=body.broker_id,
                    broker_epoch=body.broker_epoch,
                    next_producer_id=first + PRODUCER_ID_BLOCK,
                )
            ]
        )
        response = AllocateProducerIdsResponse(
            producer_id_start=first, producer_id_len=PRODUCER_ID_BLOCK
        )
        return response, self.submit(plan, now)

    def update_features(
        self, body: UpdateFeaturesRequest, now: Now
    ) -> tuple[UpdateFeaturesResponse, int]:
        """Settle on other levels of features: on all that are named, or on none."""
        plan = self._begin()
        plan.add(plan_features(plan.image, body.feature_updates, self.config.min_insync_replicas))
        return UpdateFeaturesResponse(error_message=None), 0 if body.validate_only else self.submit(
            plan, now
        )

    def register_controller(
        self, body: ControllerRegistrationRequest, now: Now
    ) -> tuple[ControllerRegistrationResponse, int]:
        """Write down what a controller can work with, and where it listens (KIP-919)."""
        plan = self._begin()
        plan.add(
            [
                RegisterControllerRecord(
                    controller_id=body.controller_id,
                    incarnation_id=body.incarnation_id,
                    end_points=[
                        ControllerEndpoint(
                            name=listener.name,
                            host=listener.host,
                            port=listener.port,
                            security_protocol=listener.security_protocol,
                        )
                        for listener in body.listeners
                    ],
                    features=[
                        ControllerFeature(
                            name=feature.name,
                            min_supported_version=feature.min_supported_version,
                            max_supported_version=feature.max_supported_version,
                        )
                        for feature in body.features
                    ],
                )
            ]
        )
        return ControllerRegistrationResponse(), self.submit(plan, now)
