"""What the image knows of one partition, one topic, one broker: the values that records make.

Each is immutable and has a way to come from its first record, to change by a later one, and to be
written as one record again, for a snapshot (Kafka's `PartitionRegistration`, `BrokerRegistration`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from broker.metadata.sorted_map import SortedMap
from broker.wire.messages import metadata_records as m

NO_LEADER = -1
NO_LEADER_CHANGE = -2
"""In a `PartitionChangeRecord`: the leader stays, and so does its epoch."""

RECOVERED, RECOVERING = 0, 1
"""RECOVERING: elected uncleanly, and not yet sure of what its log holds (KIP-704)."""

UNASSIGNED_DIRECTORY = bytes(15) + b"\1"
LOST_DIRECTORY = bytes(15) + b"\2"
MIGRATING_DIRECTORY = bytes(16)
"""Ids below 100 stand for no directory (Kafka's `DirectoryId`)."""


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """Where a partition lives and who leads it (Kafka's `PartitionRegistration`)."""

    index: int
    replicas: tuple[int, ...]
    """The first of them is the preferred leader."""
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int
    partition_epoch: int
    directories: tuple[bytes, ...] = ()
    """For each replica, the directory on its broker."""
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()
    recovery: int = RECOVERED
    elr: tuple[int, ...] = ()
    """Eligible leader replicas: they left the ISR when it was below min.insync.replicas, so no
    record was acknowledged without them since (KIP-966). Disjoint from the ISR."""
    last_known_elr: tuple[int, ...] = ()
    """While there is no leader: who led last."""

    @property
    def reassigning(self) -> bool:
        """Whether replicas are being added or removed."""
        return bool(self.adding or self.removing)

    def directory(self, broker_id: int) -> bytes:
        """The directory of a replica."""
        if broker_id not in self.replicas or len(self.directories) != len(self.replicas):
            return UNASSIGNED_DIRECTORY
        return self.directories[self.replicas.index(broker_id)]

    @classmethod
    def of(cls, record: m.PartitionRecord) -> PartitionImage:
        """A partition as its first record describes it."""
        return cls(
            index=record.partition_id,
            replicas=tuple(record.replicas),
            isr=tuple(record.isr),
            leader=record.leader,
            leader_epoch=record.leader_epoch,
            partition_epoch=record.partition_epoch,
            directories=tuple(record.directories),
            adding=tuple(record.adding_replicas),
            removing=tuple(record.removing_replicas),
            recovery=record.leader_recovery_state,
            elr=tuple(record.eligible_leader_replicas or ()),
            last_known_elr=tuple(record.last_known_elr or ()),
        )

    def changed(self, record: m.PartitionChangeRecord) -> PartitionImage:
        """After a change. Naming a leader, even the same one, opens a new leader epoch."""
        led = record.leader != NO_LEADER_CHANGE
        recovery = record.leader_recovery_state
        return PartitionImage(
            index=self.index,
            replicas=_or(record.replicas, self.replicas),
            isr=_or(record.isr, self.isr),
            leader=record.leader if led else self.leader,
            leader_epoch=self.leader_epoch + led,
            partition_epoch=self.partition_epoch + 1,
            directories=_or(record.directories, self.directories),
            adding=_or(record.adding_replicas, self.adding),
            removing=_or(record.removing_replicas, self.removing),
            recovery=self.recovery if recovery < 0 else recovery,
            elr=_or(record.eligible_leader_replicas, self.elr),
            last_known_elr=_or(record.last_known_elr, self.last_known_elr),
        )

    def without_elr(self) -> PartitionImage:
        """After a `ClearElrRecord`, which counts as a change of the partition."""
        return replace(self, elr=(), last_known_elr=(), partition_epoch=self.partition_epoch + 1)

    def record(self, topic_id: bytes) -> m.PartitionRecord:
        """The one record that says all this. What is empty and tagged costs nothing."""
        return m.PartitionRecord(
            partition_id=self.index,
            topic_id=topic_id,
            replicas=list(self.replicas),
            isr=list(self.isr),
            removing_replicas=list(self.removing),
            adding_replicas=list(self.adding),
            leader=self.leader,
            leader_recovery_state=self.recovery,
            leader_epoch=self.leader_epoch,
            partition_epoch=self.partition_epoch,
            directories=list(self.directories),
            eligible_leader_replicas=list(self.elr) or None,
            last_known_elr=list(self.last_known_elr) or None,
        )


def _or(new: list[Any] | None, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """In a change record, null means: as it was."""
    return old if new is None else tuple(new)


class Partitions(Sequence[PartitionImage]):
    """A topic's partitions in order of index, of which a change copies only a few."""

    __slots__ = ("_by_index",)

    def __init__(self, by_index: SortedMap[int, PartitionImage] | None = None) -> None:
        self._by_index: SortedMap[int, PartitionImage] = by_index or SortedMap()

    def changed(self, changes: dict[int, PartitionImage]) -> Partitions:
        """The partitions with some of them replaced, or added."""
        return Partitions(self._by_index.changed(changes))

    def __len__(self) -> int:
        return len(self._by_index)

    def __iter__(self) -> Iterator[PartitionImage]:
        return self._by_index.each_value()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._by_index[at] for at in range(*index.indices(len(self)))]
        found = self._by_index.get(index + len(self) if index < 0 else index)
        if found is None:
            raise IndexError(f"there is no partition {index}")
        return found

    def find(self, index: int) -> PartitionImage | None:
        """A partition, if there is one of this index."""
        found: PartitionImage | None = self._by_index.get(index)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partitions) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class TopicImage:
    """A topic: its name, its partitions, and an id that tells it from earlier ones of that name."""

    name: str
    topic_id: bytes
    partitions: Partitions = field(default_factory=Partitions)
    """In order of index."""


