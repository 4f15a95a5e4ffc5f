"""Runs that nobody has written: how they are drawn, carried out, judged and made short."""

from __future__ import annotations

import pytest

from broker.log import log
from broker.sim import shrinking, swarm
from broker.sim.campaign import Campaign, Report, Told, command, overlapping, run
from broker.sim.episodes import KINDS, LATER, Cast, Dice, Episode, draw_episode
from broker.sim.shrinking import minimize, shrink
from broker.sim.simulation import Simulation
from broker.sim.story import Story, Verdict, tell
from broker.sim.swarm import ConsumerPlan, Plan, ProducerPlan, TopicPlan, draw
from broker.sim.transcript import transcript

SECOND = 1_000_000
WELL = Verdict(7, "", "", (), (), 0, 0, "")


def small_plan(seed: int, *episodes: Episode) -> Plan:
    """Three brokers, a topic, a producer and a consumer, and what goes wrong."""
    return Plan(
        seed=seed,
        brokers=3,
        settings={},
        topics=[TopicPlan("t1", 1, 3, {"min.insync.replicas": "2"})],
        producers=[
            ProducerPlan("p1", {"acks": "all", "request_timeout_ms": 1_000}, "t1",
                         [("A", f"p1-{n}") for n in range(20)], 50_000, 0)
        ],
        consumers=[
            ConsumerPlan("c1", {"auto_offset_reset": "earliest", "request_timeout_ms": 1_000},
                         "t1", 0)
        ],
        episodes=list(episodes),
        safety_us=2 * SECOND,
    )  # fmt: skip


# -- drawing ---------------------------------------------------------------------------------------


def test_a_seed_draws_its_plan_and_another_seed_another() -> None:
    assert draw(4711) == draw(4711)
    assert draw(4711) != draw(4712)
    assert draw(4711, 5).brokers == 5


def test_some_thousand_seeds_know_every_kind_of_fault_and_every_size_of_cluster() -> None:
    plans = [draw(seed) for seed in range(1_500)]
    assert {episode.kind for plan in plans for episode in plan.episodes} == set(KINDS)
    assert {plan.brokers for plan in plans} == {1, 2, 3, 4, 5}
    for plan in plans:
        for topic in plan.topics:
            assert int(topic.configs["min.insync.replicas"]) <= topic.replication_factor
            assert topic.replication_factor <= plan.brokers
        for episode in plan.episodes:
            assert episode.begin_us <= episode.end_us <= plan.safety_us
            assert KINDS[episode.kind][0] <= plan.brokers


def test_a_kind_that_came_later_leaves_the_plans_of_other_seeds_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans = [draw(seed) for seed in range(200)]
    monkeypatch.setattr(swarm, "LATER", dict.fromkeys(LATER, 0.0))
    before = [draw(seed) for seed in range(200)]
    kinds = [{episode.kind for episode in plan.episodes} for plan in plans]
    assert 8 <= sum(not later.isdisjoint(LATER) for later in kinds) <= 32
    for plan, old in zip(plans, before, strict=True):
        known = [episode for episode in plan.episodes if episode.kind not in LATER]
        assert plan._replace(episodes=known) == old


