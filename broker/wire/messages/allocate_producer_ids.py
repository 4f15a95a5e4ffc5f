"""AllocateProducerIds: a broker asks the controller for a block of producer ids (KIP-730).

Producer ids are unique in the cluster for all time. The controller hands them out a thousand at
once, and the broker one by one (InitProducerId).
"""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, int64, message


@message(key=67, kind="request", versions="0", flexible="0+")
class AllocateProducerIdsRequest(Message):
    """I have none left.

    - 0: all fields; flexible from the start (KIP-730)
    """

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)


@message(key=67, kind="response", versions="0", flexible="0+")
class AllocateProducerIdsResponse(Message):
    """These are yours.

    - 0: all fields; flexible from the start (KIP-730)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    producer_id_start: int = int64()
    producer_id_len: int = int32()