class BrokerAddress(NamedTuple):
    """One listener of a broker, as it registered it."""

    name: str
    host: str
    port: int
    security_protocol: int = 0


class Support(NamedTuple):
    """The levels of a feature that a node can run."""

    min_version: int
    max_version: int


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """A registered broker. A fenced one leads nothing and is told to nobody."""

    broker_id: int
    epoch: int
    """Each life of a broker has another one: the log's end when it registered."""
    incarnation_id: bytes
    """Drawn by the broker for each of its lives."""
    endpoints: tuple[BrokerAddress, ...]
    features: tuple[tuple[str, Support], ...]
    rack: str | None
    directories: tuple[bytes, ...]
    """The log directories that work."""
    fenced: bool
    in_controlled_shutdown: bool = False
    cordoned: tuple[bytes, ...] | None = None
    registered_at: int = -1
    """The offset of the registration's record: who has applied it knows of it."""

    @property
    def host(self) -> str:
        """Where clients connect to."""
        return self.endpoints[0].host if self.endpoints else ""

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return self.endpoints[0].port if self.endpoints else -1

    @property
    def active(self) -> bool:
        """Whether it may lead partitions and join an ISR."""
        return not self.fenced and not self.in_controlled_shutdown

    def supports(self, feature: str) -> Support:
        """The levels of a feature; (0, 0) for one that it does not know."""
        return dict(self.features).get(feature, Support(0, 0))

    def default_directory(self) -> bytes:
        """Where a new replica goes: the only directory, or one of the broker's own choice."""
        if not self.directories:
            return MIGRATING_DIRECTORY
        return self.directories[0] if len(self.directories) == 1 else UNASSIGNED_DIRECTORY

    def has_online(self, directory: bytes) -> bool:
        """Whether what lies in a directory can be read (Kafka's `DirectoryId.isOnline`)."""
        if directory in (UNASSIGNED_DIRECTORY, MIGRATING_DIRECTORY):
            return True
        if directory == LOST_DIRECTORY:
            return False
        return not self.directories or directory in self.directories

    @property
    def all_cordoned(self) -> bool:
        """Whether none of its directories takes new replicas (KIP-1066)."""
        return bool(self.directories) and set(self.directories) <= set(self.cordoned or ())

    @classmethod
    def of(cls, record: m.RegisterBrokerRecord, offset: int) -> BrokerImage:
        """A broker as it registered."""
        return cls(
            broker_id=record.broker_id,
            epoch=record.broker_epoch,
            incarnation_id=record.incarnation_id,
            endpoints=tuple(
                BrokerAddress(end.name, end.host, end.port, end.security_protocol)
                for end in record.end_points
            ),
            features=tuple(
                (known.name, Support(known.min_supported_version, known.max_supported_version))
                for known in record.features
            ),
            rack=record.rack,
            directories=tuple(record.log_dirs),
            fenced=record.fenced,
            in_controlled_shutdown=record.in_controlled_shutdown,
            cordoned=None if record.cordoned_log_dirs is None else tuple(record.cordoned_log_dirs),
            registered_at=offset,
        )

    def changed(self, record: m.BrokerRegistrationChangeRecord) -> BrokerImage:
        """After a change: +1 fences, -1 unfences, 0 and what is left out leave it as it is."""
        cordoned = record.cordoned_log_dirs
        return replace(
            self,
            fenced=record.fenced > 0 if record.fenced else self.fenced,
            in_controlled_shutdown=bool(record.in_controlled_shutdown)
            or self.in_controlled_shutdown,
            directories=tuple(record.log_dirs) or self.directories,
            cordoned=self.cordoned if cordoned is None else tuple(cordoned),
        )

    def record(self) -> m.RegisterBrokerRecord:
        """The one record that says all this."""
        return m.RegisterBrokerRecord(
            broker_id=self.broker_id,
            incarnation_id=self.incarnation_id,
            broker_epoch=self.epoch,
            end_points=[
                m.BrokerEndpoint(name=name, host=host, port=port, security_protocol=protocol)
                for name, host, port, protocol in self.endpoints
            ],
            features=[
                m.BrokerFeature(
                    name=name,
                    min_supported_version=levels.min_version,
                    max_supported_version=levels.max_version,
                )
                for name, levels in self.features
            ],
            rack=self.rack,
            fenced=self.fenced,
            in_controlled_shutdown=self.in_controlled_shutdown,
            log_dirs=list(self.directories),
            cordoned_log_dirs=None if self.cordoned is None else list(self.cordoned),
        )


@dataclass(frozen=True, slots=True)
class ControllerImage:
    """A registered controller: where it listens, and what it can work with (KIP-919)."""

    record: m.RegisterControllerRecord

    @property
    def host(self) -> str:
        """Where others reach it."""
        return self.record.end_points[0].host if self.record.end_points else ""

    @property
    def port(self) -> int:
        """Where others reach it."""
        return self.record.end_points[0].port if self.record.end_points else -1

    def supports(self, feature: str) -> Support:
        """The levels of a feature; (0, 0) for one that it does not know."""
        for known in self.record.features:
            if known.name == feature:
                return Support(known.min_supported_version, known.max_supported_version)
        return Support(0, 0)
