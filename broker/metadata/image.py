"""The image: the metadata log replayed up to an offset, as one immutable value.

    image = image.replay(records)      # a new image; the old one stays as it was

Whoever holds an image can look at it for as long as they like: it never changes under them. A
change copies only the maps and the one topic it touches, and the rest is shared between the images.

Two images of one log are in use on a controller: the *latest*, which includes records that are not
committed yet and which the next decision must respect, and the *committed*, which is what brokers
act on and clients see (Kafka's `MetadataImage` and its `QuorumController`'s timeline state).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from broker.wire.messages import metadata_records as m
from broker.wire.schema import Message

NO_LEADER = -1
NO_LEADER_CHANGE = -2
"""In a `PartitionChangeRecord`: the leader stays, and so does its epoch."""

CONFIG_TOPIC = 2
CONFIG_BROKER = 4
"""Resource types of settings (Kafka's `ConfigResource.Type`)."""


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """Where a partition lives and who leads it (Kafka's `PartitionRegistration`)."""

    index: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int
    partition_epoch: int
    directories: tuple[bytes, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

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
        )

    def changed(self, record: m.PartitionChangeRecord) -> PartitionImage:
        """After a change. Naming a leader, even the same one, opens a new leader epoch."""
        led = record.leader != NO_LEADER_CHANGE
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
        )


