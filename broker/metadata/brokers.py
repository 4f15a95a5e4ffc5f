"""Brokers come, say that they live, and go (Kafka's `ClusterControlManager`).

    registered, fenced ──(has applied its own registration)──> unfenced
        ^                                                          │
        │                 silent, or asks for it                   │
        ├──────────────────────────────────────────────────────────┤
        │                                                          v
        └──(leads nothing, and all others know)──── in controlled shutdown

A registration is one life of a broker: a fresh incarnation id, and as its epoch the offset where
the log ended. Whatever an earlier life still sends bears another epoch and is turned away.

A fenced broker leads nothing and is in no ISR. It serves nobody, because it does not know yet, or
does not know any more, what the cluster has decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from broker.metadata.configs import BrokerConfig
from broker.metadata.elections import (
    after_restart,
    for_leaderless,
    in_new_directory,
    leads_any,
    without_broker,
    without_directories,
    without_registration,
)
from broker.metadata.features import METADATA_VERSION
from broker.metadata.image import BrokerImage, ClusterImage
from broker.metadata.plan import Plan
from broker.metadata.registrations import Support
from broker.metadata.sessions import Sessions
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import BrokerRegistrationRequest
from broker.wire.messages.metadata_records import (
    BrokerEndpoint,
    BrokerFeature,
    BrokerRegistrationChangeRecord,
    RegisterBrokerRecord,
    UnregisterBrokerRecord,
)

FENCE, UNFENCE = 1, -1
RESERVED_DIRECTORIES = 100
"""Directory ids below this have a meaning of their own (Kafka's `DirectoryId.reserved`)."""


def check_broker_epoch(image: ClusterImage, broker_id: int, epoch: int) -> BrokerImage:
    """The broker, if it speaks for its present life; STALE_BROKER_EPOCH otherwise."""
    broker = image.brokers.get(broker_id)
    if broker is None:
        raise ApiError(
            ErrorCode.STALE_BROKER_EPOCH, f"No broker registration found for broker id {broker_id}"
        )
    if broker.epoch != epoch:
        raise ApiError(
            ErrorCode.STALE_BROKER_EPOCH,
            f"Expected broker epoch {broker.epoch}, but got broker epoch {epoch}",
        )
    return broker


# -- registration ---------------------------------------------------------------------------------


def plan_registration(
    plan: Plan, config: BrokerConfig, body: BrokerRegistrationRequest, another_is_alive: bool
) -> int:
    """Take a broker into the cluster, fenced; returns its epoch.

    The registration comes last: if the controller dies on the way, the broker registers again, and
    the next controller cleans up once more.
    """
    image, before = plan.image, plan.image.brokers.get(body.broker_id)
    same_life = before is not None and before.incarnation_id == body.incarnation_id
    if another_is_alive and not same_life:
        raise ApiError(
            ErrorCode.DUPLICATE_BROKER_REGISTRATION,
            "Another broker is registered with that broker id. If the broker was recently restarted"
            " this should self-resolve once the controller ends the broker's session.",
        )
    _check_directories(image, body)
    _check_features(image, body)
    epoch = before.epoch if before is not None and same_life else plan.offset
    if not same_life:
        clean = before is not None and before.epoch == body.previous_broker_epoch
        plan.add(after_restart(plan.image, config, body.broker_id, clean))
    if len(body.log_dirs) == 1:
        plan.add(in_new_directory(plan.image, config, body.broker_id, body.log_dirs[0]))
    plan.add([_registration(body, epoch, before if same_life else None)])
    return epoch


def _registration(
    body: BrokerRegistrationRequest, epoch: int, before: BrokerImage | None
) -> RegisterBrokerRecord:
    """`before`: the same life has registered already, and only amends what it said."""
    return RegisterBrokerRecord(
        broker_id=body.broker_id,
        incarnation_id=body.incarnation_id,
        broker_epoch=epoch,
        end_points=[
            BrokerEndpoint(
                name=listener.name,
                host=listener.host,
                port=listener.port,
                security_protocol=listener.security_protocol,
            )
            for listener in body.listeners
        ],
        features=[
            BrokerFeature(
                name=feature.name,
                min_supported_version=feature.min_supported_version,
                max_supported_version=feature.max_supported_version,
            )
            for feature in body.features
        ],
        rack=body.rack,
        fenced=before.fenced if before else True,
        in_controlled_shutdown=before.in_controlled_shutdown if before else False,
        log_dirs=list(body.log_dirs),
    )


def _check_directories(image: ClusterImage, body: BrokerRegistrationRequest) -> None:
    directories = body.log_dirs
    owners = {
        directory: broker.broker_id
        for broker in image.brokers.values()
        for directory in broker.directories
    }
    why = ""
    if not directories:
        why = "No directories specified in request"
    elif any(int.from_bytes(one) < RESERVED_DIRECTORIES for one in directories):
        why = "Reserved directory ID in request"
    elif len(set(directories)) < len(directories):
        why = "Duplicate directory ID in request"
    for directory in directories:
        owner = owners.get(directory, body.broker_id)
        if owner != body.broker_id:
            why = f"Broker {owner} is already registered with directory {directory.hex()}"
    if why:
        raise ApiError(ErrorCode.INVALID_REGISTRATION, why)


def _check_features(image: ClusterImage, body: BrokerRegistrationRequest) -> None:
    """The broker must be able to run every feature at the level the cluster has settled on."""
    known = {
        feature.name: Support(feature.min_supported_version, feature.max_supported_version)
        for feature in body.features
    }
    if METADATA_VERSION not in known:
        raise ApiError(
            ErrorCode.INVALID_REGISTRATION,
            f"Request features do not contain '{METADATA_VERSION}'",
        )
    for name in sorted({*known, *image.features}):
        level, levels = image.features.get(name, 0), known.get(name, Support(0, 0))
        if not levels.min_version <= level <= levels.max_version:
            raise ApiError(
                ErrorCode.UNSUPPORTED_VERSION,
                f"Unable to register because the broker does not support finalized version {level}"
                f" of {name}. The broker wants a version between {levels.min_version} and"
                f" {levels.max_version}, inclusive.",
            )


def plan_unregistration(plan: Plan, config: BrokerConfig, broker_id: int) -> None:
    """Forget a broker that will not come back."""
    broker = plan.image.brokers.get(broker_id)
    if broker is None:
        raise ApiError(
            ErrorCode.BROKER_ID_NOT_REGISTERED,
            f"Broker ID {broker_id} is not currently registered",
        )
    plan.add(without_registration(plan.image, config, broker_id))
    plan.add([UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=broker.epoch)])


