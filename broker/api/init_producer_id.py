"""InitProducerId (22): an identity for an idempotent producer (KIP-98).

With its id and the sequence numbers that it counts per partition, a producer can send again what
may have been lost, and the log tells a repeated batch from a new one. Each call without a
transactional id gives a fresh identity, whatever id the client names.

A transactional id needs a transaction coordinator, which this broker does not have yet. It says so
in a code that clients do not retry.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.errors import ErrorCode
from broker.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse


def handle(
    broker: Broker, request: RequestArrived, body: InitProducerIdRequest, now: Now
) -> InitProducerIdResponse | None:
    """A new producer id with epoch 0; where the block is used up, after the next is committed."""
    if body.transactional_id is not None:
        empty = body.transactional_id == ""
        code = ErrorCode.INVALID_REQUEST if empty else ErrorCode.INVALID_TXN_STATE
        return InitProducerIdResponse(error_code=code, producer_epoch=-1)
    if (body.producer_id < 0) != (body.producer_epoch < 0):
        # Half an identity, which is none (KafkaApis.handleInitProducerIdRequest).
        return InitProducerIdResponse(error_code=ErrorCode.INVALID_REQUEST, producer_epoch=-1)
    producer_id = broker.producer_ids.take()
    if producer_id is not None:
        return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
    if broker.producer_ids.coming is None:
        registered = broker.image.brokers[broker.node_id]
        block = broker.controller.allocate_producer_ids(now, broker.node_id, registered.epoch)
        broker.producer_ids.expect(block, broker.controller.quorum.log.log_end_offset)
    broker.after_commit(broker.producer_ids.coming or 0, request)
    return None
