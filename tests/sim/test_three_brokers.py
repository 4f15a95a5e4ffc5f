"""Three brokers in virtual time, broken by hand: what a lesson does, and what its trace shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from broker.api.deadlines import OF_EVERYTHING
from broker.node import Node
from broker.sim import Simulation, SimulationError

RUN = """
from tests.sim.test_three_brokers import storm
print(storm(11).trace.to_json())
"""


def three(seed: int = 7, **options: Any) -> Simulation:
    """Three brokers, a partition whose preferred leader is 1, a producer and a reader."""
    sim = Simulation(brokers=3, seed=seed, **options)
    sim.create_topic("orders", replicas=[[1, 2, 3]], min_insync_replicas=2)
    sim.producer("shop", acks="all", request_timeout_ms=1_000, delivery_timeout_ms=30_000)
    sim.consumer("reader", request_timeout_ms=1_000).assign("orders", 0, offset="beginning")
    sim.run_for("500ms")
    return sim


def storm(seed: int) -> Simulation:
    """A run in which much goes wrong."""
    sim = three(seed)
    records = [("A", f"order {number}") for number in range(60)]
    sim.producer("shop").send_each("orders", records, every="50ms")
    sim.run_for("300ms")
    sim.isolate(1)
    sim.run_for("1s")
    sim.skew(2, "+5s")
    sim.drift(3, "-1%")
    sim.heal()
    sim.lose(0.05)
    sim.power_loss(sim.controller or 2)
    sim.run_for("1s")
    sim.lose(0)
    for node_id in (1, 2, 3):
        if not sim.broker(node_id).alive:
            sim.restart(node_id)
    sim.repeat(0.2, "500ms")
    sim.run_for("1s")
    sim.repeat(0)
    sim.run_for("3s")
    return sim


def values(sim: Simulation) -> list[str | None]:
    """What the reader has read."""
    return sim.client("reader").values  # type: ignore[union-attr]


def texts(sim: Simulation, name: str) -> list[str]:
    """What messages of a kind say."""
    sent = (message for step in sim.trace.steps for message in step.sent)
    return [message["text"] for message in sent if message["name"] == name]


# -- failover ------------------------------------------------------------------------------------


def test_another_leads_when_a_leader_crashes_and_nothing_is_lost() -> None:
    sim = three()
    records = [("A", f"order {number}") for number in range(40)]
    sim.producer("shop").send_each("orders", records, every="50ms")
    sim.run_for("500ms")
    assert sim.leader_of("orders", 0) == 1
    sim.crash(1)
    sim.run_until(lambda: sim.leader_of("orders", 0) not in (1, None), within="2s")
    sim.run_for("2s")
    sim.restart(1)
    sim.run_until(lambda: len(values(sim)) == 40, within="10s")
    assert values(sim) == [value for _, value in records]
    sim.run_until(lambda: sim.trace.frame()["partitions"]["orders-0"]["isr"] == [2, 3, 1])
    assert sim.violations == []


def test_a_leader_that_is_cut_off_acknowledges_nothing_and_cuts_back_when_it_returns() -> None:
    sim = three()
    shop = sim.producer("shop")
    shop.send("orders", key="A", value="before")
    sim.run_until_idle()
    sim.cut({1}, {2, 3})
    shop.send("orders", key="B", value="to the one who is alone")
    sim.run_for("300ms")
    assert [outcome.status for outcome in shop.outcomes] == ["acked", "pending"]
    assert sim.trace.frame()["logs"]["1"]["orders-0"]["end"] == 2
    sim.run_for("3s")
    assert sim.leader_of("orders", 0) in (2, 3)
    assert sim.controller in (2, 3)
    sim.heal()
    sim.run_until_idle()
    sim.run_for("2s")
    assert values(sim) == ["before", "to the one who is alone"]
    logs = sim.trace.frame()["logs"]
    assert logs["1"]["orders-0"]["records"] == logs["2"]["orders-0"]["records"]
    assert sim.violations == []


def test_a_bit_rots_on_a_follower_that_is_down_and_its_leader_makes_it_good() -> None:
    sim = three()
    records = [("A", f"order {number}") for number in range(20)]
    sim.producer("shop").send_each("orders", records, every="20ms")
    sim.run_until_idle()
    whole = sim.trace.frame()["logs"]["1"]["orders-0"]["records"]
    sim.rot(2)
    sim.restart(2)
    sim.run_until(lambda: ("orders", 0) in sim.nodes()[1].replicas.partitions)
    # The checksum has told: from there on nothing is believed, though only one bit is wrong.
    assert sim.nodes()[1].replicas.partitions["orders", 0].log.log_end_offset < 20
    # Nobody takes it for in sync before it has fetched again what it lacks.
    sim.run_until(lambda: sim.trace.frame()["partitions"]["orders-0"]["isr"] == [1, 3])
    sim.run_until(lambda: sim.trace.frame()["partitions"]["orders-0"]["isr"] == [1, 3, 2])
    assert sim.trace.frame()["logs"]["2"]["orders-0"]["records"] == whole
    sim.run_until_idle()
    assert sim.check() == []


def test_where_a_bit_would_rot_that_nobody_could_repair_it_does_not() -> None:
    sim = three()
    sim.crash(2)
    sim.crash(3)
    sim.producer("shop").send("orders", key="A", value="to the one who is alone", partition=0)
    sim.run_for("100ms")
    with pytest.raises(SimulationError, match="can be repaired"):
        sim.rot(1)


def test_the_loss_of_the_controller_is_no_loss_of_writes() -> None:
    sim = three(seed=9)
    assert sim.controller is not None
    sim.crash(sim.controller)
    sim.producer("shop").send("orders", value="meanwhile")
    sim.run_until(lambda: values(sim) == ["meanwhile"], within="5s")
    assert sim.controller is not None


# -- the trace -----------------------------------------------------------------------------------


def test_the_trace_shows_the_quorum_the_isr_and_what_is_cut() -> None:
    sim = three()
    frame = sim.trace.frame()
    active = [node for node, view in frame["nodes"].items() if view["controller"]]
    assert active == [str(sim.controller)]
    assert sorted(view["role"] for view in frame["nodes"].values()) == [
        "follower", "follower", "leader"
    ]  # fmt: skip
    assert {view["fenced"] for view in frame["nodes"].values()} == {False}
    assert frame["partitions"]["orders-0"]["replicas"] == [1, 2, 3]
    assert [frame["logs"][n]["orders-0"]["role"] for n in "123"] == [
        "leader", "follower", "follower"
    ]  # fmt: skip
    sim.cut(3, 2, one_way=True)
    sim.cut(1, 2)
    assert sim.trace.frame()["links"] == {"3~2": "cut ->", "1~2": "cut"}
    sim.cut(2, 3, one_way=True)
    assert sim.trace.frame()["links"] == {"1~2": "cut", "2~3": "cut"}
    sim.heal()
    assert sim.trace.frame()["links"] == {}


def test_brokers_speak_in_the_fields_own_words() -> None:
    sim = three()
    sim.producer("shop").send("orders", key="A", value="created")
    sim.run_until_idle()
    assert "2 asks 1 for orders-0 from 1" in texts(sim, "Fetch")
    assert "offset 0 of orders-0" in texts(sim, "Fetch response")
    leader = sim.controller
    follower = next(n for n in (1, 2, 3) if n != leader)
    assert f"{follower} would vote for {leader} in epoch 1" in texts(sim, "Vote response")
    assert f"{follower} votes for {leader} in epoch 1" in texts(sim, "Vote response")
    assert f"{leader} tells {follower} that it leads in epoch 1" in texts(sim, "BeginQuorumEpoch")
    assert f"{follower} registers with {leader}" in texts(sim, "BrokerRegistration")
    assert any(text.startswith(f"{follower} lives, has metadata up to ")
               for text in texts(sim, "BrokerHeartbeat"))  # fmt: skip
    lanes = {message.get("lane") for step in sim.trace.steps for message in step.sent}
    assert lanes >= {None, "quorum", "registration", "replication"}
    assert any(step.text.startswith("broker 1 hears: 2 asks 1 for") for step in sim.trace.steps)


# -- the same run is the same run ----------------------------------------------------------------


def test_two_processes_write_the_same_trace_byte_for_byte(root: Path) -> None:
    def trace(hash_seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", RUN]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
        return done.stdout

    first, second = trace("1"), trace("2")
    assert len(first) > 200_000
    assert first == second
    assert first.decode().rstrip("\n") == storm(11).trace.to_json().rstrip("\n")


def test_a_fork_of_a_storm_has_done_the_same() -> None:
    sim = storm(3)
    fork = sim.fork(2 * sim.steps // 3)
    assert [s.as_json() for s in fork.trace.steps] == [
        s.as_json() for s in sim.trace.steps[: fork.steps]
    ]


@pytest.mark.parametrize("codec", [False, True])
def test_through_the_codec_or_not_the_same_happens(codec: bool) -> None:
    sim = three(codec=codec)
    sim.producer("shop").send("orders", key="A", value="created")
    sim.run_until_idle()
    assert values(sim) == ["created"]
    assert sim.steps == three_steps()


def three_steps() -> int:
    """How many steps the run above takes without the codec."""
    sim = three(codec=False)
    sim.producer("shop").send("orders", key="A", value="created")
    sim.run_until_idle()
    return sim.steps


def test_what_a_node_remembers_of_its_deadline_is_what_all_its_parts_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered = Node.deadline
    asked: list[tuple[int | None, int | None]] = []

    def both(node: Node) -> int | None:
        deadline = remembered(node)
        # Records touch few parts, so the others are not asked each time. Would they say the same?
        node._deadlines.forget(OF_EVERYTHING)
        asked.append((deadline, remembered(node)))
        return deadline

    monkeypatch.setattr(Node, "deadline", both)
    storm(11)

    assert len(asked) > 1_000
    assert [times for times in asked if times[0] != times[1]] == []