# -- heartbeats -----------------------------------------------------------------------------------


class State(Enum):
    """What the controller makes of a broker (`BrokerControlState`)."""

    FENCED = "fenced"
    UNFENCED = "unfenced"
    CONTROLLED_SHUTDOWN = "in controlled shutdown"
    SHUTDOWN_NOW = "may stop"


def plan_heartbeat(
    plan: Plan, config: BrokerConfig, sessions: Sessions, body: BrokerHeartbeatRequest, most: int
) -> State:
    """Let a broker's state follow from its heartbeat. Returns what it is from now on.

    Where it is unfenced or about to stop, at most `most` partitions change at once.
    """
    broker = check_broker_epoch(plan.image, body.broker_id, body.broker_epoch)
    now = _state(broker, sessions)
    then = _next_state(now, plan.image, broker, sessions, body)
    if then is not now:
        if then in (State.FENCED, State.SHUTDOWN_NOW):
            plan_fencing(plan, config, broker)
        elif then is State.UNFENCED:
            plan.add([_change(broker, fenced=UNFENCE)])
            plan.add(for_leaderless(plan.image, config, most))
        else:
            if not broker.in_controlled_shutdown:
                plan.add([_change(broker, in_controlled_shutdown=1)])
            plan.add(without_broker(plan.image, config, broker.broker_id, most))
    fenced = then in (State.FENCED, State.SHUTDOWN_NOW)
    sessions.applied(broker.broker_id, body.current_metadata_offset, fenced)
    _plan_directories(plan, config, broker, body.offline_log_dirs, body.cordoned_log_dirs)
    return then


def heartbeat_response(state: State, caught_up: bool) -> BrokerHeartbeatResponse:
    """The answer to a broker's heartbeat."""
    return BrokerHeartbeatResponse(
        is_caught_up=caught_up,
        is_fenced=state in (State.FENCED, State.SHUTDOWN_NOW),
        should_shut_down=state is State.SHUTDOWN_NOW,
    )


def plan_fencing(
    plan: Plan, config: BrokerConfig, broker: BrokerImage, most: int | None = None
) -> bool:
    """Fence a broker: first it leaves its partitions, then it is marked.

    At most `most` partitions at a time, if that is given. Returns whether that was all.
    """
    left = without_broker(plan.image, config, broker.broker_id, most)
    plan.add(left)
    done = most is None or len(left) < most
    if done and not broker.fenced:
        plan.add([_change(broker, fenced=FENCE)])
    return done


def _state(broker: BrokerImage, sessions: Sessions) -> State:
    if sessions.is_shutting_down(broker.broker_id):
        return State.CONTROLLED_SHUTDOWN
    return State.FENCED if broker.fenced else State.UNFENCED


def _next_state(
    now: State,
    image: ClusterImage,
    broker: BrokerImage,
    sessions: Sessions,
    body: BrokerHeartbeatRequest,
) -> State:
    """Kafka's `calculateNextBrokerState`."""
    if now is State.FENCED:
        if body.want_shut_down:
            return State.SHUTDOWN_NOW
        caught_up = body.current_metadata_offset >= broker.registered_at
        return State.UNFENCED if caught_up and not body.want_fence else State.FENCED
    if now is State.UNFENCED:
        if body.want_fence:
            return State.SHUTDOWN_NOW if body.want_shut_down else State.FENCED
        if not body.want_shut_down:
            return State.UNFENCED
        leads = leads_any(image, broker.broker_id)
        return State.CONTROLLED_SHUTDOWN if leads else State.SHUTDOWN_NOW
    # Others must know that they lead now: else clients are sent back here, to nobody.
    waits = leads_any(image, broker.broker_id) or not sessions.all_know_of(broker.broker_id, image)
    return State.CONTROLLED_SHUTDOWN if waits else State.SHUTDOWN_NOW


def _plan_directories(
    plan: Plan,
    config: BrokerConfig,
    broker: BrokerImage,
    offline: Sequence[bytes],
    cordoned: Sequence[bytes] | None,
) -> None:
    """Disks that have failed (KIP-858), and disks that take nothing new (KIP-1066)."""
    failed = [directory for directory in broker.directories if directory in offline]
    if failed:
        plan.add(without_directories(plan.image, config, broker.broker_id, failed))
        online = [one for one in broker.directories if one not in failed]
        plan.add([_change(broker, log_dirs=online)])
    if cordoned is not None and tuple(cordoned) != broker.cordoned:
        plan.add([_change(broker, cordoned_log_dirs=list(cordoned))])


def _change(broker: BrokerImage, **changes: object) -> BrokerRegistrationChangeRecord:
    record = BrokerRegistrationChangeRecord(broker_id=broker.broker_id, broker_epoch=broker.epoch)
    return record.replace(**changes)
