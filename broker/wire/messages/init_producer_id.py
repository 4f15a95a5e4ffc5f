"""InitProducerId: get the identity under which a producer may retry without making duplicates.

An idempotent producer numbers its batches, for each partition separately. For a broker to recognize
a batch that it has seen, it must know whose number it is: a producer id, unique in the cluster for
all time, and an epoch, which grows when the producer starts anew with the same id. This request
hands out both (KIP-98). Java and kafka-python producers are idempotent by default (KIP-679).

With a transactional id the answer comes from the transaction coordinator, which ends what an
earlier producer of that name has left open, and shuts it out by raising the epoch.
"""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, int64, message, string


@message(key=22, kind="request", versions="0-5", flexible="2+")
class InitProducerIdRequest(Message):
    """Give me a producer id, or a higher epoch for the one I have.

    Kafka's version 6 (two-phase commit, KIP-939) is not released yet, and not served.

    - 0, 1: transactional_id and transaction_timeout_ms
    - 2: flexible (KIP-482)
    - 3: producer_id and producer_epoch, to go on after an error (KIP-360)
    - 4: the client knows PRODUCER_FENCED (KIP-588)
    - 5: the client knows TRANSACTION_ABORTABLE (KIP-890)
    """

    transactional_id: str | None = string(nullable="0+")
    """Null for a producer that is idempotent but has no transactions."""
    transaction_timeout_ms: int = int32()
    producer_id: int = int64(versions="3+", default=-1)
    """The id the client has already, or -1. At least one client (@platformatic/kafka) sends 0."""
    producer_epoch: int = int16(versions="3+", default=-1)


@message(key=22, kind="response", versions="0-5", flexible="2+")
class InitProducerIdResponse(Message):
    """The identity of the producer.

    - 0: producer_id and producer_epoch
    - 1: the response comes at once even when the client is throttled (KIP-219)
    - 2: flexible (KIP-482)
    - 3: as 2
    - 4: PRODUCER_FENCED may be the error (KIP-588)
    - 5: TRANSACTION_ABORTABLE may be the error (KIP-890)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    producer_id: int = int64(default=-1)
    producer_epoch: int = int16()
