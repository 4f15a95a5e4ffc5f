"""The producer on a bad day: lost answers, moved leaders, refusals, time-outs.

What each story ends with is the word that the delivery ends with: ACKED, FAILED (certainly not in
the log) or UNKNOWN.
"""

import pytest

from broker.client.outcomes import Status
from broker.wire.errors import ErrorCode
from broker.wire.messages.metadata import MetadataRequest
from broker.wire.messages.produce import BatchIndexAndErrorMessage, ProduceRequest
from tests.client.producing import ProducerScene

# -- lost on the way -------------------------------------------------------------------------------


def test_a_lost_answer_is_no_lost_record_and_no_duplicate() -> None:
    """The broker wrote the record, the answer got lost. The retry has the same numbers, so the
    broker knows the batch and answers with where it is."""
    shop = ProducerScene()
    created = shop.send("created")
    first = shop.produce()
    shop.lose(1)
    assert created.status is Status.PENDING
    shop.pass_ms(100)

    again = shop.produce()
    assert again.batches == first.batches, "the same bytes, the same sequence"
    again.written(offset=41)
    assert (created.status, created.offset) == (Status.ACKED, 41)


def test_a_broker_that_does_not_answer_is_left_alone_and_asked_again() -> None:
    shop = ProducerScene(request_timeout_ms=3_000)
    created = shop.send("created")
    first = shop.produce()
    shop.pass_ms(3_000)
    assert [close.connection for close in shop.closed] == [1]
    assert "3000 ms" in shop.closed[0].reason
    shop.pass_ms(100)
    shop.produce().written(offset=5)
    assert created.offset == 5

    # The first answer comes after all. Nobody waits for it any more.
    first.written(offset=5)
    assert created.offset == 5
    assert shop.quiet


