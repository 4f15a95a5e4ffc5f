"""The image: the metadata log replayed up to an offset, as one immutable value.

    image = image.replay(records)      # a new image; the old one stays as it was

Whoever holds an image can look at it for as long as they like: it never changes under them. What a
change touches is copied in small parts, and the rest is shared between the images: a partition that
gets a new leader costs the same among ten partitions and among ten thousand (see `sorted_map`).

Two images of one log are in use on a controller: the *latest*, which includes records that are not
committed yet and which the next decision must respect, and the *committed*, which is what brokers
act on and clients see (Kafka's `MetadataImage` and its `QuorumController`'s timeline state).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from broker.metadata.registrations import (
    NO_LEADER,
    NO_LEADER_CHANGE,
    BrokerImage,
    ControllerImage,
    PartitionImage,
    TopicImage,
)
from broker.metadata.sorted_map import GONE, SortedMap
from broker.wire.errors import invariant
from broker.wire.messages import metadata_records as m
from broker.wire.schema import Message

__all__ = [
    "CONFIG_BROKER",
    "CONFIG_TOPIC",
    "NO_LEADER",
    "NO_LEADER_CHANGE",
    "BrokerImage",
    "ClusterImage",
    "ControllerImage",
    "Delta",
    "PartitionImage",
    "TopicImage",
]

CONFIG_TOPIC = 2
CONFIG_BROKER = 4
"""Resource types of settings (Kafka's `ConfigResource.Type`)."""


@dataclass(frozen=True, slots=True)
class ClusterImage:
    """All metadata at one offset. Every mapping is sorted by its keys."""

    offset: int = -1
    epoch: int = 0
    topics: Mapping[str, TopicImage] = field(default_factory=SortedMap)
    names: Mapping[bytes, str] = field(default_factory=SortedMap)
    brokers: Mapping[int, BrokerImage] = field(default_factory=SortedMap)
    controllers: Mapping[int, ControllerImage] = field(default_factory=SortedMap)
    configs: Mapping[tuple[int, str], Mapping[str, str]] = field(default_factory=SortedMap)
    features: Mapping[str, int] = field(default_factory=SortedMap)
    next_producer_id: int = 0

    def topic_by_id(self, topic_id: bytes) -> TopicImage | None:
        """The topic with that id, if there is (still) one."""
        name = self.names.get(topic_id)
        return None if name is None else self.topics[name]

    def partition(self, topic: str, index: int) -> PartitionImage | None:
        """One partition, if there is one."""
        found = self.topics.get(topic)
        return None if found is None else found.partitions.find(index)

    def config(self, kind: int, name: str) -> Mapping[str, str]:
        """What was set on a topic, a broker, or ("") on all brokers."""
        return self.configs.get((kind, name), {})

    def live_brokers(self) -> Iterator[BrokerImage]:
        """Brokers that clients may talk to, in order of id."""
        return (broker for broker in self.brokers.values() if not broker.fenced)

    def is_active(self, broker_id: int) -> bool:
        """Whether a broker may lead: registered, not fenced, not about to leave."""
        broker = self.brokers.get(broker_id)
        return broker is not None and broker.active

    def replay(
        self, records: Sequence[Message], offset: int = -1, epoch: int = 0
    ) -> tuple[ClusterImage, Delta]:
        """The image after `records`, and what they touched. `offset` is that of the last."""
        draft = _Draft(self, offset - len(records))
        for record in records:
            draft.offset += 1
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
    features: dict[str, None] = field(default_factory=dict)

    def merge(self, later: Delta) -> None:
        """This delta, then the later one."""
        self.topics.update(later.topics)
        self.deleted.update(later.deleted)
        self.configs.update(later.configs)
        self.brokers.update(later.brokers)
        self.features.update(later.features)

    @classmethod
    def between(cls, before: ClusterImage, after: ClusterImage) -> Delta:
        """What differs between two images, where a snapshot takes the place of the log between."""
        delta = cls()
        for name in sorted(before.topics.keys() | after.topics.keys()):
            old, new = before.topics.get(name), after.topics.get(name)
            if old is not None and (new is None or new.topic_id != old.topic_id):
                delta.deleted[old.topic_id] = old
            if new is not None and new != old:
                delta.topics[name] = None
        delta.configs = _differing(before.configs, after.configs)
        delta.brokers = _differing(before.brokers, after.brokers)
        delta.features = _differing(before.features, after.features)
        return delta


def _differing(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, None]:
    keys = sorted(before.keys() | after.keys())
    return {key: None for key in keys if before.get(key) != after.get(key)}


_CONTENTS = [each.name for each in fields(ClusterImage) if each.name not in ("offset", "epoch")]


class _Draft:
    """The next image while it is being made.

    Partitions are collected and put into their topic at the end: a new topic may bring thousands.
    """

    def __init__(self, base: ClusterImage, offset: int) -> None:
        self.base = base
        self.delta = Delta()
        self.offset = offset
        """Of the record at hand."""
        self.changes: dict[str, Any] = {}
        self.drafted: dict[bytes, tuple[TopicImage, dict[int, PartitionImage]]] = {}

    def map(self, name: str) -> SortedMap[Any, Any]:
        found: SortedMap[Any, Any] = (
            self.changes[name] if name in self.changes else getattr(self.base, name)
        )
        return found

    def put(self, name: str, key: Any, value: Any) -> None:
        self.changes[name] = self.map(name).changed({key: value})

    def done(self, offset: int, epoch: int) -> ClusterImage:
        drafted = {
            topic.name: self.topic(topic_id) for topic_id, (topic, _) in self.drafted.items()
        }
        if drafted:
            self.changes["topics"] = self.map("topics").changed(drafted)
        # Not `replace`, which takes its time: a NoOp moves the offset, a few times each second.
        contents: list[Any] = [self.map(name) for name in _CONTENTS]
        return ClusterImage(offset, epoch, *contents)

    def topic(self, topic_id: bytes) -> TopicImage:
        """A topic as it is by now."""
        if topic_id in self.drafted:
            topic, changes = self.drafted[topic_id]
            return replace(topic, partitions=topic.partitions.changed(changes))
        found: TopicImage = self.map("topics")[self.map("names")[topic_id]]
        return found

    def partitions(self, topic_id: bytes) -> tuple[TopicImage, dict[int, PartitionImage]]:
        """A topic as it was, and its partitions that have changed since."""
        if topic_id not in self.drafted:
            topic = self.topic(topic_id)
            self.drafted[topic_id] = (topic, {})
            self.delta.topics[topic.name] = None
        return self.drafted[topic_id]


# -- one function a record ------------------------------------------------------------------------


def _topic(draft: _Draft, record: m.TopicRecord) -> None:
    draft.put("topics", record.name, TopicImage(record.name, record.topic_id))
    draft.put("names", record.topic_id, record.name)
    draft.delta.topics[record.name] = None


def _partition(draft: _Draft, record: m.PartitionRecord) -> None:
    _, changes = draft.partitions(record.topic_id)
    changes[record.partition_id] = PartitionImage.of(record)


def _partition_change(draft: _Draft, record: m.PartitionChangeRecord) -> None:
    topic, changes = draft.partitions(record.topic_id)
    index = record.partition_id
    before = changes[index] if index in changes else topic.partitions[index]
    changes[index] = before.changed(record)


def _remove_topic(draft: _Draft, record: m.RemoveTopicRecord) -> None:
    topic = draft.topic(record.topic_id)
    draft.drafted.pop(topic.topic_id, None)
    draft.put("topics", topic.name, GONE)
    draft.put("names", topic.topic_id, GONE)
    draft.put("configs", (CONFIG_TOPIC, topic.name), GONE)
    draft.delta.topics.pop(topic.name, None)
    draft.delta.deleted[topic.topic_id] = topic


def _clear_elr(draft: _Draft, record: m.ClearElrRecord) -> None:
    """The setting that the eligible replicas rested on has changed: nobody is eligible now."""
    names = [record.topic_name] if record.topic_name else list(draft.map("topics"))
    for name in names:
        topic = draft.topic(draft.map("topics")[name].topic_id)
        cleared = {p.index: p.without_elr() for p in topic.partitions if p.elr or p.last_known_elr}
        if cleared:
            draft.partitions(topic.topic_id)[1].update(cleared)


def _config(draft: _Draft, record: m.ConfigRecord) -> None:
    key = (record.resource_type, record.resource_name)
    settings = dict(draft.map("configs").get(key, {}))
    if record.value is None:
        settings.pop(record.name, None)
    else:
        settings[record.name] = record.value
    draft.put("configs", key, settings or GONE)
    draft.delta.configs[key] = None


def _feature(draft: _Draft, record: m.FeatureLevelRecord) -> None:
    """Level 0 is none at all. kraft.version is no metadata: a control record says it."""
    if record.name != "kraft.version":
        draft.put("features", record.name, record.feature_level or GONE)
        draft.delta.features[record.name] = None


def _producer_ids(draft: _Draft, record: m.ProducerIdsRecord) -> None:
    draft.changes["next_producer_id"] = record.next_producer_id


def _register_broker(draft: _Draft, record: m.RegisterBrokerRecord) -> None:
    draft.put("brokers", record.broker_id, BrokerImage.of(record, draft.offset))
    draft.delta.brokers[record.broker_id] = None


def _registration_change(draft: _Draft, record: m.BrokerRegistrationChangeRecord) -> None:
    before: BrokerImage = draft.map("brokers")[record.broker_id]
    invariant(
        before.epoch == record.broker_epoch, "a registration is changed in the epoch it began"
    )
    draft.put("brokers", record.broker_id, before.changed(record))
    draft.delta.brokers[record.broker_id] = None


def _fence(draft: _Draft, record: m.FenceBrokerRecord) -> None:
    change = m.BrokerRegistrationChangeRecord(
        broker_id=record.id, broker_epoch=record.epoch, fenced=1
    )
    _registration_change(draft, change)


def _unfence(draft: _Draft, record: m.UnfenceBrokerRecord) -> None:
    change = m.BrokerRegistrationChangeRecord(
        broker_id=record.id, broker_epoch=record.epoch, fenced=-1
    )
    _registration_change(draft, change)


def _unregister_broker(draft: _Draft, record: m.UnregisterBrokerRecord) -> None:
    draft.put("brokers", record.broker_id, GONE)
    draft.delta.brokers[record.broker_id] = None


def _register_controller(draft: _Draft, record: m.RegisterControllerRecord) -> None:
    draft.put("controllers", record.controller_id, ControllerImage(record))


_REPLAY: dict[type[Message], Callable[[_Draft, Any], None]] = {
    m.TopicRecord: _topic,
    m.PartitionRecord: _partition,
    m.PartitionChangeRecord: _partition_change,
    m.RemoveTopicRecord: _remove_topic,
    m.ClearElrRecord: _clear_elr,
    m.ConfigRecord: _config,
    m.FeatureLevelRecord: _feature,
    m.ProducerIdsRecord: _producer_ids,
    m.RegisterBrokerRecord: _register_broker,
    m.BrokerRegistrationChangeRecord: _registration_change,
    m.FenceBrokerRecord: _fence,
    m.UnfenceBrokerRecord: _unfence,
    m.UnregisterBrokerRecord: _unregister_broker,
    m.RegisterControllerRecord: _register_controller,
}
"""Records that are not here change nothing in the image (a NoOp, a transaction's begin and end)."""
