"""Metadata records: the declarations."""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
    uint16,
    uuid,
)


@struct
class BrokerEndpoint(Message):
    """BrokerEndpoint."""

    name: str = string()
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()


@struct
class BrokerFeature(Message):
    """BrokerFeature."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=0, kind="record", versions="0-4", flexible="0+")
class RegisterBrokerRecord(Message):
    """RegisterBrokerRecord."""

    broker_id: int = int32()
    is_migrating_zk_broker: bool = boolean(versions="2+")
    incarnation_id: bytes = uuid()
    broker_epoch: int = int64()
    end_points: list[BrokerEndpoint] = array(BrokerEndpoint)
    features: list[BrokerFeature] = array(BrokerFeature)
    rack: str | None = string(nullable="0+")
    fenced: bool = boolean(default=True)
    in_controlled_shutdown: bool = boolean(versions="1+")
    log_dirs: list[bytes] = array(uuid, versions="3+", tag=0)
    cordoned_log_dirs: list[bytes] | None = array(
        uuid, versions="4+", nullable="4+", tag=1, default=None
    )


@message(key=1, kind="record", versions="0", flexible="0+")
class UnregisterBrokerRecord(Message):
    """UnregisterBrokerRecord."""

    broker_id: int = int32()
    broker_epoch: int = int64()


@message(key=2, kind="record", versions="0", flexible="0+")
class TopicRecord(Message):
    """TopicRecord."""

    name: str = string()
    topic_id: bytes = uuid()


@message(key=3, kind="record", versions="0-2", flexible="0+")
class PartitionRecord(Message):
    """PartitionRecord."""

    partition_id: int = int32(default=-1)
    topic_id: bytes = uuid()
    replicas: list[int] = array(int32)
    isr: list[int] = array(int32)
    removing_replicas: list[int] = array(int32)
    adding_replicas: list[int] = array(int32)
    leader: int = int32(default=-1)
    leader_recovery_state: int = int8(tag=0)
    leader_epoch: int = int32(default=-1)
    partition_epoch: int = int32(default=-1)
    directories: list[bytes] = array(uuid, versions="1+")
    eligible_leader_replicas: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=1, default=None
    )
    last_known_elr: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=2, default=None
    )


@message(key=4, kind="record", versions="0", flexible="0+")
class ConfigRecord(Message):
    """ConfigRecord."""

    resource_type: int = int8()
    resource_name: str = string()
    name: str = string()
    value: str | None = string(nullable="0+")


@message(key=5, kind="record", versions="0-2", flexible="0+")
class PartitionChangeRecord(Message):
    """PartitionChangeRecord."""

    partition_id: int = int32(default=-1)
    topic_id: bytes = uuid()
    isr: list[int] | None = array(int32, nullable="0+", tag=0, default=None)
    leader: int = int32(tag=1, default=-2)
    replicas: list[int] | None = array(int32, nullable="0+", tag=2, default=None)
    removing_replicas: list[int] | None = array(int32, nullable="0+", tag=3, default=None)
    adding_replicas: list[int] | None = array(int32, nullable="0+", tag=4, default=None)
    leader_recovery_state: int = int8(tag=5, default=-1)
    directories: list[bytes] | None = array(uuid, versions="1+", nullable="1+", tag=8, default=None)
    eligible_leader_replicas: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=6, default=None
    )
    last_known_elr: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=7, default=None
    )


@message(key=7, kind="record", versions="0", flexible="0+")
class FenceBrokerRecord(Message):
    """FenceBrokerRecord."""

    id: int = int32()
    epoch: int = int64()


@message(key=8, kind="record", versions="0", flexible="0+")
class UnfenceBrokerRecord(Message):
    """UnfenceBrokerRecord."""

    id: int = int32()
    epoch: int = int64()


@message(key=9, kind="record", versions="0", flexible="0+")
class RemoveTopicRecord(Message):
    """RemoveTopicRecord."""

    topic_id: bytes = uuid()


@message(key=12, kind="record", versions="0", flexible="0+")
class FeatureLevelRecord(Message):
    """FeatureLevelRecord."""

    name: str = string()
    feature_level: int = int16()


@message(key=15, kind="record", versions="0", flexible="0+")
class ProducerIdsRecord(Message):
    """ProducerIdsRecord."""

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    next_producer_id: int = int64()


@message(key=17, kind="record", versions="0-3", flexible="0+")
class BrokerRegistrationChangeRecord(Message):
    """BrokerRegistrationChangeRecord."""

    broker_id: int = int32()
    broker_epoch: int = int64()
    fenced: int = int8(tag=0)
    in_controlled_shutdown: int = int8(versions="1+", tag=1)
    log_dirs: list[bytes] = array(uuid, versions="2+", tag=2)
    cordoned_log_dirs: list[bytes] | None = array(
        uuid, versions="3+", nullable="3+", tag=3, default=None
    )


@message(key=20, kind="record", versions="0", flexible="0+")
class NoOpRecord(Message):
    """NoOpRecord."""


@message(key=23, kind="record", versions="0", flexible="0+")
class BeginTransactionRecord(Message):
    """BeginTransactionRecord."""

    name: str | None = string(nullable="0+", tag=0, default=None)


@message(key=24, kind="record", versions="0", flexible="0+")
class EndTransactionRecord(Message):
    """EndTransactionRecord."""


@message(key=25, kind="record", versions="0", flexible="0+")
class AbortTransactionRecord(Message):
    """AbortTransactionRecord."""

    reason: str | None = string(nullable="0+", tag=0, default=None)


@struct
class ControllerEndpoint(Message):
    """ControllerEndpoint."""

    name: str = string()
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()


@struct
class ControllerFeature(Message):
    """ControllerFeature."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=27, kind="record", versions="0", flexible="0+")
class RegisterControllerRecord(Message):
    """RegisterControllerRecord."""

    controller_id: int = int32()
    incarnation_id: bytes = uuid()
    zk_migration_ready: bool = boolean()
    end_points: list[ControllerEndpoint] = array(ControllerEndpoint)
    features: list[ControllerFeature] = array(ControllerFeature)
