"""The same run is the same run: in any process, and on a fork of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker.sim import Simulation, SimulationError
from tests.sim.test_trace import a_run

RUN = """
from tests.sim.test_determinism import chaos
print(chaos(11).trace.to_json())
"""


def chaos(seed: int) -> Simulation:
    """A run in which much goes wrong."""
    sim = Simulation(seed=seed)
    sim.create_topic("orders", partitions=3, flush_messages=2)
    shop, clerk = sim.producer("shop"), sim.producer("clerk", acks=1)
    reader = sim.consumer("reader")
    reader.assign("orders", offset="beginning")
    sim.lose(0.05)
    for number in range(20):
        shop.send("orders", key=f"customer {number % 7}", value=f"order {number}")
        clerk.send("orders", value=f"note {number}")
        sim.run_for("15ms")
    sim.power_loss(1)
    sim.run_for("200ms")
    sim.restart(1)
    sim.run_for("1s")
    sim.pause(1)
    sim.run_for("200ms")
    sim.resume(1)
    sim.lose(0)
    sim.run_until_idle()
    return sim


def test_two_processes_write_the_same_trace_byte_for_byte(root: Path) -> None:
    def trace(hash_seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", RUN]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
        return done.stdout

    first, second = trace("1"), trace("2")
    assert len(first) > 50_000
    assert first == second
    assert first.decode().rstrip("\n") == chaos(11).trace.to_json().rstrip("\n")


def test_another_seed_is_another_run() -> None:
    assert chaos(1).now != chaos(2).now


def test_a_fork_has_done_the_same_up_to_its_step() -> None:
    sim = chaos(3)
    for step in (0, 1, sim.steps // 3, sim.steps // 2, sim.steps - 1):
        fork = sim.fork(step)
        assert fork.steps == step + 1
        assert [s.as_json() for s in fork.trace.steps] == [
            s.as_json() for s in sim.trace.steps[: step + 1]
        ]
        assert fork.trace.frame() == sim.trace.frame(step)


def test_a_fork_without_a_step_stands_where_the_run_stands() -> None:
    sim = a_run()
    sim.run_for("17ms")
    fork = sim.fork()
    assert fork.now == sim.now
    assert fork.trace.to_json() == sim.trace.to_json()


def test_forks_go_their_own_ways_and_leave_the_run_alone() -> None:
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    shop = sim.producer("shop")
    shop.send("orders", key="A", value="created")
    here = sim.steps - 1
    sim.run_until_idle()
    before = sim.trace.to_json()

    crashed, calm = sim.fork(here), sim.fork(here)
    crashed.crash(1)
    crashed.run_for("1s")
    calm.producer("shop").send("orders", key="B", value="created")
    calm.run_until_idle()

    assert [outcome.status for outcome in crashed.producer("shop").outcomes] == ["pending"]
    assert [outcome.status for outcome in calm.producer("shop").outcomes] == ["acked", "acked"]
    assert sim.trace.to_json() == before


def test_a_fork_of_a_fork_remembers_both_stories() -> None:
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    fork = sim.fork()
    fork.producer("shop").send("orders", key="A", value="created")
    fork.run_until_idle()
    again = fork.fork()
    again.run_for("1s")
    assert len(again.producer("shop").outcomes) == 1


def test_commands_are_plain_data_with_the_step_at_which_they_were_given() -> None:
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    shop = sim.producer("shop", acks="all")
    step = sim.steps
    shop.send("orders", key="A", value="created")
    header = sim.trace.to_dict()["header"]
    assert header["seed"] == 7
    assert header["commands"][1][1:3] == [
        "producer",
        {"client": "shop", "settings": {"acks": "all"}},
    ]
    assert header["commands"][-1][:3] == [
        step,
        "send",
        {"client": "shop", "topic": "orders", "key": "A", "value": "created", "partition": None},
    ]
    assert sim.trace.steps[step].text == "shop sends A to orders"


def test_there_is_no_fork_from_the_future() -> None:
    sim = Simulation(seed=7)
    with pytest.raises(SimulationError, match="there is no step 999"):
        sim.fork(999)
