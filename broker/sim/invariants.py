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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker.log.config import FOREVER
from broker.sim.disk import SimulatedDisk
from broker.sim.history import Content, History, Place, Sent, described, named
from broker.sim.views import records_of
from broker.wire.errors import ApiError
from broker.wire.records import BATCH_OVERHEAD, read_header

if TYPE_CHECKING:
    from broker.replication.partition import Partition
    from broker.sim.hosts import BrokerHost


@dataclass
class Known:
    """What is known of one replica."""

    start: int = 0
    end: int = 0
    flush_messages: int = FOREVER
    durable_end: int | None = None
    """At the last power loss: up to here the records were on the platter for certain."""
    rotten_from: int | None = None
    """The first offset whose bytes were damaged on purpose."""
    consumed: dict[int, Content] = field(default_factory=dict)
    owed: dict[int, Sent] = field(default_factory=dict)
    """Acknowledged records, by offset."""


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
        if start < known.start and known.durable_end is None:
            self.history.find(
                "log start went back",
                f"the log of {named(place)} started at {known.start} and now at {start}",
                allowed=False,
            )
        known.start, known.end = start, end
        known.flush_messages = log.config.flush_messages

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
                self._of((delivery.topic, delivery.partition)).owed[delivery.offset] = sent
        self._undecided = undecided

    def _consumed(self, place: Place, offset: int, content: Content, client: str) -> None:
        before = self._of(place).consumed.setdefault(offset, content)
        if before != content:
            self.history.find(
                "inconsistent offset",
                f"{client} read {described(content)} at offset {offset} of {named(place)}, where "
                f"{described(before)} had been read before",
                allowed=False,
            )

    # -- faults, as they are done ---------------------------------------------------------------

    def power_is_lost(self, host: BrokerHost) -> None:
        """Note what is on the platter for certain, just before the rest is up to chance."""
        self.catch_up()
        for place, known in self.known.items():
            safe = durable_end(host.disk, named(place), known.start)
            # Power may go twice before the broker is back; what the first took stays lost.
            known.durable_end = safe if known.durable_end is None else min(known.durable_end, safe)

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
        self._compare_owed(place, known, found, log.log_start_offset)
        self._compare_consumed(place, known, found, log.log_start_offset)
        known.durable_end = None

    def _compare_owed(
        self, place: Place, known: Known, found: dict[int, Content], start: int
    ) -> None:
        lost = [
            (offset, sent)
            for offset, sent in sorted(known.owed.items())
            if offset >= start and found.get(offset) != sent.content
        ]
        unflushed = [offset for offset, _ in lost if self._was_unflushed(known, offset)]
        for offset, sent in lost:
            del known.owed[offset]
            self.history.lost.add(sent.delivery)
            excuse = self._excuse(known, offset, len(unflushed))
            self.history.find(
                "acknowledged record lost" if excuse else "lost write",
                f"{described(sent.content)} at offset {offset} of {named(place)} was acknowledged "
                f"to {sent.client} and is not there" + excuse,
                allowed=bool(excuse),
            )

    @staticmethod
    def _was_unflushed(known: Known, offset: int) -> bool:
        return known.durable_end is not None and offset >= known.durable_end

    def _excuse(self, known: Known, offset: int, unflushed: int) -> str:
        """Why Kafka may lose a record it has acknowledged; empty if it may not."""
        if known.rotten_from is not None and offset >= known.rotten_from:
            return ": bits of the only copy have rotted on the disk"
        if not self._was_unflushed(known, offset) or unflushed >= known.flush_messages:
            return ""
        limit = "" if known.flush_messages == FOREVER else f" ({known.flush_messages})"
        return (
            ": the power went before it was flushed, and flush.messages"
            f"{limit or ' is not set'} leaves that to the other replicas"
        )

    def _compare_consumed(
        self, place: Place, known: Known, found: dict[int, Content], start: int
    ) -> None:
        """What was read must still be there; where it is lost, its offset is free again."""
        for offset, content in sorted(known.consumed.items()):
            if offset < start or found.get(offset) == content:
                continue
            del known.consumed[offset]
            excuse = self._excuse(known, offset, 0)
            self.history.find(
                "consumed record lost" if excuse else "inconsistent offset",
                f"{described(content)} was read at offset {offset} of {named(place)} and is not "
                "there" + excuse,
                allowed=bool(excuse),
            )


def durable_end(disk: SimulatedDisk, folder: str, start: int) -> int:
    """The offset up to which the records of a log would survive the loss of power for certain."""
    end = start
    with disk.looking():
        names = disk.list(folder) if disk.exists(folder) else []
        for name in names:
            if not name.endswith(".log"):
                continue
            path = f"{folder}/{name}"
            synced, position = disk.synced_size(path), 0
            while position + BATCH_OVERHEAD <= synced:
                try:
                    header = read_header(disk.read(path, position, BATCH_OVERHEAD))
                except ApiError:
                    return end
                position += header.size
                if position <= synced:
                    end = header.next_offset
            if synced < disk.size(path):
                return end
    return end