def test_waits_between_attempts_grow() -> None:
    shop = ProducerScene()
    shop.send("created")
    waits = []
    for _ in range(6):
        shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS)
        before = shop.now.mono_us
        while shop.quiet:
            shop.pass_ms(1)
        waits.append((shop.now.mono_us - before) // 1000)
    assert waits == [100, 200, 400, 800, 1000, 1000]


# -- the leader has moved --------------------------------------------------------------------------


def test_a_refusal_that_names_the_new_leader_needs_no_metadata() -> None:
    """KIP-951."""
    shop = ProducerScene()
    created = shop.send("created")
    asked = shop.count(MetadataRequest)
    shop.produce(peer=1).refused(ErrorCode.NOT_LEADER_OR_FOLLOWER, leader=(2, 1))
    shop.pass_ms(100)
    shop.produce(peer=2).written(offset=8)
    assert created.offset == 8
    assert shop.count(MetadataRequest) == asked


def test_a_refusal_that_names_nobody_makes_the_client_look_again() -> None:
    shop = ProducerScene()
    created = shop.send("created")
    shop.pass_ms(1_000)
    shop.move_leader("orders", 0, 2)
    shop.produce(peer=1).refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    shop.pass_ms(200)
    shop.produce(peer=2).written(offset=8)
    assert created.offset == 8


def test_without_a_leader_records_wait() -> None:
    shop = ProducerScene({"orders": [-1]})
    created = shop.send("created", partition=0)
    shop.pass_ms(5_000)
    assert shop.count(ProduceRequest) == 0
    shop.move_leader("orders", 0, 2)
    shop.pass_ms(1_000)
    shop.produce(peer=2).written()
    assert created.status is Status.ACKED


# -- order -----------------------------------------------------------------------------------------


def test_five_in_flight_stay_in_order_when_the_first_has_to_be_sent_again() -> None:
    shop = ProducerScene()
    deliveries = [shop.send(str(number)) for number in range(4)]
    requests = [shop.produce() for _ in range(4)]
    assert [r.batch.base_sequence for r in requests] == [0, 1, 2, 3]

    requests[0].refused(ErrorCode.NOT_ENOUGH_REPLICAS)
    for later in requests[1:]:
        later.refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    for number in range(4):
        shop.pass_ms(100)
        request = shop.produce()
        assert shop.quiet, "one at a time, until all are through"
        assert request.batch.base_sequence == number
        request.written(offset=number)
    assert [d.offset for d in deliveries] == [0, 1, 2, 3]
    assert shop.machine.producer_epoch == 0


def test_no_more_is_sent_to_a_new_leader_than_it_remembers_while_the_old_one_is_silent() -> None:
    """A partition knows the last five batches of a producer again. Here the answer to the first is
    still missing when the new leader has four more: a sixth would have to wait, or the first, sent
    again, would not be known. (Java's producer counts by connection, and would send it.)"""
    shop = ProducerScene({"orders": [1], "payments": [3]})
    deliveries = [shop.send("0")]
    silent = shop.produce(peer=1)
    paid = shop.send("paid", topic="payments")
    shop.pass_ms(1_000)
    shop.move_leader("orders", 0, 2)
    shop.move_leader("payments", 0, 2)
    shop.produce(peer=3).refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    shop.pass_ms(200)
    shop.produce(peer=2).written()
    assert paid.status is Status.ACKED, "and the new leaders are known"

    for number in range(1, 6):
        deliveries.append(shop.send(str(number)))
        if number < 5:
            shop.produce(peer=2).written(offset=number)
    assert shop.quiet, "the sixth waits"
    shop.lose(1)
    shop.pass_ms(100)
    again = shop.produce(peer=2)
    assert again.batches == silent.batches
    again.written(offset=0)
    sixth = shop.produce(peer=2)
    assert sixth.batch.base_sequence == 5
    sixth.written(offset=5)
    assert [delivery.offset for delivery in deliveries] == [0, 1, 2, 3, 4, 5]


def test_a_lost_connection_keeps_the_order_too() -> None:
    shop = ProducerScene()
    deliveries = [shop.send(str(number)) for number in range(3)]
    shop.lose(1)
    shop.pass_ms(100)
    for number in range(3):
        shop.produce().written(offset=number)
    assert [d.offset for d in deliveries] == [0, 1, 2]


def test_without_idempotence_several_in_flight_can_change_places() -> None:
    """The textbook case for max.in.flight.requests.per.connection=1."""
    shop = ProducerScene(enable_idempotence=False)
    first, second = shop.send("first"), shop.send("second")
    refused, fine = shop.produce(), shop.produce()
    refused.refused(ErrorCode.NOT_ENOUGH_REPLICAS)
    fine.written(offset=0)
    shop.pass_ms(100)
    shop.produce().written(offset=1)
    assert (first.offset, second.offset) == (1, 0)


def test_one_in_flight_keeps_the_order_without_idempotence() -> None:
    shop = ProducerScene(enable_idempotence=False, max_in_flight_requests_per_connection=1)
    shop.send("first")
    shop.send("second")
    shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert shop.quiet
    shop.pass_ms(100)
    assert shop.produce().values == {"orders-0": ["first"]}


# -- refused ---------------------------------------------------------------------------------------


def test_a_refused_record_is_certainly_not_in_the_log() -> None:
    shop = ProducerScene()
    created = shop.send("created")
    shop.produce().refused(ErrorCode.INVALID_RECORD, error_message="no key")
    assert (created.status, created.code, created.text) == (
        Status.FAILED,
        ErrorCode.INVALID_RECORD,
        "no key",
    )


def test_the_record_at_fault_is_named() -> None:
    """KIP-467."""
    shop = ProducerScene(linger_ms=1)
    good, bad = shop.send("good"), shop.send("bad")
    shop.pass_ms(1)
    errors = [BatchIndexAndErrorMessage(batch_index=1, batch_index_error_message="no key")]
    shop.produce().refused(ErrorCode.INVALID_RECORD, record_errors=errors)
    assert good.status is bad.status is Status.FAILED
    assert bad.text == "no key"
    assert good.text == ErrorCode.INVALID_RECORD.text


def test_a_batch_that_is_too_large_is_split() -> None:
    shop = ProducerScene(linger_ms=1)
    deliveries = [shop.send(str(number)) for number in range(4)]
    shop.pass_ms(1)
    shop.produce().refused(ErrorCode.MESSAGE_TOO_LARGE)
    left = shop.produce()
    assert left.values == {"orders-0": ["0", "1"]}
    assert left.batch.base_sequence == 0
    left.written(offset=0)
    right = shop.produce()
    assert right.batch.base_sequence == 2
    right.written(offset=2)
    assert [d.offset for d in deliveries] == [0, 1, 2, 3]


def test_one_record_that_is_too_large_fails() -> None:
    shop = ProducerScene()
    huge = shop.send("huge")
    shop.produce().refused(ErrorCode.MESSAGE_TOO_LARGE)
    assert (huge.status, huge.code) == (Status.FAILED, ErrorCode.MESSAGE_TOO_LARGE)


def test_when_retries_are_used_up_the_last_answer_counts() -> None:
    shop = ProducerScene(retries=2)
    created = shop.send("created")
    for _ in range(3):
        shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS)
        shop.pass_ms(500)
    assert (created.status, created.code) == (Status.FAILED, ErrorCode.NOT_ENOUGH_REPLICAS)


