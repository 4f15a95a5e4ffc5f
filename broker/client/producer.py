"""The producer: from a record to its offset in the log.

What happens to a record, in order:

1. `send` accepts it. It waits until its topic is known, and the partitioner chooses a partition.
2. It joins a batch (`accumulator`), which waits for company or leaves at once when it is full.
3. The batch is numbered (`idempotence`) and leaves (`sender`) in a Produce request to the
   partition's leader, with the first batches of other partitions that the same broker leads.
4. The answer is one of three. Written: the records have offsets. Try again: after a backoff, and
   perhaps at another leader, the same bytes are sent once more. Refused: the records have failed.
5. Whatever happens, `delivery_timeout_ms` after `send` there is a final word (`outcomes`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from broker.client.accumulator import Accumulator, size_bound
from broker.client.cluster_view import TopicPartition, TopicView
from broker.client.config import ProducerConfig
from broker.client.connections import US_PER_MS, Answer
from broker.client.idempotence import Idempotence
from broker.client.machine import ClientMachine
from broker.client.outcomes import Delivery, Status
from broker.client.partitioner import Choice, DefaultPartitioner, Partitioner
from broker.client.sender import Sender
from broker.events import Effect, Entropy, Now
from broker.wire.errors import ErrorCode
from broker.wire.records import BATCH_OVERHEAD, Headers

_LATEST_TIMESTAMP_MS = 2**63 - 1
_HOPELESS_TOPIC = (ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.TOPIC_AUTHORIZATION_FAILED)


class _Waiting(NamedTuple):
    """A record whose topic is not known yet."""

    delivery: Delivery
    since_us: int


class Producer(ClientMachine):
    """Sends records. See the package's docstring for the whole interface."""

    def __init__(
        self,
        bootstrap: Sequence[int],
        entropy: Entropy,
        config: ProducerConfig | None = None,
        partitioner: Partitioner | None = None,
    ) -> None:
        self.config = config or ProducerConfig()
        super().__init__(bootstrap, entropy, self.config)
        self.partitioner = partitioner or DefaultPartitioner(entropy, self.config.batch_size)
        self._accumulator = Accumulator(self.config)
        self._idempotence = Idempotence() if self.config.idempotent else None
        self._sender = Sender(
            self.config,
            self.connections,
            self.metadata,
            self._retry_backoff,
            self._accumulator,
            self._idempotence,
        )
        self._waiting: dict[str, deque[_Waiting]] = {}

    # -- what can be seen --------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many records have no final word yet."""
        waiting = sum(len(queue) for queue in self._waiting.values())
        return waiting + sum(len(batch.deliveries) for batch in self._accumulator.batches())

    @property
    def buffered_bytes(self) -> int:
        """Memory in use. A host that honours `buffer_memory` stops sending beyond it."""
        waiting = sum(size_bound(w.delivery) for queue in self._waiting.values() for w in queue)
        return waiting + sum(batch.size for batch in self._accumulator.batches())

    @property
    def fatal(self) -> ErrorCode | None:
        """Why nothing that this producer sends can succeed any more, if that is so."""
        return self._sender.fatal

    @property
    def producer_id(self) -> int:
        """The id that the broker gave; -1 as long as there is none."""
        return -1 if self._idempotence is None else self._idempotence.producer_id

    @property
    def producer_epoch(self) -> int:
        """Grows each time the sequences have to start over."""
        return -1 if self._idempotence is None else self._idempotence.producer_epoch

    # -- commands ----------------------------------------------------------------------------------

    def send(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Headers = (),
        now: Now,
    ) -> tuple[Delivery, list[Effect]]:
        """Accept a record. What becomes of it is written into the delivery."""
        timestamp = now.wall_ms if timestamp_ms is None else timestamp_ms
        if not 0 <= timestamp <= _LATEST_TIMESTAMP_MS:
            raise ValueError(f"timestamp_ms={timestamp}: must be within 0 and 2^63 - 1")
        if partition is not None and partition < 0:
            raise ValueError(f"partition={partition}: must not be negative")
        delivery = Delivery(topic, partition, key, value, timestamp, tuple(headers))
        size = BATCH_OVERHEAD + size_bound(delivery)
        if self.fatal is not None:
            _give_up(delivery, self.fatal)
        elif size > self.config.max_request_size:
            text = f"{size} bytes, and max_request_size={self.config.max_request_size}"
            _give_up(delivery, ErrorCode.MESSAGE_TOO_LARGE, text)
        else:
            self.metadata.watch(topic)
            queue = self._waiting.setdefault(topic, deque())
            queue.append(_Waiting(delivery, now.mono_us))
        return delivery, self._step(now)

    def flush(self, *, now: Now) -> list[Effect]:
        """Let nothing linger until everything that was accepted has its final word."""
        self._accumulator.flushing = self.pending > 0
        return self._step(now)

    # -- the step ----------------------------------------------------------------------------------

    def _take(self, answer: Answer, now: Now) -> None:
        self._sender.take(answer, now)

    def _advance(self, now: Now) -> None:
        self._place()
        self._sender.advance(now)
        self._give_up_waiting(now)
        if self._accumulator.flushing and not self.pending:
            self._accumulator.flushing = False

    def _deadline(self) -> int | None:
        earliest = self._sender.deadline()
        for queue in self._waiting.values():
            if queue:
                given_up_us = queue[0].since_us + self.config.max_block_ms * US_PER_MS
                earliest = given_up_us if earliest is None else min(earliest, given_up_us)
        return earliest

    def _place(self) -> None:
        """Move records whose topic is known, now, to the queue of a partition."""
        for topic, queue in self._waiting.items():
            view = self.cluster.topics.get(topic) if queue else None
            if view is not None and view.partitions:
                left = [waiting for waiting in queue if not self._place_one(topic, view, waiting)]
                self._waiting[topic] = deque(left)

    def _place_one(self, topic: str, view: TopicView, waiting: _Waiting) -> bool:
        """Choose a partition. False if it was given and does not exist (yet)."""
        delivery = waiting.delivery
        if delivery.partition is None:
            choice = Choice(len(view.partitions), view.available)
            delivery.partition = self.partitioner(topic, delivery.key, delivery.value, choice)
        if delivery.partition not in view.partitions:
            return False
        where = TopicPartition(topic, delivery.partition)
        self._accumulator.append(where, delivery, waiting.since_us)
        return True

    def _give_up_waiting(self, now: Now) -> None:
        """Records whose partition does not turn up fail, certainly: they never left."""
        limit = now.mono_us - self.config.max_block_ms * US_PER_MS
        too_long = f"not found within max_block_ms={self.config.max_block_ms}"
        for topic, queue in self._waiting.items():
            if not queue:
                continue
            hopeless = self._hopeless(topic)
            while queue and hopeless is not None:
                _give_up(queue.popleft().delivery, hopeless)
            while queue and queue[0].since_us <= limit:
                code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                _give_up(queue.popleft().delivery, code, too_long)
            if queue:
                self.metadata.want()

    def _hopeless(self, topic: str) -> ErrorCode | None:
        code = self.fatal or self.cluster.topic_errors.get(topic)
        return code if code in (self.fatal, *_HOPELESS_TOPIC) else None


def _give_up(delivery: Delivery, code: ErrorCode, text: str = "") -> None:
    """A record that never left."""
    delivery.status = Status.FAILED
    delivery.code = code
    delivery.text = text or code.text
