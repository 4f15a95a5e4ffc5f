"""The checks, checked: one hand-written history for each finding, and one near miss."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery, Status
from broker.log.config import LogConfig
from broker.sim.disk import SimulatedDisk
from broker.sim.history import Finding, History, Read, Sent
from broker.sim.invariants import Invariants
from broker.sim.promises import judge
from broker.sim.world import World
from broker.wire.records import build_batch

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
) -> None:
    """Somebody sent a record, and this became of it."""
    delivery = Delivery("orders", 0, *content, 0, status=status, offset=offset)
    history.sent.append(Sent(client, idempotent, 1, delivery, 0))


def read(history: History, content: tuple[bytes, bytes], offset: int) -> None:
    """Somebody read a record."""
    record = ConsumedRecord("orders", 0, offset, 0, *content, ())
    history.reads.append(Read("reader", record, 0))


class ToyLog:
    """A log that is a list."""

    def __init__(self, *contents: tuple[bytes, bytes], start: int = 0) -> None:
        self.contents = contents
        self.log_start_offset = start
        self.log_end_offset = len(contents)
        self.config = LogConfig()
        self.recovery_point = 0

    def read(self, offset: int, max_bytes: int, end_offset: int) -> bytes:
        rows = [(0, key, value, ()) for key, value in self.contents[offset:end_offset]]
        return bytes(build_batch(rows, base_offset=offset))


def replica(log: ToyLog, **offsets: int) -> Any:
    """A partition around a log, with its high watermark at the end."""
    end = log.log_end_offset
    marks = {"high_watermark": end, "last_stable_offset": end} | offsets
    return SimpleNamespace(log=log, **marks)


def broker(*contents: tuple[bytes, bytes]) -> Any:
    """A broker, as far as the checks look at one, with records on its disk that it never synced."""
    disk = SimulatedDisk()
    disk.make_folder("orders-0")
    if contents:
        everything = ToyLog(*contents).read(0, 0, len(contents))
        disk.append("orders-0/00000000000000000000.log", everything)
    return SimpleNamespace(disk=disk, name="1")


def compared(history: History, log: ToyLog, *, after: str = "") -> list[Finding]:
    """What the checks say of this log, after a fault or none."""
    invariants = Invariants(history)
    host = broker(*(sent.content for sent in history.sent))
    invariants.look(PLACE, replica(log))
    if after == "power loss":
        invariants.power_is_lost(host)  # of a disk on which nothing was ever synced
        invariants.power_is_lost(host)  # and again, before it is back
    elif after == "rot at 1":
        invariants.bit_is_flipped(PLACE, 1)
    invariants.compare(host, PLACE, replica(log))
    return history.findings


def new_history() -> History:
    return History(World(7))


# -- offsets in their order -----------------------------------------------------------------------


def test_offsets_stand_in_their_order() -> None:
    history = new_history()
    log = ToyLog(CREATED, PAID, SENT, start=1)
    Invariants(history).look(PLACE, replica(log, high_watermark=1, last_stable_offset=1))
    assert history.findings == []


def test_a_high_watermark_past_the_log_end_is_found() -> None:
    history = new_history()
    Invariants(history).look(PLACE, replica(ToyLog(CREATED), high_watermark=2))
    (finding,) = history.findings
    assert finding.kind == "offsets out of order"
    assert "high watermark 2 and log end 1" in finding.text
    assert not finding.allowed


def test_a_log_start_that_goes_back_is_found() -> None:
    history = new_history()
    invariants = Invariants(history)
    invariants.look(PLACE, replica(ToyLog(CREATED, PAID, start=2)))
    invariants.look(PLACE, replica(ToyLog(CREATED, PAID, start=2)))
    assert history.findings == []
    invariants.look(PLACE, replica(ToyLog(CREATED, PAID, start=1)))
    assert [finding.kind for finding in history.findings] == ["log start went back"]


# -- what was acknowledged ------------------------------------------------------------------------


def test_what_was_acknowledged_is_there() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, status=Status.UNKNOWN)
    assert compared(history, ToyLog(CREATED)) == []


def test_a_lost_write_is_found_and_named() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 1)
    (finding,) = compared(history, ToyLog(CREATED))
    assert str(finding) == (
        "WRONG: lost write: A=paid at offset 1 of orders-0 was acknowledged to shop and is not "
        "there"
    )


def test_another_record_in_its_place_is_a_lost_write_too() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    (finding,) = compared(history, ToyLog(PAID))
    assert finding.kind == "lost write"


def test_what_retention_has_deleted_is_not_lost() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 1)
    assert compared(history, ToyLog(CREATED, PAID, start=1)) == []


def test_power_loss_excuses_what_was_not_flushed() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    (finding,) = compared(history, ToyLog(), after="power loss")
    assert finding.allowed
    assert finding.kind == "acknowledged record lost"
    assert finding.text.endswith("without flush.messages that is left to the other replicas")


def test_an_acknowledgement_may_arrive_when_the_record_is_gone_already() -> None:
    history = new_history()
    sent(history, CREATED, 0, Status.PENDING)
    invariants = Invariants(history)
    invariants.look(PLACE, replica(ToyLog(CREATED)))
    invariants.power_is_lost(broker(CREATED))
    invariants.compare(broker(), PLACE, replica(ToyLog()))
    history.sent[0].delivery.status = Status.ACKED
    invariants.compare(broker(), PLACE, replica(ToyLog(PAID)))
    assert [(f.kind, f.allowed) for f in history.findings] == [("acknowledged record lost", True)]


def test_a_new_flush_limit_says_nothing_of_what_was_written_under_the_old_one() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    invariants = Invariants(history)
    log = ToyLog(CREATED)
    invariants.look(PLACE, replica(log))
    log.config = LogConfig(flush_messages=1)
    invariants.look(PLACE, replica(log))
    invariants.power_is_lost(broker(CREATED))
    invariants.compare(broker(), PLACE, replica(ToyLog()))
    assert [finding.allowed for finding in history.findings] == [True]


def test_what_retention_has_deleted_may_come_back_with_the_power_and_is_not_owed() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 1)
    invariants = Invariants(history)
    invariants.look(PLACE, replica(ToyLog(CREATED, PAID, start=2)))
    invariants.power_is_lost(broker())
    invariants.compare(broker(), PLACE, replica(ToyLog(CREATED)))
    assert history.findings == []


def test_power_loss_excuses_nothing_when_every_record_is_to_be_flushed() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    log = ToyLog()
    log.config = LogConfig(flush_messages=1)
    (finding,) = compared(history, log, after="power loss")
    assert (finding.kind, finding.allowed) == ("lost write", False)


def test_power_loss_excuses_fewer_records_than_flush_messages() -> None:
    def findings(count: int) -> list[Finding]:
        history = new_history()
        for offset in range(count):
            sent(history, (b"A", b"order %d" % offset), offset)
        log = ToyLog()
        log.config = LogConfig(flush_messages=3)
        return compared(history, log, after="power loss")

    assert [finding.allowed for finding in findings(2)] == [True, True]
    assert [finding.allowed for finding in findings(3)] == [True, True, False]


def test_rot_excuses_what_lies_at_or_behind_it_and_nothing_before() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, 1)
    found = compared(history, ToyLog(), after="rot at 1")
    assert [(finding.kind, finding.allowed) for finding in found] == [
        ("lost write", False),
        ("acknowledged record lost", True),
    ]


# -- what was read --------------------------------------------------------------------------------


def test_the_same_record_may_be_read_twice() -> None:
    history = new_history()
    read(history, CREATED, 0)
    read(history, CREATED, 0)
    assert compared(history, ToyLog(CREATED)) == []


def test_another_record_at_an_offset_that_was_read_is_inconsistent() -> None:
    history = new_history()
    read(history, CREATED, 0)
    read(history, PAID, 0)
    (finding, *_) = compared(history, ToyLog(CREATED))
    assert finding.kind == "inconsistent offset"
    assert "reader read A=paid at offset 0 of orders-0, where A=created" in finding.text


def test_after_power_loss_an_offset_may_be_given_anew() -> None:
    history = new_history()
    read(history, CREATED, 0)
    invariants = Invariants(history)
    invariants.look(PLACE, replica(ToyLog(CREATED)))
    invariants.power_is_lost(broker(CREATED))
    invariants.compare(broker(), PLACE, replica(ToyLog()))
    read(history, PAID, 0)
    read(history, CREATED, 0)  # fetched long ago, and handled only now
    invariants.compare(broker(), PLACE, replica(ToyLog(PAID)))
    assert [(f.kind, f.allowed) for f in history.findings] == [("consumed record lost", True)]


# -- what is in the log ---------------------------------------------------------------------------


def judged(history: History, *contents: tuple[bytes, bytes]) -> list[tuple[str, bool]]:
    """What the promises say of a log with these records."""
    judge(history, {PLACE: list(enumerate(contents))})
    return [(finding.kind, finding.allowed) for finding in history.findings]


def test_a_log_of_what_was_sent_is_in_order() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, PAID, status=Status.UNKNOWN)
    sent(history, SENT, status=Status.FAILED)
    assert judged(history, CREATED, PAID) == []


def test_a_record_that_nobody_sent_is_a_phantom() -> None:
    assert judged(new_history(), CREATED) == [("phantom", False)]


def test_a_record_that_has_certainly_failed_is_not_there() -> None:
    history = new_history()
    sent(history, CREATED, status=Status.FAILED)
    assert judged(history, CREATED) == [("aborted read", False)]


def test_a_duplicate_is_wrong_for_an_idempotent_producer_and_allowed_for_another() -> None:
    for idempotent in (True, False):
        history = new_history()
        sent(history, CREATED, 0, idempotent=idempotent)
        assert judged(history, CREATED, CREATED) == [("duplicate", not idempotent)]


def test_a_broker_that_was_away_may_have_forgotten_a_batch_that_is_sent_again() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    history.came_up("1")
    assert not history.returned_since(0)
    history._world.idle_until(5)
    history.came_up("1")
    assert judged(history, CREATED, CREATED) == [("duplicate", True)]


def test_what_was_sent_twice_may_be_there_twice() -> None:
    history = new_history()
    sent(history, CREATED, 0)
    sent(history, CREATED, 1)
    assert judged(history, CREATED, CREATED) == []


def test_records_of_an_idempotent_producer_stand_in_the_order_of_sending() -> None:
    for idempotent in (True, False):
        history = new_history()
        sent(history, CREATED, 1, idempotent=idempotent)
        sent(history, PAID, 0, idempotent=idempotent)
        assert judged(history, PAID, CREATED) == [("nonmonotonic send", not idempotent)]


def test_two_producers_may_be_written_in_any_order() -> None:
    history = new_history()
    sent(history, CREATED, 1, client="shop")
    sent(history, PAID, 0, client="till")
    assert judged(history, PAID, CREATED) == []


def test_a_finding_is_told_once() -> None:
    history = new_history()
    sent(history, CREATED, status=Status.FAILED)
    judged(history, CREATED)
    assert len(judged(history, CREATED)) == 1
