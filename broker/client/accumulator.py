"""Records on their way out: gathered into batches, one queue a partition.

A request with one record costs the broker nearly as much as one with a thousand. So records wait,
for `linger_ms` or until their batch is full, whichever comes first. The queue keeps the order: new
records join the last batch, only the first batch leaves, and one that has to be sent again goes
back to where it was, before everything that came later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from broker.client.cluster_view import TopicPartition
from broker.client.config import ProducerConfig
from broker.client.connections import US_PER_MS
from broker.client.outcomes import UNKNOWN_OFFSET, Delivery, Status
from broker.events import Now
from broker.wire.errors import ErrorCode
from broker.wire.records import (
    BATCH_OVERHEAD,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    add_to_sequence,
    build_batch,
)

_RECORD_OVERHEAD = 21  # length, attributes, time and offset deltas at their longest
_LENGTH_OVERHEAD = 5


def size_bound(delivery: Delivery) -> int:
    """The most bytes that a record can take in a batch."""
    size = _RECORD_OVERHEAD + 2 * _LENGTH_OVERHEAD
    size += len(delivery.key or b"") + len(delivery.value or b"")
    for name, value in delivery.headers:
        size += 2 * _LENGTH_OVERHEAD + len(name.encode()) + len(value or b"")
    return size


@dataclass(slots=True, eq=False)
class Batch:
    """Records for one partition that travel together, and what has become of them so far."""

    where: TopicPartition
    created_us: int
    deliveries: list[Delivery] = field(default_factory=list)
    size: int = BATCH_OVERHEAD
    attempts: int = 0
    retry_at_us: int = 0
    in_flight: bool = False
    perhaps_written: bool = False
    """An attempt ended without a clear answer: from then on nobody can say "not written"."""
    done: bool = False
    producer_id: int = NO_PRODUCER_ID
    producer_epoch: int = NO_PRODUCER_EPOCH
    base_sequence: int = NO_SEQUENCE
    sequence_was_reset: bool = False
    """Numbered anew since it was last sent: an answer that comes now is about the old numbers."""
    _encoded: bytes | None = None

    @property
    def has_sequence(self) -> bool:
        """Whether it was numbered. After that the batch is closed, and is sent again as it is."""
        return self.base_sequence != NO_SEQUENCE

    @property
    def last_sequence(self) -> int:
        return add_to_sequence(self.base_sequence, len(self.deliveries) - 1)

    @property
    def is_open(self) -> bool:
        """Whether records may still join: it was never sent."""
        return self.attempts == 0 and not self.in_flight and self.base_sequence == NO_SEQUENCE

    def add(self, delivery: Delivery, size: int) -> None:
        """Let a record join."""
        self.deliveries.append(delivery)
        self.size += size

    def number(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Give the batch its place in the producer's sequence."""
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self.base_sequence = base_sequence
        self._encoded = None

    def encode(self, compression: int) -> bytes:
        """The record batch on the wire. The same bytes each time it is sent."""
        if self._encoded is None:
            batch = build_batch(
                ((d.timestamp_ms, d.key, d.value, d.headers) for d in self.deliveries),
                compression=compression,
                producer_id=self.producer_id,
                producer_epoch=self.producer_epoch,
                base_sequence=self.base_sequence,
            )
            self._encoded = bytes(batch)
        return self._encoded

    def ack(self, base_offset: int, log_append_time_ms: int = NO_TIMESTAMP) -> None:
        """All records are in the log, one after the other from `base_offset` on."""
        self.done = True
        for index, delivery in enumerate(self.deliveries):
            delivery.status = Status.ACKED
            if base_offset != UNKNOWN_OFFSET:
                delivery.offset = base_offset + index
            if log_append_time_ms != NO_TIMESTAMP:
                delivery.timestamp_ms = log_append_time_ms

    def fail(self, code: ErrorCode, text: str = "") -> None:
        """The last answer was no. What that means depends on the answers before, too."""
        self.perhaps_written |= not code.definite
        self.give_up(code, text)

    def give_up(self, code: ErrorCode, text: str = "") -> None:
        """There will be no more attempts. Whether a record is in the log was heard before."""
        self.done = True
        for delivery in self.deliveries:
            delivery.status = Status.UNKNOWN if self.perhaps_written else Status.FAILED
            delivery.code = code
            delivery.text = text or code.text

    def split(self) -> tuple[Batch, Batch]:
        """Two halves for one that is too large for the broker. Their sequences stay in line."""
        middle = len(self.deliveries) // 2
        halves = (Batch(self.where, self.created_us), Batch(self.where, self.created_us))
        for half, deliveries in zip(
            halves, (self.deliveries[:middle], self.deliveries[middle:]), strict=True
        ):
            for delivery in deliveries:
                half.add(delivery, size_bound(delivery))
            half.attempts = self.attempts + 1
            half.perhaps_written = self.perhaps_written
        if self.has_sequence:
            first, second = halves
            first.number(self.producer_id, self.producer_epoch, self.base_sequence)
            middle_sequence = add_to_sequence(self.base_sequence, middle)
            second.number(self.producer_id, self.producer_epoch, middle_sequence)
        return halves


