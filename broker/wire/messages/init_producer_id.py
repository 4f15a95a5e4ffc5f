"""Init producer id: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, int64, message, string


@message(key=22, kind="request", versions="0-5", flexible="2+")
class InitProducerIdRequest(Message):
    """InitProducerIdRequest."""

    transactional_id: str | None = string(nullable="0+")
    transaction_timeout_ms: int = int32()
    producer_id: int = int64(versions="3+", default=-1)
    producer_epoch: int = int16(versions="3+", default=-1)


@message(key=22, kind="response", versions="0-5", flexible="2+")
class InitProducerIdResponse(Message):
    """InitProducerIdResponse."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    producer_id: int = int64(default=-1)
    producer_epoch: int = int16()
