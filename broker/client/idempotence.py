"""Sequence numbers: how a retry is told from a new record (KIP-98, KIP-360).

The broker gives a producer an id. From then on each batch carries the id, an epoch, and the number
of its first record, counted for each partition from 0. The broker takes a batch only if it
continues the sequence. If it has seen it already (the answer to the first attempt was lost) it says
where it is instead of writing it twice; if there is a gap, it refuses with
OUT_OF_ORDER_SEQUENCE_NUMBER. So a retry must bear the numbers of its first attempt, and when up to
five batches are on their way, a failed one must be repeated before the ones behind it.

It gets interesting when a batch is given up, because its numbers are then missing, or when the
broker has forgotten the producer. Then the partition starts over at 0 in the next epoch, and
everything that is still to be sent there is numbered anew. The rules are those of Kafka's
TransactionManager, as far as they concern producers without transactions, and one more: a new
leader gets no more than it remembers while an old one owes answers (see `_Partition.is_full`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial

from broker.client.accumulator import Batch
from broker.client.cluster_view import TopicPartition
from broker.client.outcomes import UNKNOWN_OFFSET
from broker.wire.errors import ErrorCode
from broker.wire.records import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, add_to_sequence

_LAST_EPOCH = 2**15 - 1
_REMEMBERED = 5
"""The batches of a producer that a partition knows again (ProducerStateEntry)."""


@dataclass(slots=True)
class _Partition:
    """The sequence of one partition."""

    producer_id: int = NO_PRODUCER_ID
    producer_epoch: int = NO_PRODUCER_EPOCH
    next_sequence: int = 0
    last_acked_sequence: int = NO_SEQUENCE
    last_acked_offset: int = UNKNOWN_OFFSET
    unacked: list[Batch] = field(default_factory=list)
    """Numbered and not done, in order: in flight, or waiting to be sent again."""
    latest: deque[int] = field(default_factory=partial(deque[int], maxlen=_REMEMBERED))
    """The first numbers of the batches that were numbered last."""

    @property
    def is_full(self) -> bool:
        """Whether another batch would make the log forget one whose answer is still to come.

        To one leader no more than five requests are on their way. But where the lead has changed,
        the old leader may owe answers for a long time, while the new one has many a batch already.
        """
        forgets = self.latest[0] if len(self.latest) == _REMEMBERED else NO_SEQUENCE
        return bool(self.unacked) and self.unacked[0].base_sequence == forgets


@dataclass(slots=True)
class Idempotence:
    """The producer's identity, and the sequences of its partitions."""

    producer_id: int = NO_PRODUCER_ID
    producer_epoch: int = NO_PRODUCER_EPOCH
    _partitions: dict[TopicPartition, _Partition] = field(default_factory=dict)
    _start_over: dict[TopicPartition, None] = field(default_factory=dict)
    """Partitions whose sequence is broken. They go on in the next epoch."""
    _unresolved: dict[TopicPartition, int] = field(default_factory=dict)
    """Partitions where a batch that was sent has expired -> the number behind it. Whether there is
    a gap shows when the batches behind it are answered."""

    @property
    def has_id(self) -> bool:
        """Whether the broker has given us an id."""
        return self.producer_id != NO_PRODUCER_ID

    def learn_id(self, producer_id: int, producer_epoch: int) -> None:
        """A new identity, from InitProducerId."""
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self._renumber()

    def unacked(self, where: TopicPartition) -> tuple[Batch, ...]:
        """What is numbered and not done, in order."""
        return tuple(self._of(where).unacked)

    def _of(self, where: TopicPartition) -> _Partition:
        partition = self._partitions.get(where)
        if partition is None:
            partition = self._partitions[where] = _Partition()
        return partition

    # -- sending -----------------------------------------------------------------------------------

    def may_send(self, batch: Batch) -> bool:
        """Whether the sequence allows that this batch leaves now."""
        if self.producer_id == NO_PRODUCER_ID:
            return False
        partition = self._of(batch.where)
        if batch.base_sequence != NO_SEQUENCE:
            # It is being sent again. One at a time, in order, until all of them are through.
            return partition.unacked[0] is batch
        if batch.where in self._unresolved or partition.is_full:
            return False
        # A new epoch begins at 0, which must not overtake what was numbered in the old one.
        return not (partition.unacked and self._is_stale(partition))

    def _is_stale(self, partition: _Partition) -> bool:
        same_epoch = partition.producer_epoch == self.producer_epoch
        return not same_epoch or partition.producer_id != self.producer_id

    def number(self, batch: Batch) -> None:
        """Number a batch that leaves for the first time. One that is sent again keeps its own."""
        batch.sequence_was_reset = False
        if batch.has_sequence:
            return
        partition = self._of(batch.where)
        if self._is_stale(partition):
            self._restart(partition)
        batch.number(self.producer_id, self.producer_epoch, partition.next_sequence)
        partition.next_sequence = add_to_sequence(partition.next_sequence, len(batch.deliveries))
        partition.unacked.append(batch)
        partition.latest.append(batch.base_sequence)

    def _restart(self, partition: _Partition) -> None:
        partition.producer_id = self.producer_id
        partition.producer_epoch = self.producer_epoch
        partition.next_sequence = 0
        partition.last_acked_sequence = NO_SEQUENCE
        partition.latest.clear()
        for batch in partition.unacked:
            batch.number(self.producer_id, self.producer_epoch, partition.next_sequence)
            partition.latest.append(batch.base_sequence)
            batch.sequence_was_reset = True
            partition.next_sequence = add_to_sequence(
                partition.next_sequence, len(batch.deliveries)
            )

    # -- hearing what became of it -----------------------------------------------------------------

    def acked(self, batch: Batch, base_offset: int) -> None:
        """A batch is in the log."""
        partition = self._of(batch.where)
        if batch.producer_epoch == partition.producer_epoch:
            partition.last_acked_sequence = max(partition.last_acked_sequence, batch.last_sequence)
        partition.last_acked_offset = max(partition.last_acked_offset, base_offset)
        self._forget(batch)

    def failed(self, batch: Batch, gap: bool) -> None:
        """A batch was given up. `gap`: its numbers are missing for certain, so start over."""
        self._forget(batch)
        if gap:
            self._start_over[batch.where] = None

    def expired(self, batch: Batch) -> None:
        """A batch has run out of time. If it ever left, nobody knows whether its numbers count."""
        self._forget(batch)
        if batch.has_sequence:
            self._unresolved[batch.where] = add_to_sequence(batch.last_sequence, 1)

    def replaced(self, batch: Batch, parts: tuple[Batch, ...]) -> None:
        """A batch was split. The parts have its numbers."""
        unacked = self._of(batch.where).unacked
        position = unacked.index(batch)
        unacked[position : position + 1] = parts

    def _forget(self, batch: Batch) -> None:
        unacked = self._of(batch.where).unacked
        if batch in unacked:
            unacked.remove(batch)

    def should_retry(self, batch: Batch, code: ErrorCode) -> bool:
        """Whether an error that Kafka calls final is not so here, because it can be repaired."""
        if code is ErrorCode.UNKNOWN_PRODUCER_ID:
            if not batch.sequence_was_reset:
                self._start_over[batch.where] = None
            return True
        if code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
            if self._shows_gap(batch):
                self._start_over[batch.where] = None
            return True
        return code.retriable

    def _shows_gap(self, batch: Batch) -> bool:
        """Is something missing for good, or did an earlier batch merely not arrive *yet*?"""
        if batch.where in self._unresolved:
            return batch.base_sequence == self._unresolved[batch.where]
        return not batch.sequence_was_reset and self._is_next(batch.where, batch.base_sequence)

    def _is_next(self, where: TopicPartition, sequence: int) -> bool:
        last = self._of(where).last_acked_sequence
        return sequence == (0 if last == NO_SEQUENCE else add_to_sequence(last, 1))

    # -- repairing ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Decide what can be decided now. To be called before anything is sent."""
        if not self._unresolved and not self._start_over:
            return
        for where in list(self._unresolved):
            partition = self._of(where)
            if partition.unacked:
                continue
            del self._unresolved[where]
            if not self._is_next(where, partition.next_sequence):
                self._start_over[where] = None
        if self._start_over and self.has_id:
            self._bump_epoch()

    def _bump_epoch(self) -> None:
        """The next epoch, without asking the broker: it accepts one that is higher (KIP-360)."""
        if self.producer_epoch == _LAST_EPOCH:
            self.producer_id = NO_PRODUCER_ID  # a new id has to be asked for
            self.producer_epoch = NO_PRODUCER_EPOCH
        else:
            self.producer_epoch += 1
            self._renumber()

    def _renumber(self) -> None:
        for where in self._start_over:
            self._restart(self._of(where))
            self._unresolved.pop(where, None)
        self._start_over.clear()
