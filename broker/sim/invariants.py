"""What must hold inside of a broker, looked at from outside, step by step.

The broker asserts its invariants itself, beside the state that they guard. Here they are checked
once more by somebody who shares no code with it: after every step for each log that was touched,
and, after a broker has come back, for everything that was acknowledged before it went.

    log start <= last stable offset = high watermark <= log end
    an offset that was consumed never holds another record
    what was acknowledged is there, unless it was lost in a way that Kafka allows, which is named

What Kafka allows is little, and learners should see exactly how little. Records are acknowledged
when they are in the page cache, so a process may die without losing any; only when the machine
loses power is a record gone that had not been flushed, and `flush.messages` says how many that can
be. With one broker there is also nobody to repair from when bits rot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker.log.config import FOREVER
from broker.sim.disk import SimulatedDisk
from broker.sim.history import Content, History, Place, Sent, described, named
from broker.sim.stored import stored_batches
from broker.sim.views import records_of

if TYPE_CHECKING:
    from broker.replication.partition import Partition
    from broker.sim.hosts import BrokerHost


Contents = dict[int, list[Content]]
"""For an offset, the records that are or were there."""


@dataclass
class Known:
    """What is known of one replica."""

    start: int = 0
    flush_messages: int = 0
    """The greatest limit under which something was written that may not be flushed yet."""
    consumed: dict[int, Content] = field(default_factory=dict)
    owed: dict[int, list[Sent]] = field(default_factory=dict)
    """Acknowledged records, by offset. Two at one: the answer for a lost one came late."""
    at_risk: Contents | None = None
    """While the broker is away after a power loss: what had not been flushed."""
    gone: Contents = field(default_factory=dict)
    """What power losses have taken. Somebody may have heard of it, and tell only now."""
    gone_acknowledged: int = 0
    """How many acknowledged records the last power loss took."""
    rotten_from: int | None = None
    """The first offset whose bytes were damaged on purpose."""


class Invariants:
    """Watches the brokers of a run."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.known: dict[Place, Known] = {}
        self._reads_seen = 0
        self._undecided: list[Sent] = []
        self._sent_seen = 0

    def _of(self, place: Place) -> Known:
        return self.known.setdefault(place, Known())

    # -- after every step -----------------------------------------------------------------------

    def look(self, place: Place, partition: Partition) -> None:
        """A log was touched: do its offsets stand in their order?"""
        log = partition.log
        start, stable, end = log.log_start_offset, partition.last_stable_offset, log.log_end_offset
        watermark = partition.high_watermark
        if not start <= stable <= watermark <= end:
            self.history.find(
                "offsets out of order",
                f"{named(place)} has log start {start}, last stable offset {stable}, high "
                f"watermark {watermark} and log end {end}",
                allowed=False,
            )
        known = self._of(place)
        if start < known.start and known.at_risk is None:
            self.history.find(
                "log start went back",
                f"the log of {named(place)} started at {known.start} and now at {start}",
                allowed=False,
            )
        known.start = start
        if known.at_risk is None:
            limit = log.config.flush_messages
            # A new limit speaks of new records; what lies unflushed was written under the old one.
            flushed = log.recovery_point >= end
            known.flush_messages = limit if flushed else max(limit, known.flush_messages)

    def forget(self, place: Place) -> None:
        """A topic was deleted: nothing of it is owed any more."""
        self.known.pop(place, None)

    def catch_up(self) -> None:
        """Take in what clients have learned since the last time."""
        history = self.history
        for read in history.reads[self._reads_seen :]:
            record = read.record
            self._consumed((record.topic, record.partition), record.offset,
                           (record.key, record.value), read.client)  # fmt: skip
        self._reads_seen = len(history.reads)
        self._undecided += history.sent[self._sent_seen :]
        self._sent_seen = len(history.sent)
        undecided = []
        for sent in self._undecided:
            delivery = sent.delivery
            if not delivery.done:
                undecided.append(sent)
            elif delivery.offset >= 0 and delivery.partition is not None:
                owed = self._of((delivery.topic, delivery.partition)).owed
                owed.setdefault(delivery.offset, []).append(sent)
        self._undecided = undecided

    def _consumed(self, place: Place, offset: int, content: Content, client: str) -> None:
        known = self._of(place)
        if content in known.gone.get(offset, ()):
            return  # fetched before the power went, handled after it
        before = known.consumed.setdefault(offset, content)
        if before != content:
            self.history.find(
                "inconsistent offset",
                f"{client} read {described(content)} at offset {offset} of {named(place)}, where "
                f"{described(before)} had been read before",
                allowed=False,
            )

    # -- faults, as they are done ---------------------------------------------------------------

    def power_is_lost(self, host: BrokerHost) -> None:
        """Note what is not on the platter for certain, just before it is up to chance."""
        self.catch_up()
        for place, known in self.known.items():
            self._forget_deleted(known)
            if known.at_risk is None:
                known.at_risk = {}
                known.gone_acknowledged = 0
            for offset, content in unflushed(host.disk, named(place)):
                known.at_risk.setdefault(offset, []).append(content)

    def _forget_deleted(self, known: Known) -> None:
        """What retention has deleted is not owed, even if the power loss brings some of it back."""
        for offset in [offset for offset in known.owed if offset < known.start]:
            self.history.lost.update(sent.delivery for sent in known.owed.pop(offset))
        for offset in [offset for offset in known.consumed if offset < known.start]:
            del known.consumed[offset]

    def bit_is_flipped(self, place: Place, offset: int) -> None:
        """From here on this log may be unreadable, and nobody has another copy."""
        known = self._of(place)
        rotten = known.rotten_from
        known.rotten_from = offset if rotten is None else min(rotten, offset)

    # -- when a broker is back, and at the end --------------------------------------------------

    def compare(self, host: BrokerHost, place: Place, partition: Partition) -> None:
        """Is everything there that was acknowledged or read?"""
        self.catch_up()
        known = self._of(place)
        log = partition.log
        found = {
            record.offset: (record.key, record.value)
            for _, record in records_of(host, partition, log.log_start_offset)
        }
        for offset, contents in (known.at_risk or {}).items():
            taken = [content for content in contents if content != found.get(offset)]
            known.gone.setdefault(offset, []).extend(taken)
        known.at_risk = None
        start = log.log_start_offset
        for offset in sorted(known.owed):
            if offset >= start:
                lost = [sent for sent in known.owed[offset] if sent.content != found.get(offset)]
                known.owed[offset] = [sent for sent in known.owed[offset] if sent not in lost]
                for sent in lost:
                    self._lost(place, known, sent)
        for offset, content in sorted(known.consumed.items()):
            if offset >= start and found.get(offset) != content:
                del known.consumed[offset]
                self._consumed_and_lost(place, known, offset, content)

    def _lost(self, place: Place, known: Known, sent: Sent) -> None:
        """A record that was acknowledged is not there."""
        self.history.lost.add(sent.delivery)
        offset = sent.delivery.offset
        known.gone_acknowledged += 1
        excuse = self._excuse(known, offset, sent.content, known.gone_acknowledged)
        self.history.find(
            "acknowledged record lost" if excuse else "lost write",
            f"{described(sent.content)} at offset {offset} of {named(place)} was acknowledged "
            f"to {sent.client} and is not there" + excuse,
            allowed=bool(excuse),
        )

    def _consumed_and_lost(self, place: Place, known: Known, offset: int, content: Content) -> None:
        """A record that was read is not there: what comes next will take its offset."""
        excuse = self._excuse(known, offset, content, 0)
        self.history.find(
            "consumed record lost" if excuse else "inconsistent offset",
            f"{described(content)} was read at offset {offset} of {named(place)} and is not "
            "there" + excuse,
            allowed=bool(excuse),
        )

    @staticmethod
    def _excuse(known: Known, offset: int, content: Content, how_many: int) -> str:
        """Why Kafka may lose a record that somebody knows of; empty if it may not."""
        if known.rotten_from is not None and offset >= known.rotten_from:
            return ": bits of the only copy have rotted on the disk"
        if content not in known.gone.get(offset, ()) or how_many >= known.flush_messages:
            return ""
        if known.flush_messages == FOREVER:
            why = "and without flush.messages that is left to the other replicas"
        else:
            why = f"and flush.messages={known.flush_messages} allows for as many as that"
        return f": the power went before it was flushed, {why}"


def unflushed(disk: SimulatedDisk, folder: str) -> Iterator[tuple[int, Content]]:
    """The records of a log from the first that the loss of power may take."""
    safe = True
    for stored in stored_batches(disk, folder):
        safe = safe and stored.durable(disk)
        if not safe:
            for record in stored.records(disk):
                yield record.offset, (record.key, record.value)
