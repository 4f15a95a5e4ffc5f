"""A plan carried out, and what came of it.

verdict = tell(draw(4711))
print(verdict.failure)      # the sentence, or nothing
print(verdict.script)       # the commands, as they would stand in a lesson
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any, NamedTuple

from broker.sim import healing
from broker.sim.episodes import CHOSEN, CONTROLLER, LEADER, Target
from broker.sim.history import Finding
from broker.sim.simulation import Simulation
from broker.sim.swarm import Plan
from broker.sim.transcript import transcript
from broker.sim.world import SimulationError

NOT_LIVE = "not live"
BROKE = "broke"

READY_WITHIN = "30s"


class Verdict(NamedTuple):
    """What came of a run."""

    seed: int
    kind: str
    """What kind of thing is wrong; empty if nothing is."""
    failure: str
    """The sentence that says so."""
    allowed: tuple[str, ...]
    """Findings that Kafka allows, by kind."""
    faults: tuple[tuple[str, int, int], ...]
    """The faults that really happened: their kind, and from when to when."""
    virtual_us: int
    steps: int
    script: str
    """The commands of the run as Python."""

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return bool(self.kind)


def tell(plan: Plan, *, trace: bool = False) -> Verdict:
    """Carry out a plan."""
    return Story(plan, trace=trace).tell()


def _where(error: BaseException) -> str:
    """The place in the broker that an error came out of: "metadata/controller.py:217"."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/broker/" in frame.filename and "/broker/sim/" not in frame.filename
    ]
    own = [frame for frame in frames if "invariant" not in frame.name]
    if not own:
        return "the simulation:0"
    return f"{own[-1].filename.rpartition('/broker/')[2]}:{own[-1].lineno}"


class Story:
    """One plan, being carried out."""

    def __init__(self, plan: Plan, *, trace: bool = False) -> None:
        self.plan = plan
        self.sim: Simulation | None = None
        self._trace = trace
        self._faults: list[tuple[str, int, int]] = []
        self._chosen: dict[int, int | str] = {}
        """Whom an episode was about, by its number."""

    def tell(self) -> Verdict:
        """Carry it out, and judge it."""
        kind = failure = ""
        try:
            missing = self._carry_out(self._start())
            if missing:
                kind, failure = NOT_LIVE, missing
        except Exception as error:  # whatever it is: it came out of a machine, and is a finding
            where = _where(error)
            kind = f"{BROKE} in {where.rpartition(':')[0]}"
            failure = f"{type(error).__name__}: {error} ({where})"
        return self._verdict(kind, failure)

    def _verdict(self, kind: str, failure: str) -> Verdict:
        sim = self.sim
        findings: list[Finding] = []
        if sim is not None:
            findings = list(sim.history.findings)
            if not kind.startswith(BROKE):
                findings = sim.check()
        wrong = [finding for finding in findings if not finding.allowed]
        if wrong:
            # What is wrong says more than that the run did not become live, or broke off.
            kind, failure = wrong[0].kind, str(wrong[0])
        return Verdict(
            seed=self.plan.seed,
            kind=kind,
            failure=failure,
            allowed=tuple(finding.kind for finding in findings if finding.allowed),
            faults=tuple(self._faults),
            virtual_us=sim.now if sim is not None else 0,
            steps=sim.steps if sim is not None else 0,
            script=transcript(sim) if kind and sim is not None else "",
        )

    # -- the phases -------------------------------------------------------------------------------

    def _start(self) -> Simulation:
        plan = self.plan
        sim = self.sim = Simulation(
            brokers=plan.brokers, seed=plan.seed, settings=plan.settings, trace=self._trace
        )
        for topic in plan.topics:
            configs: dict[str, Any] = {
                name.replace(".", "_"): text for name, text in topic.configs.items()
            }
            sim.create_topic(
                topic.name,
                topic.partitions,
                replication_factor=topic.replication_factor,
                **configs,
            )
        return sim

    def _carry_out(self, sim: Simulation) -> str:
        """Everything that is planned, then the healed phase. Returns what has not become well."""
        start_us = sim.now
        for time_us, episode, name, arguments in sorted(self._agenda(), key=lambda item: item[0]):
            sim.run_until(start_us + time_us)
            self._give(sim, episode, name, arguments)
        sim.run_until(start_us + self.plan.safety_us)
        healing.heal(sim)
        return healing.become_well(sim) or healing.read_everything(sim) or healing.stay_well(sim)

    def _agenda(self) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
        """When, in which episode (-1: none), and what."""
        for consumer in self.plan.consumers:
            at, name = consumer.begin_us, consumer.name
            yield at, -1, "consumer", {"client": name, "settings": consumer.settings}
            where = {"topic": consumer.topic, "partition": None, "offset": "beginning"}
            yield at, -1, "assign", {"client": name, **where}
        for producer in self.plan.producers:
            at, name = producer.begin_us, producer.name
            yield at, -1, "producer", {"client": name, "settings": producer.settings}
            what = {"topic": producer.topic, "records": producer.records, "partition": None}
            yield at, -1, "send_each", {"client": name, "every": producer.every_us, **what}
        for number, episode in enumerate(self.plan.episodes):
            yield from ((episode.begin_us, number, *command) for command in episode.begin)
            yield from ((episode.end_us, number, *command) for command in episode.end)

    # -- one command ------------------------------------------------------------------------------

    def _give(self, sim: Simulation, number: int, name: str, arguments: dict[str, Any]) -> None:
        """Give a command, if it makes sense by now: who is down already cannot crash."""
        if number >= 0:
            chosen = self._choose(sim, number)
            if chosen is None and CHOSEN in arguments.values():
                return
            arguments = {
                key: chosen if value == CHOSEN else value for key, value in arguments.items()
            }
        if isinstance(arguments.get("over", arguments.get("who")), int) and name in _BY_NAME:
            arguments = {key: str(value) for key, value in arguments.items()}
        try:
            sim.command(name, **arguments)
        except SimulationError:
            return
        if number >= 0:
            episode = self.plan.episodes[number]
            happened = (episode.kind, episode.begin_us, episode.end_us)
            if happened not in self._faults:
                self._faults.append(happened)

    def _choose(self, sim: Simulation, number: int) -> int | str | None:
        target = self.plan.episodes[number].target
        if not isinstance(target, Target):
            return target
        if number not in self._chosen:
            chosen = _found(sim, target)
            if chosen is None:
                return None
            self._chosen[number] = chosen
        return self._chosen[number]


_BY_NAME = ("isolate", "bridge")
"""Commands that name a host by its name also where it is a broker."""


def _found(sim: Simulation, target: Target) -> int | None:
    """Who plays a role at this moment."""
    if target.role == CONTROLLER:
        return sim.controller
    leader = sim.leader_of(target.topic, target.partition)
    if target.role == LEADER:
        return leader
    others = [node_id for node_id in sim.configs if node_id != leader]
    return others[0] if others else None
