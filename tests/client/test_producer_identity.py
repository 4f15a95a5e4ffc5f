"""Who the producer is, and what happens when its sequence breaks (KIP-98, KIP-360)."""

from broker.client.outcomes import Status
from broker.wire.errors import ErrorCode
from broker.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from tests.client.producing import ProducerScene


def test_records_wait_for_the_producer_id() -> None:
    shop = ProducerScene(with_id=False)
    created = shop.send("created")
    send, _ = shop.take(InitProducerIdRequest)
    shop.answer(send, InitProducerIdResponse(error_code=ErrorCode.COORDINATOR_LOAD_IN_PROGRESS))
    assert shop.quiet
    shop.pass_ms(100)
    shop.give_id(producer_id=7)
    request = shop.produce()
    assert request.batch.producer_id == 7
    request.written()
    assert created.status is Status.ACKED


def test_a_producer_that_may_not_have_an_id_is_finished() -> None:
    shop = ProducerScene(with_id=False)
    before = shop.send("created")
    send, _ = shop.take(InitProducerIdRequest)
    shop.answer(send, InitProducerIdResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED))
    after = shop.send("paid")
    assert shop.machine.fatal is ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    assert before.status is after.status is Status.FAILED


def test_a_gap_is_repaired_in_the_next_epoch() -> None:
    """A batch is refused for good, so its numbers are missing. What comes behind it is refused as
    out of order, and sent again from 0 in the next epoch (KIP-360)."""
    shop = ProducerScene()
    bad, good = shop.send("bad"), shop.send("good")
    first, second = shop.produce(), shop.produce()
    first.refused(ErrorCode.INVALID_RECORD)
    second.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    shop.pass_ms(100)
    again = shop.produce()
    assert (again.batch.producer_epoch, again.batch.base_sequence) == (1, 0)
    again.written(offset=0)
    assert (bad.status, good.status) == (Status.FAILED, Status.ACKED)


def test_a_broker_that_forgot_the_producer_gets_a_new_epoch() -> None:
    shop = ProducerScene()
    shop.send("created")
    shop.produce().written(offset=0)
    paid = shop.send("paid")
    request = shop.produce()
    assert request.batch.base_sequence == 1
    request.refused(ErrorCode.UNKNOWN_PRODUCER_ID, log_start_offset=1)
    shop.pass_ms(100)
    again = shop.produce()
    assert (again.batch.producer_epoch, again.batch.base_sequence) == (1, 0)
    again.written(offset=1)
    assert paid.offset == 1


def test_an_answer_about_old_numbers_does_not_block_the_new_ones() -> None:
    shop = ProducerScene()
    deliveries = [shop.send(str(number)) for number in range(3)]
    first, second, third = (shop.produce() for _ in range(3))
    first.refused(ErrorCode.UNKNOWN_PRODUCER_ID, log_start_offset=0)  # all are numbered anew
    second.written(offset=0)
    third.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    shop.pass_ms(100)
    shop.produce().written(offset=1)
    request = shop.produce()
    assert (request.batch.producer_epoch, request.batch.base_sequence) == (1, 2)
    request.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)  # the broker misses number 1
    shop.pass_ms(200)
    request = shop.produce()
    assert (request.batch.producer_epoch, request.batch.base_sequence) == (2, 0)
    request.written(offset=2)
    assert all(delivery.status is Status.ACKED for delivery in deliveries)


def test_the_other_partitions_start_over_only_when_they_are_through() -> None:
    shop = ProducerScene({"orders": [1, 1]})
    shop.send("bad", partition=0)
    bad = shop.produce()
    shop.send("slow", partition=1)
    slow = shop.produce()
    bad.refused(ErrorCode.INVALID_RECORD)
    assert shop.machine.producer_epoch == 1
    shop.send("next", partition=1)
    assert shop.quiet, "the new epoch must not overtake the old one"
    slow.written()
    after = shop.produce()
    assert (after.batch.producer_epoch, after.batch.base_sequence) == (1, 0)


def test_numbers_of_a_batch_that_expired_are_settled_before_new_ones_are_given() -> None:
    shop = ProducerScene(delivery_timeout_ms=30_000, request_timeout_ms=30_000)
    old = shop.send("old")
    request = shop.produce()
    shop.pass_ms(20_000)
    new = shop.send("new")
    behind = shop.produce()
    shop.pass_ms(10_000)  # the old one's time is over; its connection is given up, too
    assert old.status is Status.UNKNOWN
    assert new.status is Status.PENDING
    shop.pass_ms(100)
    again = shop.produce()
    assert again.batches == behind.batches
    again.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)  # so the old one never arrived
    shop.pass_ms(200)
    last = shop.produce()
    assert (last.batch.producer_epoch, last.batch.base_sequence) == (1, 0)
    last.written(offset=0)
    assert new.status is Status.ACKED
    assert request.batch.base_sequence == 0


def test_an_epoch_that_cannot_grow_asks_for_a_new_id() -> None:
    """KAFKA-20090: the epoch is an int16."""
    shop = ProducerScene(with_id=False)
    shop.give_id(producer_id=7, epoch=2**15 - 1)
    shop.send("bad")
    shop.send("good")
    first, second = shop.produce(), shop.produce()
    first.refused(ErrorCode.INVALID_RECORD)
    second.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    shop.give_id(producer_id=8, epoch=0)
    shop.pass_ms(100)
    batch = shop.produce().batch
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (8, 0, 0)