def _or(new: list[Any] | None, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """In a change record, null means: as it was."""
    return old if new is None else tuple(new)


@dataclass(frozen=True, slots=True)
class TopicImage:
    """A topic: its name, its partitions, and an id that tells it from earlier ones of that name."""

    name: str
    topic_id: bytes
    partitions: tuple[PartitionImage, ...] = ()
    """In order of index."""


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """A registered broker. A fenced one leads nothing and is told to nobody."""

    broker_id: int
    epoch: int
    incarnation_id: bytes
    host: str
    port: int
    rack: str | None
    directories: tuple[bytes, ...]
    fenced: bool


@dataclass(frozen=True, slots=True)
class ClusterImage:
    """All metadata at one offset."""

    offset: int = -1
    epoch: int = 0
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    names: Mapping[bytes, str] = field(default_factory=dict)
    brokers: Mapping[int, BrokerImage] = field(default_factory=dict)
    configs: Mapping[tuple[int, str], Mapping[str, str]] = field(default_factory=dict)
    features: Mapping[str, int] = field(default_factory=dict)
    next_producer_id: int = 0

    def topic_by_id(self, topic_id: bytes) -> TopicImage | None:
        """The topic with that id, if there is (still) one."""
        name = self.names.get(topic_id)
        return None if name is None else self.topics[name]

    def partition(self, topic: str, index: int) -> PartitionImage | None:
        """One partition, if there is one."""
        found = self.topics.get(topic)
        if found is None or not 0 <= index < len(found.partitions):
            return None
        return found.partitions[index]

    def config(self, kind: int, name: str) -> Mapping[str, str]:
        """What was set on a topic, a broker, or ("") on all brokers."""
        return self.configs.get((kind, name), {})

    def live_brokers(self) -> Iterator[BrokerImage]:
        """Brokers that clients may talk to, in order of id."""
        return (self.brokers[i] for i in sorted(self.brokers) if not self.brokers[i].fenced)

    def replay(
        self, records: Iterable[Message], offset: int = -1, epoch: int = 0
    ) -> tuple[ClusterImage, Delta]:
        """The image after `records`, and what they touched."""
        draft = _Draft(self)
        for record in records:
            step = _REPLAY.get(type(record))
            if step is not None:
                step(draft, record)
        return draft.done(max(offset, self.offset), max(epoch, self.epoch)), draft.delta


@dataclass(slots=True)
class Delta:
    """What a replay touched, in order: enough for a broker to know what it has to do."""

    topics: dict[str, None] = field(default_factory=dict)
    deleted: dict[bytes, TopicImage] = field(default_factory=dict)
    """By id: more than one topic of a name may have come and gone."""
    configs: dict[tuple[int, str], None] = field(default_factory=dict)
    brokers: dict[int, None] = field(default_factory=dict)

    def merge(self, later: Delta) -> None:
        """This delta, then the later one."""
        self.topics.update(later.topics)
        self.deleted.update(later.deleted)
        self.configs.update(later.configs)
        self.brokers.update(later.brokers)


class _Draft:
    """The next image while it is being made: each map is copied when first written to, and so is
    each topic's list of partitions, of which there may be thousands."""

    def __init__(self, base: ClusterImage) -> None:
        self.base = base
        self.delta = Delta()
        self.changes: dict[str, Any] = {}
        self.drafted: dict[bytes, list[PartitionImage]] = {}

    def map(self, name: str) -> dict[Any, Any]:
        if name not in self.changes:
            self.changes[name] = dict(getattr(self.base, name))
        copied: dict[Any, Any] = self.changes[name]
        return copied

    def done(self, offset: int, epoch: int) -> ClusterImage:
        for topic_id in self.drafted:
            topic = self.topic(topic_id)
            self.map("topics")[topic.name] = topic
        return replace(self.base, offset=offset, epoch=epoch, **self.changes)

    def topic(self, topic_id: bytes) -> TopicImage:
        topics, names = self.map("topics"), self.map("names")
        topic: TopicImage = topics[names[topic_id]]
        drafted = self.drafted.get(topic_id)
        return topic if drafted is None else replace(topic, partitions=tuple(drafted))

    def put_topic(self, topic: TopicImage) -> None:
        self.map("topics")[topic.name] = topic
        self.map("names")[topic.topic_id] = topic.name
        self.delta.topics[topic.name] = None

    def partitions(self, topic_id: bytes) -> list[PartitionImage]:
        if topic_id not in self.drafted:
            topic = self.topic(topic_id)
            self.drafted[topic_id] = list(topic.partitions)
            self.delta.topics[topic.name] = None
        return self.drafted[topic_id]


# -- one function a record ------------------------------------------------------------------------


def _topic(draft: _Draft, record: m.TopicRecord) -> None:
    draft.put_topic(TopicImage(record.name, record.topic_id))


def _partition(draft: _Draft, record: m.PartitionRecord) -> None:
    partitions, at = draft.partitions(record.topic_id), record.partition_id
    partitions[at : at + 1] = [PartitionImage.of(record)]


def _partition_change(draft: _Draft, record: m.PartitionChangeRecord) -> None:
    partitions, at = draft.partitions(record.topic_id), record.partition_id
    partitions[at] = partitions[at].changed(record)


def _remove_topic(draft: _Draft, record: m.RemoveTopicRecord) -> None:
    topic = draft.topic(record.topic_id)
    draft.drafted.pop(topic.topic_id, None)
    del draft.map("topics")[topic.name]
    del draft.map("names")[topic.topic_id]
    draft.map("configs").pop((CONFIG_TOPIC, topic.name), None)
    draft.delta.topics.pop(topic.name, None)
    draft.delta.deleted[topic.topic_id] = topic


def _config(draft: _Draft, record: m.ConfigRecord) -> None:
    key = (record.resource_type, record.resource_name)
    configs = draft.map("configs")
    settings = dict(configs.get(key, {}))
    if record.value is None:
        settings.pop(record.name, None)
    else:
        settings[record.name] = record.value
    configs[key] = settings
    draft.delta.configs[key] = None


def _feature(draft: _Draft, record: m.FeatureLevelRecord) -> None:
    draft.map("features")[record.name] = record.feature_level


def _producer_ids(draft: _Draft, record: m.ProducerIdsRecord) -> None:
    draft.changes["next_producer_id"] = record.next_producer_id


def _register_broker(draft: _Draft, record: m.RegisterBrokerRecord) -> None:
    endpoint = record.end_points[0]
    draft.map("brokers")[record.broker_id] = BrokerImage(
        broker_id=record.broker_id,
        epoch=record.broker_epoch,
        incarnation_id=record.incarnation_id,
        host=endpoint.host,
        port=endpoint.port,
        rack=record.rack,
        directories=tuple(record.log_dirs),
        fenced=record.fenced,
    )
    draft.delta.brokers[record.broker_id] = None


def _registration_change(draft: _Draft, record: m.BrokerRegistrationChangeRecord) -> None:
    brokers = draft.map("brokers")
    if record.fenced:
        # +1 fences, -1 unfences, 0 leaves it (Kafka's BrokerRegistrationFencingChange).
        fenced = record.fenced > 0
        brokers[record.broker_id] = replace(brokers[record.broker_id], fenced=fenced)
    draft.delta.brokers[record.broker_id] = None


def _unregister_broker(draft: _Draft, record: m.UnregisterBrokerRecord) -> None:
    draft.map("brokers").pop(record.broker_id, None)
    draft.delta.brokers[record.broker_id] = None


_REPLAY: dict[type[Message], Callable[[_Draft, Any], None]] = {
    m.TopicRecord: _topic,
    m.PartitionRecord: _partition,
    m.PartitionChangeRecord: _partition_change,
    m.RemoveTopicRecord: _remove_topic,
    m.ConfigRecord: _config,
    m.FeatureLevelRecord: _feature,
    m.ProducerIdsRecord: _producer_ids,
    m.RegisterBrokerRecord: _register_broker,
    m.BrokerRegistrationChangeRecord: _registration_change,
    m.UnregisterBrokerRecord: _unregister_broker,
}
"""Records that are not here change nothing in the image (a NoOp, a transaction's begin and end)."""