@dataclass(slots=True)
class Accumulator:
    """The queues of all partitions, and what has left them and is not done."""

    config: ProducerConfig
    queues: dict[TopicPartition, deque[Batch]] = field(default_factory=dict)
    in_flight: dict[Batch, None] = field(default_factory=dict)
    flushing: bool = False
    """Nothing lingers until all is done."""
    _linger_us: int = 0
    _timeout_us: int = 0
    _oldest_us: int = 0
    """No batch is older than this. It spares most steps a look at every batch."""

    def __post_init__(self) -> None:
        """Bring the settings into the machine's unit once."""
        self._linger_us = self.config.linger_ms * US_PER_MS
        self._timeout_us = self.config.delivery_timeout_ms * US_PER_MS

    def append(self, where: TopicPartition, delivery: Delivery, since_us: int) -> None:
        """Queue a record that was handed over at `since_us`."""
        queue = self.queues.get(where)
        if queue is None:
            queue = self.queues[where] = deque()
        size = size_bound(delivery)
        if not queue or not queue[-1].is_open or queue[-1].size + size > self.config.batch_size:
            queue.append(Batch(where, since_us))
            # A record that has waited for its topic is older than batches that are there.
            self._oldest_us = min(self._oldest_us, since_us)
        queue[-1].add(delivery, size)

    def ready_at(self, queue: deque[Batch]) -> int:
        """When the first batch of a partition's queue may leave."""
        first = queue[0]
        if first.attempts or first.base_sequence != NO_SEQUENCE:
            return first.retry_at_us  # it has left before, or takes the place of one that has
        if self.flushing or len(queue) > 1 or first.size >= self.config.batch_size:
            return 0
        return first.created_us + self._linger_us

    def take(self, where: TopicPartition) -> Batch:
        """Take the first batch of a partition out of its queue, in order to send it."""
        batch = self.queues[where].popleft()
        batch.in_flight = True
        self.in_flight[batch] = None
        return batch

    def back(self, batch: Batch) -> None:
        """An attempt is over."""
        batch.in_flight = False
        self.in_flight.pop(batch, None)

    def requeue(self, batch: Batch) -> None:
        """Put a batch back, to be sent again: first in line, but behind what precedes it.

        Without sequences the order of sending is unknown, so it simply goes first. If a later
        batch was written in the meantime, the two have changed places: that is what can happen
        with several requests in flight and no idempotence.
        """
        queue = self.queues[batch.where]
        ahead = 0
        if batch.has_sequence:
            while ahead < len(queue) and _precedes(queue[ahead], batch):
                ahead += 1
        queue.insert(ahead, batch)

    def expired(self, now: Now) -> list[Batch]:
        """Take out the batches whose `delivery_timeout_ms` is over, waiting or in flight."""
        limit = now.mono_us - self._timeout_us
        if limit < self._oldest_us:
            return []
        self._oldest_us = min([batch.created_us for batch in self.batches()], default=now.mono_us)
        expired = [batch for batch in self.batches() if batch.created_us <= limit]
        for batch in expired:
            if batch.in_flight:
                self.back(batch)
                batch.perhaps_written = True
            else:
                self.queues[batch.where].remove(batch)
        return expired

    def batches(self) -> Iterator[Batch]:
        """All that is not done."""
        yield from self.in_flight
        for queue in self.queues.values():
            yield from queue

    def clear(self) -> list[Batch]:
        """Take out everything."""
        everything = list(self.batches())
        for batch in everything:
            batch.perhaps_written |= batch.in_flight
        self.queues.clear()
        self.in_flight.clear()
        return everything

    def deadline(self, now_us: int) -> int | None:
        """When the next batch has lingered or waited long enough, or is given up."""
        ready = [self.ready_at(queue) for queue in self.queues.values() if queue]
        times = [time for time in ready if time > now_us]
        earliest = min(times, default=None)
        if earliest is None or earliest > self._oldest_us + self._timeout_us:
            times += [batch.created_us + self._timeout_us for batch in self.batches()]
            earliest = min(times, default=None)
        return earliest


def _precedes(batch: Batch, other: Batch) -> bool:
    """Whether a batch was numbered before another. (Never numbered: it comes later.)"""
    same_epoch = batch.producer_epoch == other.producer_epoch
    return batch.has_sequence and (not same_epoch or batch.base_sequence < other.base_sequence)
