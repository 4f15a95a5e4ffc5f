"""What the controller does by itself, and how it is left in peace meanwhile."""

from __future__ import annotations

import pytest

from broker.metadata import chores, controller
from broker.wire.messages.metadata_records import NoOpRecord, PartitionChangeRecord
from tests.metadata.council import Council


def test_a_controller_without_brokers_waits_for_nothing() -> None:
    assert Council().controller.deadline() is None


def test_the_broker_beside_the_controller_has_no_session() -> None:
    council = Council(node_id=1)
    council.join(1)
    assert council.controller.deadline() is None
    council.silence(1)
    assert not council.image.brokers[1].fenced


def test_only_an_active_controller_has_chores() -> None:
    council = Council(3)
    council.controller.deactivate()
    assert council.controller.deadline() is None
    end = council.tape.log_end_offset
    council.mono_us += 10**9
    council.controller.run(council.now)
    assert council.tape.log_end_offset == end


def test_who_leads_much_is_fenced_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "SLICE", 10)
    council = Council(3)
    council.create("orders", [[1, 2, 3]] * 25)
    before = len(council.tape.batches)
    council.silence(1)
    assert council.tape.batches[before:] == [10, 10, 6], "the mark is the last record"
    assert council.image.brokers[1].fenced
    assert {p.leader for p in council.image.topics["orders"].partitions} == {2}


def test_a_new_controller_goes_on_with_a_fencing_that_was_cut_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "SLICE", 10)
    council = Council(3)
    council.create("orders", [[1, 2, 3]] * 25)
    council.silent.add(1)
    council.mono_us += council.config.broker_session_timeout_ms * 1000 + 1
    council.controller.run(council.now)
    council.fail_over()
    council.silence(1)
    assert council.image.brokers[1].fenced
    assert {p.leader for p in council.image.topics["orders"].partitions} == {2}


def test_who_stops_hands_over_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "SLICE", 10)
    monkeypatch.setattr(controller, "SLICE", 10)
    council = Council(3)
    council.create("orders", [[1, 2, 3]] * 25)
    before = len(council.tape.batches)
    council.heartbeat(1, want_shut_down=True)
    council.heartbeat(2)
    council.heartbeat(3)
    while council.controller.deadline() == 0:
        council.controller.run(council.now)
    assert council.tape.batches[before:] == [11, 10, 5], "first of all the broker is marked"
    assert not council.heartbeat(1, want_shut_down=True).should_shut_down, "2 and 3 are behind"
    council.heartbeat(2)
    council.heartbeat(3)
    assert council.heartbeat(1, want_shut_down=True).should_shut_down


def test_who_comes_back_leads_in_slices_also_under_another_controller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "SLICE", 10)
    monkeypatch.setattr(controller, "SLICE", 10)
    council = Council(2)
    council.create("orders", [[1]] * 35)
    council.silence(1)
    assert {p.leader for p in council.image.topics["orders"].partitions} == {-1}
    council.speak(1)
    council.controller.run(council.now)
    council.fail_over()
    while council.controller.deadline() == 0:
        council.controller.run(council.now)
    assert {p.leader for p in council.image.topics["orders"].partitions} == {1}


def test_leaders_are_balanced_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "SLICE", 10)
    council = Council(2)
    council.create("orders", [[1, 2]] * 25)
    council.silence(1)
    council.speak(1)
    for index in range(25):
        council.alter_isr("orders", [2, 1], index)
    before = len(council.tape.batches)
    council.wait(council.config.leader_imbalance_check_interval_seconds * 1000)
    assert council.tape.batches[before:] == [10, 10, 5]
    assert {p.leader for p in council.image.topics["orders"].partitions} == {1}


THREE_VOTERS = {
    "controller_quorum_voters": "7@a:1,8@b:1,9@c:1",
    "controller_listener_names": "CONTROLLER",
    "listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:1",
}


def test_a_quorum_of_three_is_never_silent() -> None:
    council = Council(**THREE_VOTERS)
    end = council.tape.log_end_offset
    council.wait(5 * council.config.metadata_max_idle_interval_ms)
    assert council.since(end) == [NoOpRecord()] * 5


def test_no_noop_while_there_is_something_to_say() -> None:
    council = Council(3, **THREE_VOTERS)
    council.create("orders", [[1, 2, 3]])
    end = council.tape.log_end_offset
    for _ in range(10):
        council.wait(council.config.metadata_max_idle_interval_ms - 1)
        isr = council.partition("orders").isr
        council.alter_isr("orders", [1, 2] if len(isr) == 3 else [1, 2, 3])
    assert {type(record) for record in council.since(end)} == {PartitionChangeRecord}


def test_no_noops_if_nobody_wants_them() -> None:
    council = Council(metadata_max_idle_interval_ms=0, **THREE_VOTERS)
    assert council.controller.deadline() is None
