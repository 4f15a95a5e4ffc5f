"""The producer's traffic: batches into Produce requests, answers back to batches.

Here lie the decisions that make up a producer's guarantees:

- *When* a batch leaves: its leader is known and reachable, fewer than
  `max_in_flight_requests_per_connection` requests are on their way there, and its turn has come
  (`accumulator` for time, `idempotence` for order).
- *Whether* it is sent again: the error is retriable, or idempotence can repair it, and neither
  `retries` nor the delivery timeout is used up.
- *What* the end is called: see `outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.accumulator import Accumulator, Batch
from broker.client.backoff import ExponentialBackoff
from broker.client.cluster_view import TopicPartition
from broker.client.config import ProducerConfig
from broker.client.connections import Answer, Connections
from broker.client.idempotence import Idempotence
from broker.client.metadata import MAX_VERSION_WITHOUT_IDS, STALE_VIEW, MetadataUpdater
from broker.client.outcomes import UNKNOWN_OFFSET, error_code
from broker.events import Now
from broker.wire.compression import compress, compression_from_name
from broker.wire.errors import ConfigError, ErrorCode, UnsupportedCompressionError
from broker.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from broker.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from broker.wire.primitives import ZERO_UUID
from broker.wire.records import NO_PRODUCER_ID

_FATAL = (
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.UNSUPPORTED_VERSION,
)
_NO_TRANSACTION_TIMEOUT = 2**31 - 1


class _Produce(NamedTuple):
    """The purpose of a Produce request."""

    batches: dict[TopicPartition, Batch]
    topic_names: dict[bytes, str]


class _InitProducerId(NamedTuple):
    """The purpose of an InitProducerId request."""


class _Verdict(NamedTuple):
    """What was heard about a batch."""

    code: ErrorCode
    text: str = ""
    base_offset: int = UNKNOWN_OFFSET
    log_append_time_ms: int = -1
    bad_records: tuple[tuple[int, str], ...] = ()
    """Which records the broker refused, if it said so (KIP-467)."""


@dataclass(slots=True)
class Sender:
    """Sends what the accumulator holds."""

    config: ProducerConfig
    connections: Connections
    metadata: MetadataUpdater
    backoff: ExponentialBackoff
    accumulator: Accumulator
    idempotence: Idempotence | None
    fatal: ErrorCode | None = None
    """Why nothing that this producer sends can succeed any more."""
    _compression: int = 0
    _turns: dict[int, int] = field(default_factory=dict)
    _asking_for_id: bool = False
    _id_attempts: int = 0
    _id_retry_at_us: int = 0
    _now_us: int = 0

    def __post_init__(self) -> None:
        """Look up what does not change, and try it: a missing wheel is to be noticed here."""
        self._compression = compression_from_name(self.config.compression_type)
        try:
            compress(self._compression, b"")
        except UnsupportedCompressionError as problem:
            name = self.config.compression_type
            raise ConfigError(f"compression_type={name}: {problem.message}") from None

    def advance(self, now: Now) -> None:
        """Give up what is too old, and send what can be sent."""
        self._now_us = now.mono_us
        for batch in self.accumulator.expired(now):
            self._expire(batch)
        if self.fatal is not None:
            return
        if self.idempotence is not None:
            self.idempotence.settle()
            if self.idempotence.producer_id == NO_PRODUCER_ID:
                self._ask_for_id(now)
        for leader, partitions in self._by_leader().items():
            while self.fatal is None and self._send_request(leader, partitions, now):
                pass

    def take(self, answer: Answer, now: Now) -> None:
        """Take in an answer to one of our requests."""
        if isinstance(answer.purpose, _InitProducerId):
            self._take_id(answer, now)
        elif isinstance(answer.purpose, _Produce):
            self._take_produce(answer, answer.purpose, now)

    def deadline(self) -> int | None:
        """When there is something to do next."""
        earliest = self.accumulator.deadline(self._now_us)
        if self._id_retry_at_us > self._now_us:
            retry_at_us = self._id_retry_at_us
            earliest = retry_at_us if earliest is None else min(earliest, retry_at_us)
        return earliest

    def _expire(self, batch: Batch) -> None:
        text = f"no success within delivery_timeout_ms={self.config.delivery_timeout_ms}"
        batch.give_up(ErrorCode.REQUEST_TIMED_OUT, text)
        if self.idempotence is not None:
            self.idempotence.expired(batch)

    def _fail_for_good(self, code: ErrorCode) -> None:
        self.fatal = code
        for batch in self.accumulator.clear():
            batch.give_up(code)

    # -- the producer id ---------------------------------------------------------------------------

    def _ask_for_id(self, now: Now) -> None:
        if self._asking_for_id or now.mono_us < self._id_retry_at_us:
            return
        peer = self.metadata.pick_peer(now)
        if peer is None:
            return
        if self.connections.version(peer, InitProducerIdRequest) is None:
            self._fail_for_good(ErrorCode.UNSUPPORTED_VERSION)
            return
        request = InitProducerIdRequest(
            transactional_id=None, transaction_timeout_ms=_NO_TRANSACTION_TIMEOUT
        )
        self.connections.send(peer, request, _InitProducerId(), now)
        self._asking_for_id = True

    def _take_id(self, answer: Answer, now: Now) -> None:
        self._asking_for_id = False
        code = ErrorCode.NETWORK_EXCEPTION
        if isinstance(answer.response, InitProducerIdResponse):
            code = error_code(answer.response.error_code)
            if code is ErrorCode.NONE and self.idempotence is not None:
                response = answer.response
                self.idempotence.learn_id(response.producer_id, response.producer_epoch)
                self._id_attempts = 0
                return
        if code.retriable:
            self._id_retry_at_us = now.mono_us + self.backoff.delay_us(self._id_attempts)
            self._id_attempts += 1
        else:
            self._fail_for_good(code)

    # -- sending -----------------------------------------------------------------------------------

    def _by_leader(self) -> dict[int, list[TopicPartition]]:
        leaders: dict[int, list[TopicPartition]] = {}
        for where, queue in self.accumulator.queues.items():
            if not queue:
                continue
            leader = self.metadata.cluster.leader(where)
            if leader is None:
                self.metadata.want()
            else:
                leaders.setdefault(leader, []).append(where)
        return leaders

    def _send_request(self, leader: int, partitions: list[TopicPartition], now: Now) -> bool:
        """Send one request if there is reason to and room for it. True if it left."""
        for where in partitions:
            if self._is_ready(where, now):
                break
        else:
            return False
        limit = self.config.max_in_flight_requests_per_connection
        if not self.connections.ready(leader, now):
            return False
        if self.connections.count_in_flight(leader) >= limit:
            return False
        if self.connections.version(leader, ProduceRequest) is None:
            self._fail_for_good(ErrorCode.UNSUPPORTED_VERSION)
            return False
        batches = self._drain(leader, partitions, now)
        if not batches:
            return False
        self._send_produce(leader, batches, now)
        return True

    def _is_ready(self, where: TopicPartition, now: Now) -> bool:
        queue = self.accumulator.queues[where]
        if not queue or self.accumulator.ready_at(queue) > now.mono_us:
            return False
        return self.idempotence is None or self.idempotence.may_send(queue[0])

    def _drain(
        self, leader: int, partitions: list[TopicPartition], now: Now
    ) -> dict[TopicPartition, Batch]:
        """The first batch of each partition, as many as fit a request.

        A batch that still lingers goes along: the request leaves anyhow. The next request begins
        where this one ended, so that no partition is always the one that does not fit.
        """
        turn = self._turns.get(leader, 0) % len(partitions)
        batches: dict[TopicPartition, Batch] = {}
        size = 0
        for where in partitions[turn:] + partitions[:turn]:
            queue = self.accumulator.queues[where]
            if not queue or queue[0].retry_at_us > now.mono_us:
                continue
            if self.idempotence is not None and not self.idempotence.may_send(queue[0]):
                continue
            if batches and size + queue[0].size > self.config.max_request_size:
                self._turns[leader] = partitions.index(where)
                break
            size += queue[0].size
            batches[where] = self.accumulator.take(where)
        return batches

    def _send_produce(self, leader: int, batches: dict[TopicPartition, Batch], now: Now) -> None:
        topics: dict[str, list[PartitionProduceData]] = {}
        for where, batch in batches.items():
            if self.idempotence is not None:
                self.idempotence.number(batch)
            data = PartitionProduceData(
                index=where.partition, records=batch.encode(self._compression)
            )
            topics.setdefault(where.topic, []).append(data)
        ids = {topic: self.metadata.cluster.topic_id(topic) for topic in topics}
        request = ProduceRequest(
            acks=self.config.acks,
            timeout_ms=self.config.request_timeout_ms,
            topic_data=[
                TopicProduceData(name=topic, topic_id=ids[topic], partition_data=data)
                for topic, data in topics.items()
            ],
        )
        self.connections.send(
            leader,
            request,
            _Produce(batches, {topic_id: topic for topic, topic_id in ids.items()}),
            now,
            max_version=MAX_VERSION_WITHOUT_IDS if ZERO_UUID in ids.values() else None,
            answered=self.config.acks != 0,
        )
        if self.config.acks == 0:
            for batch in batches.values():  # nobody will say more
                self.accumulator.back(batch)
                batch.ack(UNKNOWN_OFFSET)

    # -- hearing -----------------------------------------------------------------------------------

    def _take_produce(self, answer: Answer, purpose: _Produce, now: Now) -> None:
        lost = ErrorCode.REQUEST_TIMED_OUT if answer.timed_out else ErrorCode.NETWORK_EXCEPTION
        verdicts: dict[TopicPartition, _Verdict] = {}
        if isinstance(answer.response, ProduceResponse):
            verdicts = self._verdicts(answer.response, purpose)
        for where, batch in purpose.batches.items():
            self._judge(batch, verdicts.get(where) or _Verdict(lost), now)

    def _verdicts(
        self, response: ProduceResponse, purpose: _Produce
    ) -> dict[TopicPartition, _Verdict]:
        verdicts = {}
        for node in response.node_endpoints:
            self.metadata.learn_broker(node.node_id, node.host, node.port, node.rack)
        for topic in response.responses:
            name = topic.name or purpose.topic_names.get(topic.topic_id, "")
            for partition in topic.partition_responses:
                where = TopicPartition(name, partition.index)
                code = error_code(partition.error_code)
                if code in STALE_VIEW:
                    leader = partition.current_leader
                    self.metadata.learn_leader(where, leader.leader_id, leader.leader_epoch)
                verdicts[where] = _verdict(code, partition)
        return verdicts

    def _judge(self, batch: Batch, verdict: _Verdict, now: Now) -> None:
        """Decide what is next for a batch."""
        self.accumulator.back(batch)
        code = verdict.code
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            # A duplicate is written as well; the broker just does not remember where.
            self._acked(batch, verdict)
        elif batch.done:
            pass  # it was given up while it was in flight
        elif code is ErrorCode.MESSAGE_TOO_LARGE and len(batch.deliveries) > 1:
            self._split(batch)
        elif self._should_retry(batch, code):
            batch.perhaps_written |= not code.definite
            batch.retry_at_us = now.mono_us + self.backoff.delay_us(batch.attempts)
            batch.attempts += 1
            self.accumulator.requeue(batch)
        else:
            self._refused(batch, verdict)

    def _acked(self, batch: Batch, verdict: _Verdict) -> None:
        if self.idempotence is not None:
            self.idempotence.acked(batch, verdict.base_offset)
        if not batch.done:
            known = verdict.code is ErrorCode.NONE
            batch.ack(verdict.base_offset if known else UNKNOWN_OFFSET, verdict.log_append_time_ms)

    def _should_retry(self, batch: Batch, code: ErrorCode) -> bool:
        if batch.attempts >= self.config.retries:
            return False
        if self.idempotence is not None:
            return self.idempotence.should_retry(batch, code)
        return code.retriable

    def _split(self, batch: Batch) -> None:
        """The broker takes no batch of this size. Two halves may do."""
        halves = batch.split()
        if self.idempotence is not None:
            self.idempotence.replaced(batch, halves)
        for half in reversed(halves):
            self.accumulator.requeue(half)

    def _refused(self, batch: Batch, verdict: _Verdict) -> None:
        # With its retries used up, nobody knows whether the batch's numbers were taken; only a
        # clear refusal says that they are missing.
        gap = batch.attempts < self.config.retries
        if self.idempotence is not None:
            self.idempotence.failed(batch, gap)
        batch.fail(verdict.code, verdict.text)
        for index, text in verdict.bad_records:
            if index < len(batch.deliveries):
                batch.deliveries[index].text = text
        if verdict.code in _FATAL:
            self._fail_for_good(verdict.code)


def _verdict(code: ErrorCode, answer: PartitionProduceResponse) -> _Verdict:
    text = answer.error_message or ""
    bad_records = [
        (bad.batch_index, bad.batch_index_error_message or text or code.text)
        for bad in answer.record_errors
    ]
    return _Verdict(code, text, answer.base_offset, answer.log_append_time_ms, tuple(bad_records))
