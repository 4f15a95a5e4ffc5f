"""The trace: whoever applies its steps has the state of the cluster, from wherever they start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.sim import Simulation, SimulationError, Trace
from broker.sim.trace import Step, apply, leaves


def a_run(*, seed: int = 7, trace: bool = True, codec: bool | None = None) -> Simulation:
    """A run in which a bit of everything happens."""
    sim = Simulation(seed=seed, trace=trace, codec=codec)
    sim.create_topic("orders", partitions=2)
    shop, reader = sim.producer("shop"), sim.consumer("reader", every="50ms")
    reader.assign("orders", offset="beginning")
    for number in range(60):
        shop.send("orders", key="ABC"[number % 3], value=f"order {number}", partition=number % 2)
        sim.run_for("20ms")
    shop.send("orders", key="B", value="on its way when the broker dies", partition=1)
    sim.run_for("5ms")
    sim.crash(1)
    sim.run_for("300ms")
    sim.restart(1)
    shop.send("orders", key="A", value=None, partition=0)
    sim.run_until_idle()
    sim.power_loss(1)
    sim.restart(1)
    sim.run_for("2s")
    return sim


@pytest.fixture(scope="module")
def run() -> Simulation:
    return a_run()


def test_every_step_has_its_number_time_cause_and_messages(run: Simulation) -> None:
    trace = run.trace.to_dict()
    assert trace["schema"] == 1
    assert len(trace["steps"]) == run.steps
    times = [step["time"] for step in trace["steps"]]
    assert times == sorted(times)
    for step in trace["steps"]:
        assert step["cause"]["kind"] in {"command", "message", "deadline", "sync", "fault"}
        assert step["cause"]["text"]
        assert {"sent", "received", "set"} <= step.keys()


def test_a_message_is_received_once_when_it_said_it_would_arrive(run: Simulation) -> None:
    trace = run.trace.to_dict()
    sent = {message["id"]: message for step in trace["steps"] for message in step["sent"]}
    ends: dict[int, int] = {}
    for step in trace["steps"]:
        for number in step["received"]:
            assert step["time"] == sent[number]["arrives"]
        for number in [*step["received"], *step.get("lost", [])]:
            assert number not in ends
            ends[number] = step["time"]
    still_flying = [m for m in sent.values() if m["arrives"] and m["id"] not in ends]
    assert all(message["arrives"] > run.now for message in still_flying)
    assert any("lost" in step for step in trace["steps"])


def test_answers_name_their_question(run: Simulation) -> None:
    trace = run.trace.to_dict()
    sent = {message["id"]: message for step in trace["steps"] for message in step["sent"]}
    answers = [message for message in sent.values() if message["name"].endswith("response")]
    assert answers
    for answer in answers:
        question = sent[answer["answers"]]
        assert (question["from"], question["to"]) == (answer["to"], answer["from"])
        assert answer["name"] == f"{question['name']} response"


def test_keyframes_are_what_the_steps_add_up_to(run: Simulation) -> None:
    trace = run.trace.to_dict()
    keyframes = dict(map(tuple, trace["keyframes"]))
    assert next(iter(keyframes)) == 0
    assert len(keyframes) >= 2
    state: dict[str, object] = {}
    for number, step in enumerate(trace["steps"]):
        apply(state, [(path, value) for path, value in step["set"]])
        if number in keyframes:
            assert keyframes[number] == state


def test_applying_a_step_twice_does_no_harm(run: Simulation) -> None:
    state = run.trace.frame(100)
    apply(state, run.trace.steps[100].changes)
    assert state == run.trace.frame(100)


def test_the_last_frame_is_what_the_broker_holds(run: Simulation) -> None:
    node = run.broker(1).machine
    assert node is not None
    state = run.trace.frame()
    assert state["nodes"]["1"] == {
        "kind": "broker",
        "status": "up",
        "controller": True,
        "role": "leader",
        "epoch": node.quorum.epoch,
        "metadata": node.image.offset,
        "fenced": False,
    }
    assert list(state["partitions"]) == ["orders-0", "orders-1"]
    for place, partition in node.replicas.partitions.items():
        shown = state["logs"]["1"][f"{place[0]}-{place[1]}"]
        log = partition.log
        assert (shown["start"], shown["hw"]) == (log.log_start_offset, partition.high_watermark)
        assert shown["end"] == log.log_end_offset
        assert [int(offset) for offset in shown["records"]] == list(range(shown["end"]))
    reader = state["clients"]["reader"]
    assert reader["kind"] == "consumer"
    assert reader["read"] == len(run.consumer("reader").records)


def test_a_broker_that_comes_back_is_seen_to_catch_up_before_it_is_up() -> None:
    sim = Simulation(brokers=3, seed=7)
    sim.create_topic("orders", replication_factor=3)
    sim.run_for("1s")
    sim.crash(3)
    sim.producer("shop").send("orders", key="A")
    sim.run_for("3s")
    sim.restart(3)

    def its_log() -> dict[str, Any]:
        log: dict[str, Any] = sim.trace.frame()["logs"]["3"]["orders-0"]
        return log

    assert its_log()["end"] == 0
    sim.run_until(lambda: its_log()["end"] == 1)
    assert sim.trace.frame()["nodes"]["3"]["status"] == "starting"
    assert its_log()["role"] == "follower"
    assert its_log()["records"]["0"]["key"] == "A"


def test_records_are_shown_with_key_value_and_what_is_special(run: Simulation) -> None:
    before_the_power_went = next(
        number for number, step in enumerate(run.trace.steps) if "loses power" in step.text
    )
    records = run.trace.frame(before_the_power_went - 1)["logs"]["1"]["orders-0"]["records"]
    assert records["0"] == {"key": "A", "value": "order 0"}
    assert records["30"] == {"key": "A", "value": None, "kind": "tombstone"}


def test_records_of_one_batch_say_where_it_begins() -> None:
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    shop = sim.producer("shop")
    for key in "AB":
        shop.send("orders", key=key, value="created")
    sim.run_until_idle()
    records = sim.trace.frame()["logs"]["1"]["orders-0"]["records"]
    assert records["0"] == {"key": "A", "value": "created"}
    assert records["1"] == {"key": "B", "value": "created", "batch": 0}


def test_tracing_changes_nothing(run: Simulation) -> None:
    blind = a_run(trace=False)
    assert (blind.now, blind.steps) == (run.now, run.steps)
    assert blind.network.packets == run.network.packets
    assert blind.producer("shop").outcomes == run.producer("shop").outcomes
    assert blind.consumer("reader").records == run.consumer("reader").records
    with pytest.raises(SimulationError, match="made without a trace"):
        blind.trace  # noqa: B018


def test_a_run_through_bytes_is_the_same_run() -> None:
    objects, through_bytes = (a_run(codec=codec).trace.to_dict() for codec in (False, True))
    assert objects["steps"] == through_bytes["steps"]


def test_a_window_can_be_drawn_by_itself(run: Simulation) -> None:
    first, last = 120, 200
    window = run.trace.window(first, last)
    assert len(window) == last - first + 1
    assert window.frame(0) == run.trace.frame(first)
    assert window.frame() == run.trace.frame(last)
    assert window.header["first"] == first
    known = {message["id"] for step in window.steps for message in step.sent}
    assert {number for step in window.steps for number in step.received} <= known | set(
        run.trace.steps[first].received
    )


def test_a_trace_is_saved_as_one_step_a_line(run: Simulation, tmp_path: Path) -> None:
    path = run.trace.save(tmp_path / "run.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == run.trace.to_dict()
    assert sum(line.startswith('{"time":') for line in text.splitlines()) == run.steps


def test_keyframes_stay_a_bounded_part_of_a_long_trace() -> None:
    trace = Trace({})
    for number in range(5_000):
        step = Step()
        step.changes = [(f"logs/1/orders-0/records/{number}", {"key": "A", "value": "v"})]
        trace.steps.append(step)
    sizes = [leaves(state) for _, state in trace.keyframes()]
    assert sum(sizes) < 3 * leaves(trace.frame())


def test_apply_sets_replaces_and_deletes() -> None:
    state: dict[str, object] = {}
    apply(
        state, [("logs/1/orders-0", {"end": 1}), ("logs/1/orders-0/end", 2), ("nodes/1/up", True)]
    )
    assert state == {"logs": {"1": {"orders-0": {"end": 2}}}, "nodes": {"1": {"up": True}}}
    apply(state, [("logs/1/orders-0", None), ("nodes/2", None)])
    assert state == {"logs": {"1": {}}, "nodes": {"1": {"up": True}}}
