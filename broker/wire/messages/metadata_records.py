"""The records of `__cluster_metadata`: everything a cluster knows about itself (KIP-631).

The controller writes them, every broker and controller replays them in order, and the state that
results is the cluster: there is no other store. Each record is the value of a Kafka record with a
null key, in a small envelope with its type and version (`codec.encode_metadata_record`).

Which version of a record may be written depends on the cluster's metadata.version, because all
nodes must be able to read it. Fields that were added later are often tagged, so that they cost
nothing while they are at their defaults. `Change` records make most of that: whatever has not
changed is left out.
"""

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

# -- brokers and controllers ----------------------------------------------------------------------


@struct
class BrokerEndpoint(Message):
    """Where a broker listens."""

    name: str = string()
    """The listener's name, as PLAINTEXT."""
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


@struct
class BrokerFeature(Message):
    """A feature, and the levels of it that a broker can run (KIP-584)."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=0, kind="record", versions="0-4", flexible="0+")
class RegisterBrokerRecord(Message):
    """A broker has started and registered. It replaces what was known of an earlier run.

    - 0: all but the following (KIP-631)
    - 1: in_controlled_shutdown (KIP-841)
    - 2: is_migrating_zk_broker (KIP-866)
    - 3: log_dirs, tagged (KIP-858)
    - 4: cordoned_log_dirs, tagged (KIP-1066)
    """

    broker_id: int = int32()
    is_migrating_zk_broker: bool = boolean(versions="2+")
    incarnation_id: bytes = uuid()
    """Drawn anew each time the process starts."""
    broker_epoch: int = int64()
    """The offset of this record, by which this run of the broker is known from now on."""
    end_points: list[BrokerEndpoint] = array(BrokerEndpoint)
    features: list[BrokerFeature] = array(BrokerFeature)
    rack: str | None = string(nullable="0+")
    fenced: bool = boolean(default=True)
    """Until it has caught up with the metadata, a broker leads nothing."""
    in_controlled_shutdown: bool = boolean(versions="1+")
    log_dirs: list[bytes] = array(uuid, versions="3+", tag=0)
    cordoned_log_dirs: list[bytes] | None = array(
        uuid, versions="4+", nullable="4+", tag=1, default=None
    )
    """Directories that get no new replicas. Null before the broker's first heartbeat."""


@message(key=1, kind="record", versions="0", flexible="0+")
class UnregisterBrokerRecord(Message):
    """A broker was removed for good.

    - 0: all fields (KIP-631)
    """

    broker_id: int = int32()
    broker_epoch: int = int64()


@message(key=7, kind="record", versions="0", flexible="0+")
class FenceBrokerRecord(Message):
    """A broker is fenced. Succeeded by BrokerRegistrationChangeRecord, and read from old logs.

    - 0: all fields (KIP-631)
    """

    id: int = int32()
    epoch: int = int64()


@message(key=8, kind="record", versions="0", flexible="0+")
class UnfenceBrokerRecord(Message):
    """A broker is no longer fenced. Succeeded by BrokerRegistrationChangeRecord.

    - 0: all fields (KIP-631)
    """

    id: int = int32()
    epoch: int = int64()


@message(key=17, kind="record", versions="0-3", flexible="0+")
class BrokerRegistrationChangeRecord(Message):
    """Something about a registered broker has changed.

    Kafka writes the lowest version that has the fields it needs.

    - 0: fenced (KIP-746)
    - 1: in_controlled_shutdown (KIP-841)
    - 2: log_dirs (KIP-858)
    - 3: cordoned_log_dirs (KIP-1066)
    """

    broker_id: int = int32()
    broker_epoch: int = int64()
    fenced: int = int8(tag=0)
    """-1: unfenced from here on. 0: as before. 1: fenced from here on."""
    in_controlled_shutdown: int = int8(versions="1+", tag=1)
    """0: as before. 1: about to leave, so it will be given nothing to lead."""
    log_dirs: list[bytes] = array(uuid, versions="2+", tag=2)
    cordoned_log_dirs: list[bytes] | None = array(
        uuid, versions="3+", nullable="3+", tag=3, default=None
    )


@struct
class ControllerEndpoint(Message):
    """Where a controller listens."""

    name: str = string()
    host: str = string()
    port: int = uint16()
    security_protocol: int = int16()


@struct
class ControllerFeature(Message):
    """A feature, and the levels of it that a controller can run (KIP-584)."""

    name: str = string()
    min_supported_version: int = int16()
    max_supported_version: int = int16()


@message(key=27, kind="record", versions="0", flexible="0+")
class RegisterControllerRecord(Message):
    """A controller has registered.

    - 0: all fields (KIP-919)
    """

    controller_id: int = int32()
    incarnation_id: bytes = uuid()
    zk_migration_ready: bool = boolean()
    end_points: list[ControllerEndpoint] = array(ControllerEndpoint)
    features: list[ControllerFeature] = array(ControllerFeature)


# -- topics and partitions ------------------------------------------------------------------------


@message(key=2, kind="record", versions="0", flexible="0+")
class TopicRecord(Message):
    """A topic exists. Its partitions follow, in records of their own.

    - 0: all fields (KIP-631)
    """

    name: str = string()
    topic_id: bytes = uuid()


@message(key=9, kind="record", versions="0", flexible="0+")
class RemoveTopicRecord(Message):
    """A topic is gone, with all its partitions and configs.

    - 0: all fields (KIP-631)
    """

    topic_id: bytes = uuid()


