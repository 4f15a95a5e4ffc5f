"""The promises, checked: histories of a run, and which of their anomalies Kafka owns up to."""

from __future__ import annotations

from collections.abc import Sequence

from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery, Status
from broker.sim.history import History, Read, Sent
from broker.sim.promises import FinalLog, Gone, Lost, judge
from broker.sim.world import World

PLACE = ("orders", 0)
CREATED, PAID, SENT = (b"A", b"created"), (b"A", b"paid"), (b"A", b"sent")


def sent(
    history: History,
    content: tuple[bytes, bytes],
    offset: int = -1,
    status: Status = Status.ACKED,
    *,
    idempotent: bool = True,
    client: str = "shop",
    acks: int = -1,
) -> None:
    """Somebody sent a record, and this became of it."""
    delivery = Delivery("orders", 0, *content, 0, status=status, offset=offset)
    history.sent.append(Sent(client, idempotent, 1, delivery, 0, acks))


def read(history: History, content: tuple[bytes, bytes], offset: int) -> None:
    """Somebody read a record, in a poll of its own."""
    record = ConsumedRecord("orders", 0, offset, 0, *content, ())
    history.reads.append(Read("reader", record, len(history.reads)))


def judged(
    history: History,
    *contents: tuple[bytes, bytes],
    gone: Gone | None = None,
    epochs: Sequence[int] = (),
) -> list[str]:
    """What the promises say if a log ends with these; a question mark where it is allowed.
    `epochs`: of the producer, when it wrote each of them."""
    written_in = {offset: (7, epoch) for offset, epoch in enumerate(epochs)}
    judge(history, {PLACE: FinalLog(0, list(enumerate(contents)), written_in)}, gone or {})
    return [finding.kind + "?" * finding.allowed for finding in history.findings]


def new_history() -> History:
    return History(World(7))


def test_a_log_of_what_was_sent_is_in_order() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, status=Status.UNKNOWN)
    sent(history, SENT, status=Status.FAILED)
    read(history, CREATED, 0)
    assert judged(history, CREATED, PAID) == []


def test_a_lost_write_is_told_with_record_offset_operation_seed_and_step() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 1)
    assert judged(history, CREATED) == ["unseen"]
    assert str(history.findings[0]) == (
        "WRONG: unseen: A=paid was acknowledged at offset 1 of orders-0 (operation 2 of shop), and "
        "is not there at the end: the log ends at 1 (seed 7, step 0)"
    )


def test_another_record_in_its_place_is_a_lost_write_too() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, status=Status.UNKNOWN)
    assert judged(history, PAID) == ["inconsistent offset", "lost write"]


def test_what_is_not_led_now_is_not_judged() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    judge(history, {}, {})
    assert history.findings == []


def test_a_record_that_nobody_sent_is_a_phantom() -> None:
    assert judged(new_history(), CREATED) == ["phantom"]


def test_a_record_that_has_certainly_failed_is_not_there() -> None:
    history = new_history()
    sent(history, CREATED, status=Status.FAILED)
    assert judged(history, CREATED) == ["aborted read"]


def test_a_duplicate_is_wrong_for_an_idempotent_producer_and_allowed_for_another() -> None:
    for idempotent, kinds in ((True, ["duplicate"]), (False, ["duplicate?"])):
        history = new_history()
        sent(history, CREATED, 0, idempotent=idempotent)
        assert judged(history, CREATED, CREATED) == kinds


def test_a_broker_that_was_away_may_have_forgotten_a_batch_that_is_sent_again() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    history.came_up("1")
    assert not history.returned_since(0)
    history._world.idle_until(5)
    history.came_up("1")
    assert judged(history, CREATED, CREATED) == ["duplicate?"]


def test_within_an_epoch_nothing_is_forgotten() -> None:
    """What does not fit is sent anew in the next epoch: two copies of one epoch are a bug."""
    for epochs, mark in (((0, 1), "?"), ((0, 0), "")):
        history = new_history()
        history.returns["1"] = [0, 5]
        sent(history, CREATED, 0)
        assert judged(history, CREATED, CREATED, epochs=epochs) == ["duplicate" + mark]
        history = new_history()
        sent(history, CREATED, 1)
        sent(history, PAID, 0)
        kinds = judged(history, PAID, CREATED, epochs=epochs)
        assert kinds == ["external nonmonotonic send" + mark]


def test_what_was_sent_twice_may_be_there_twice() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, CREATED, 1)
    assert judged(history, CREATED, CREATED) == []


def test_records_of_an_idempotent_producer_stand_in_the_order_of_sending() -> None:
    for idempotent, mark in ((True, ""), (False, "?")):
        history = new_history()
        sent(history, SENT, 0, idempotent=idempotent)
        sent(history, CREATED, 2, idempotent=idempotent)
        sent(history, PAID, 1, idempotent=idempotent)
        assert judged(history, SENT, PAID, CREATED) == ["external nonmonotonic send" + mark]