def test_one_unclear_answer_is_enough_not_to_know() -> None:
    """The leader has it, too few replicas do: it may survive, whatever is said later."""
    shop = ProducerScene(retries=1)
    created = shop.send("created")
    shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND)
    shop.pass_ms(100)
    shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert (created.status, created.code) == (Status.UNKNOWN, ErrorCode.NOT_ENOUGH_REPLICAS)


# -- too late --------------------------------------------------------------------------------------


def test_what_never_left_fails_for_certain() -> None:
    shop = ProducerScene(delivery_timeout_ms=40_000)
    shop.send("an earlier one")
    shop.produce().written()
    shop.silent = {1, 2}
    shop.lose(1)
    created = shop.send("created")
    shop.pass_ms(40_000)
    assert shop.count(ProduceRequest) == 1
    assert (created.status, created.code) == (Status.FAILED, ErrorCode.REQUEST_TIMED_OUT)
    assert "delivery_timeout_ms=40000" in created.text


def test_what_left_without_an_answer_is_unknown() -> None:
    shop = ProducerScene(delivery_timeout_ms=40_000)
    created = shop.send("created")
    shop.produce()
    shop.pass_ms(31_000)
    assert created.status is Status.PENDING
    shop.pass_ms(9_000)
    assert (created.status, created.code) == (Status.UNKNOWN, ErrorCode.REQUEST_TIMED_OUT)


def test_what_was_clearly_refused_until_the_end_fails_for_certain() -> None:
    shop = ProducerScene(delivery_timeout_ms=31_000)
    created = shop.send("created")
    while created.status is Status.PENDING:
        if not shop.quiet:
            shop.produce().refused(ErrorCode.NOT_ENOUGH_REPLICAS)
        shop.pass_ms(100)
    assert created.status is Status.FAILED


def test_an_answer_after_the_time_out_changes_nothing() -> None:
    shop = ProducerScene(delivery_timeout_ms=30_010, request_timeout_ms=30_000)
    shop.send("created")
    request = shop.produce()
    shop.pass_ms(29_999)
    late = shop.send("paid")
    shop.pass_ms(12)
    request.written(offset=0)
    assert late.status is Status.PENDING


@pytest.mark.parametrize("code", [ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.INVALID_REQUIRED_ACKS])
def test_whether_a_failure_is_certain_depends_on_the_code(code: ErrorCode) -> None:
    shop = ProducerScene()
    created = shop.send("created")
    shop.produce().refused(code)
    assert created.status is (Status.FAILED if code.definite else Status.UNKNOWN)