@message(key=3, kind="record", versions="0-2", flexible="0+")
class PartitionRecord(Message):
    """A partition, in full.

    - 0: all but the following (KIP-631)
    - 1: directories (KIP-858)
    - 2: eligible_leader_replicas and last_known_elr, tagged (KIP-966)
    """

    partition_id: int = int32(default=-1)
    topic_id: bytes = uuid()
    replicas: list[int] = array(int32)
    """The first is the preferred leader."""
    isr: list[int] = array(int32)
    """The in-sync replicas."""
    removing_replicas: list[int] = array(int32)
    adding_replicas: list[int] = array(int32)
    leader: int = int32(default=-1)
    """-1 for none."""
    leader_recovery_state: int = int8(tag=0)
    """1 after an unclean election, until the new leader has looked after what was left behind."""
    leader_epoch: int = int32(default=-1)
    """Grows with each new leader. Whoever acts for an older one is turned away."""
    partition_epoch: int = int32(default=-1)
    """Grows with each change to the partition, whatever it is."""
    directories: list[bytes] = array(uuid, versions="1+")
    """For each replica, the directory on its broker."""
    eligible_leader_replicas: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=1, default=None
    )
    """Not in sync any more, but known to have everything below the high watermark."""
    last_known_elr: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=2, default=None
    )


@message(key=5, kind="record", versions="0-2", flexible="0+")
class PartitionChangeRecord(Message):
    """What has changed about a partition; whatever has not is left at its default.

    A change of leader raises the leader epoch by one, any change the partition epoch. Neither is
    written: whoever replays the record counts.

    - 0: all but the following (KIP-631)
    - 1: directories (KIP-858)
    - 2: eligible_leader_replicas and last_known_elr (KIP-966)
    """

    partition_id: int = int32(default=-1)
    topic_id: bytes = uuid()
    isr: list[int] | None = array(int32, nullable="0+", tag=0, default=None)
    leader: int = int32(tag=1, default=-2)
    """-2: as before. -1: there is none now."""
    replicas: list[int] | None = array(int32, nullable="0+", tag=2, default=None)
    removing_replicas: list[int] | None = array(int32, nullable="0+", tag=3, default=None)
    adding_replicas: list[int] | None = array(int32, nullable="0+", tag=4, default=None)
    leader_recovery_state: int = int8(tag=5, default=-1)
    """-1: as before. 0: recovered, or elected from the ISR. 1: elected uncleanly."""
    directories: list[bytes] | None = array(uuid, versions="1+", nullable="1+", tag=8, default=None)
    eligible_leader_replicas: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=6, default=None
    )
    last_known_elr: list[int] | None = array(
        int32, versions="2+", nullable="2+", tag=7, default=None
    )


@message(key=28, kind="record", versions="0", flexible="0+")
class ClearElrRecord(Message):
    """The eligible leader replicas of a topic are forgotten: min.insync.replicas has changed.

    - 0: all fields (KIP-966)
    """

    topic_name: str = string()
    """Empty for all topics."""


# -- configs, features, producer ids --------------------------------------------------------------


@message(key=4, kind="record", versions="0", flexible="0+")
class ConfigRecord(Message):
    """A config of a topic or broker was set or removed.

    - 0: all fields (KIP-631)
    """

    resource_type: int = int8()
    """By the numbers of `describe_configs.ResourceType`."""
    resource_name: str = string()
    """Empty for what holds for all brokers."""
    name: str = string()
    value: str | None = string(nullable="0+")
    """Null: removed, so that the default holds again."""


@message(key=12, kind="record", versions="0", flexible="0+")
class FeatureLevelRecord(Message):
    """The cluster runs a feature at this level from here on; 0 switches it off (KIP-584).

    The first records of every log are of this kind, "metadata.version" before all others: it says
    what a reader must know to read on. So the version of this record can never rise.

    - 0: all fields (KIP-778)
    """

    name: str = string()
    feature_level: int = int16()


@message(key=15, kind="record", versions="0", flexible="0+")
class ProducerIdsRecord(Message):
    """A block of producer ids was given to a broker, which hands them out one by one.

    - 0: all fields (KIP-730)
    """

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    next_producer_id: int = int64()
    """Where the *next* block begins: all below are taken."""


# -- the log itself -------------------------------------------------------------------------------


@message(key=20, kind="record", versions="0", flexible="0+")
class NoOpRecord(Message):
    """Nothing. Written twice a second, so that followers can tell a quiet leader from a dead one.

    - 0: no fields (KIP-835)
    """


@message(key=23, kind="record", versions="0", flexible="0+")
class BeginTransactionRecord(Message):
    """What follows, up to EndTransactionRecord, happens at once or not at all.

    It is for changes that do not fit into one batch, which is atomic by itself.

    - 0: all fields (KIP-868)
    """

    name: str | None = string(nullable="0+", tag=0, default=None)


@message(key=24, kind="record", versions="0", flexible="0+")
class EndTransactionRecord(Message):
    """What came since BeginTransactionRecord has happened.

    - 0: no fields (KIP-868)
    """


@message(key=25, kind="record", versions="0", flexible="0+")
class AbortTransactionRecord(Message):
    """What came since BeginTransactionRecord has not happened: the controller failed within.

    - 0: all fields (KIP-868)
    """

    reason: str | None = string(nullable="0+", tag=0, default=None)