def test_the_second_batch_of_a_producer_may_stand_first() -> None:
    history = new_history()
    sent(history, CREATED, 1)
    sent(history, PAID, 0)
    assert judged(history, PAID, CREATED) == ["external nonmonotonic send?"]


def test_two_lives_of_a_producer_are_two_producers() -> None:
    history = new_history()
    sent(history, CREATED, 1)
    history.sent[0] = history.sent[0]._replace(life=2)
    sent(history, PAID, 0)
    assert judged(history, PAID, CREATED) == []


def test_readers_begin_anew_where_they_are_told_to() -> None:
    for told, kinds in ((True, []), (False, ["external nonmonotonic poll"])):
        history = new_history()
        sent(history, CREATED, 0)
        sent(history, PAID, 1)
        history.moved("reader", PLACE, None)
        read(history, CREATED, 0)
        read(history, PAID, 1)
        if told:
            history.moved("reader", PLACE, None)
        read(history, CREATED, 0)
        assert judged(history, CREATED, PAID) == kinds


def test_what_the_leader_alone_acknowledged_may_go_with_it_and_is_named() -> None:
    for acks, kinds in ((1, ["acknowledged record lost?"]), (-1, ["unseen"])):
        history = new_history()
        sent(history, CREATED, 0, acks=acks)
        assert judged(history, gone={}) == kinds
    assert "with acks=1" not in history.findings[0].text


def test_where_the_leader_alone_had_a_record_is_no_promise_either() -> None:
    """Sent twice: the first copy is read, the second was acknowledged and went with its leader."""
    for acks, kinds in ((1, []), (-1, ["inconsistent offset", "duplicate?"])):
        history = new_history()
        sent(history, CREATED, 1, idempotent=False, acks=acks)
        sent(history, PAID, status=Status.UNKNOWN)
        read(history, CREATED, 0)
        read(history, PAID, 1)
        assert judged(history, CREATED, PAID) == kinds


def test_nothing_was_promised_to_who_asked_for_no_answer() -> None:
    history = new_history()
    sent(history, CREATED, acks=0)
    assert judged(history) == []


def test_what_is_gone_and_may_be_is_named_and_its_offset_given_anew() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 0)
    read(history, CREATED, 0)
    read(history, PAID, 0)
    gone = {PLACE: {0: [Lost(CREATED, ": the power went")]}}
    assert judged(history, PAID, gone=gone) == ["acknowledged record lost?"]
    assert history.findings[0].text.endswith("is not there: the power went")


def test_what_was_lost_and_is_there_again_is_looked_at_again() -> None:
    for there, kinds in (((CREATED, PAID), []), ((CREATED,), ["unseen"])):
        history = new_history()
        sent(history, CREATED, 0)
        sent(history, PAID, 1)
        gone = {PLACE: {1: [Lost(PAID, ": the power went", again=True)]}}
        assert judged(history, *there, gone=gone) == kinds


def test_a_reader_may_stumble_over_what_is_gone() -> None:
    """It had read the lost record at 1, so it goes on at 2 and misses the new one at 1."""
    history = new_history()
    gone = {PLACE: {1: [Lost(PAID, ": the power went")]}}
    for offset, content in ((0, CREATED), (1, PAID), (2, (b"A", b"returned"))):
        sent(history, content, status=Status.UNKNOWN)
        read(history, content, offset)
    sent(history, SENT, 1)
    kinds = judged(history, CREATED, SENT, (b"A", b"returned"), gone=gone)
    assert kinds == ["external poll skip?", "consumed record lost?"]


def test_a_reader_of_what_is_gone_may_have_to_begin_anew() -> None:
    history = new_history()
    gone = {PLACE: {1: [Lost(PAID, ": the power went")]}}
    for offset, content in ((0, CREATED), (1, PAID), (0, CREATED)):
        sent(history, content, status=Status.UNKNOWN)
        read(history, content, offset)
    kinds = judged(history, CREATED, gone=gone)
    assert kinds == ["external nonmonotonic poll?", "consumed record lost?"]


def test_a_reader_at_the_end_may_have_to_begin_anew_once_that_is_gone() -> None:
    """Only what lay before the end that it was told can have sent it back."""
    for told, kinds in ((3, ["end went back?"]), (1, ["end went back"]), (None, ["end went back"])):
        history = new_history()
        sent(history, CREATED, 0)
        read(history, CREATED, 0)
        history.moved("reader", PLACE, "end")
        if told is not None:
            history.found_end("reader", PLACE, told)
        read(history, CREATED, 0)
        assert judged(history, CREATED, gone={PLACE: {2: [Lost(PAID, ": lost")]}}) == kinds


def test_a_finding_is_told_once() -> None:
    history = new_history()
    sent(history, CREATED, status=Status.FAILED)
    judged(history, CREATED)
    assert len(judged(history, CREATED)) == 1