# -- carrying out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_after_each_kind_of_fault_a_cluster_becomes_well(kind: str) -> None:
    cast = Cast([1, 2, 3], {"t1": 1}, ["p1"], ["c1"])
    episode = draw_episode(kind, Dice(3, kind), cast, SECOND, 3 * SECOND // 2)
    verdict = tell(small_plan(3, episode))
    assert verdict.failure == ""
    assert [name for name, _, _ in verdict.faults] == [kind]


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_whatever_goes_wrong(seed: int) -> None:
    assert tell(draw(seed)).failure == ""


def test_a_story_is_told_again_by_its_transcript() -> None:
    story = Story(draw(2, 3), trace=True)
    assert story.tell().failure == ""
    assert story.sim is not None
    names = {"Simulation": Simulation}
    exec(transcript(story.sim), names)
    again = names["sim"]
    assert isinstance(again, Simulation)
    steps = [step.as_json() for step in story.sim.trace.steps]
    assert [step.as_json() for step in again.trace.steps] == steps


def test_a_transcript_tells_what_happened_between_two_commands_of_the_same_moment() -> None:
    """A broker that goes on after a pause takes in at once what has come for it meanwhile. Only
    then the network gets slow: its answers were sent before."""
    sim = Simulation(seed=1, brokers=3, trace=True)
    sim.pause(1)
    sim.run_for("500ms")
    sim.resume(1)
    sim.run_for("0s")
    sim.delay("100ms", "200ms")
    sim.run_for("1s")
    names: dict[str, object] = {"Simulation": Simulation}
    exec(transcript(sim), names)
    again = names["sim"]
    assert isinstance(again, Simulation)
    steps = [step.as_json() for step in sim.trace.steps]
    assert [step.as_json() for step in again.trace.steps] == steps


def test_a_machine_that_breaks_is_a_finding_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("one by none")

    monkeypatch.setattr(log.Log, "append", broken)
    verdict = tell(small_plan(7))
    assert verdict.kind.startswith("broke in quorum/")
    assert verdict.failure.startswith("ZeroDivisionError: one by none (quorum/")


def test_a_cluster_that_does_not_become_well_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.sim.healing.WELL_WITHIN_US", SECOND)
    monkeypatch.setattr("broker.sim.healing.heal", lambda sim: sim.pause(2))
    verdict = tell(small_plan(7))
    assert (verdict.kind, verdict.failure) == ("not live", "broker 2 is paused")
    assert verdict.script.startswith("sim = Simulation(brokers=3, seed=7)\n")


# -- making short ----------------------------------------------------------------------------------


def test_of_many_items_those_that_matter_are_left() -> None:
    def fails(items: list[int]) -> bool:
        return {3, 17} <= set(items)

    assert minimize(list(range(20)), fails) == [3, 17]
    assert minimize([3, 17], fails) == [3, 17]
    assert minimize(list(range(20)), lambda items: True) == []


def test_a_story_is_shrunk_to_what_its_failure_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(plan: Plan) -> Verdict:
        kinds = [episode.kind for episode in plan.episodes]
        wrong = "crash" in kinds and any(len(p.records) > 3 for p in plan.producers)
        return WELL._replace(kind="lost write" if wrong else "", failure="a sentence")

    monkeypatch.setattr(shrinking, "tell", told)
    long = next(
        plan for plan in map(draw, range(100))
        if told(plan).failed and len(plan.episodes) > 5 and len(plan.producers) > 1
    )  # fmt: skip
    short = shrink(long, told(long)).plan
    assert [episode.kind for episode in short.episodes] == ["crash"]
    assert [4 <= len(producer.records) <= 7 for producer in short.producers] == [True]
    assert (short.consumers, short.settings) == ([], {})


# -- campaigns -------------------------------------------------------------------------------------


def campaign(**given: object) -> Campaign:
    asked = {"first": 20, "seeds": 6, "minutes": None, "brokers": None, "bug": None, "workers": 1}
    return Campaign(**(asked | given))  # type: ignore[arg-type]


def test_in_other_processes_the_seeds_come_to_the_same() -> None:
    alone, together = (
        run(campaign(workers=workers), print, lambda text: None) for workers in (1, 2)
    )
    assert alone.seeds == together.seeds == 6
    assert (alone.steps, alone.virtual_us) == (together.steps, together.virtual_us)
    assert alone.pairs == together.pairs


def test_pairs_are_faults_that_were_there_at_the_same_time() -> None:
    faults = (("crash", 0, 10), ("loss", 5, 20), ("crash", 20, 30), ("pause", 40, 50))
    assert overlapping(WELL._replace(faults=faults)) == {("crash", "loss")}


def test_a_report_counts_seeds_failures_faults_and_hours() -> None:
    report = Report()
    report.add(Told(WELL._replace(virtual_us=3_600 * SECOND, steps=10), 30.0))
    report.add(Told(WELL._replace(kind="lost write", allowed=("duplicate",)), 30.0))
    lines = list(report.lines())
    assert lines[0] == "2 seeds, 1 failed"
    assert "duplicate (1)" in lines[2]
    assert lines[-1].startswith("1.0 cluster-hours, 10 events; 1.00 cluster-hours and 2 seeds")


def test_the_command_that_shows_a_seed_again() -> None:
    asked = campaign(brokers=3, bug="truncate-to-high-watermark")
    assert command(asked, 4711) == (
        "broker simulate --seed 4711 --brokers 3 --bug truncate-to-high-watermark"
    )
