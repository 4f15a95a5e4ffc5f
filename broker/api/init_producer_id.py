"""InitProducerId (22): an identity for an idempotent producer (KIP-98).

With its id and the sequence numbers that it counts per partition, a producer can send again what
may have been lost, and the log tells a repeated batch from a new one. Each call without a
transactional id gives a fresh identity, whatever id the client names.

A transactional id needs a transaction coordinator, which this broker does not have yet. It says so
in a code that clients do not retry.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.api.waiters import NEWS_MAX_WAIT_US, PRODUCER_IDS, NewsWaiter
from broker.events import Now, RequestArrived
from broker.wire.errors import ErrorCode
from broker.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse


def handle(
    broker: Broker, request: RequestArrived, body: InitProducerIdRequest, now: Now
) -> InitProducerIdResponse | None:
    """A new producer id with epoch 0; where the block is used up, when the next one has come."""
    if body.transactional_id is not None:
        empty = body.transactional_id == ""
        code = ErrorCode.INVALID_REQUEST if empty else ErrorCode.INVALID_TXN_STATE
        return InitProducerIdResponse(error_code=code, producer_epoch=-1)
    if (body.producer_id < 0) != (body.producer_epoch < 0):
        # Half an identity, which is none (KafkaApis.handleInitProducerIdRequest).
        return InitProducerIdResponse(error_code=ErrorCode.INVALID_REQUEST, producer_epoch=-1)
    ids = broker.producer_ids
    if ids.left:
        return answer(broker)
    waiter = NewsWaiter(request.connection, request, {PRODUCER_IDS: None})
    broker.news.enter(waiter, (PRODUCER_IDS,), now.mono_us + NEWS_MAX_WAIT_US)
    if not ids.asked:
        ids.asked = True
        broker.forwarder.allocate_producer_ids(now)
    return None


def answer(broker: Broker) -> InitProducerIdResponse:
    """An id, if there is one; if not, the client is told to ask again (as Kafka does)."""
    producer_id = broker.producer_ids.take()
    if producer_id is None:
        code = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        return InitProducerIdResponse(error_code=code, producer_epoch=-1)
    return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
