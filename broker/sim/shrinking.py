"""A long story that fails, made into a short one that fails in the same way.

A seed throws everything at a cluster at once, and most of it has nothing to do with what went
wrong. What it was about shows when as much as possible is left out: episodes first, by halves, then
quarters, then one by one (delta debugging: Zeller and Hildebrandt, 2002); then clients, records
and settings. Whatever is left out, the run has to fail with the same kind of finding; which one it
names may change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from broker.sim.story import Verdict, tell
from broker.sim.swarm import Plan

ATTEMPTS_MAX = 150

T = TypeVar("T")


class Shrunk(NamedTuple):
    """The shortest story that was found, and how long it took."""

    plan: Plan
    verdict: Verdict
    attempts: int


def shrink(plan: Plan, verdict: Verdict, *, attempts: int = ATTEMPTS_MAX) -> Shrunk:
    """Leave out of a failing plan what it fails without."""
    return _Shrinker(plan, verdict, attempts).run()


class _Shrinker:
    def __init__(self, plan: Plan, verdict: Verdict, attempts: int) -> None:
        self.plan = plan
        self.verdict = verdict
        self.attempts = 0
        self.attempts_max = attempts

    def run(self) -> Shrunk:
        """Shrink everything in turn, as long as that helps."""
        self._leave_out(self.plan.episodes, lambda plan, some: plan._replace(episodes=some))
        self._leave_out(self.plan.producers, lambda plan, some: plan._replace(producers=some))
        self._leave_out(self.plan.consumers, lambda plan, some: plan._replace(consumers=some))
        for simpler in self._simpler_records():
            self._try(simpler)
        for name in list(self.plan.settings):
            fewer = {key: text for key, text in self.plan.settings.items() if key != name}
            self._try(self.plan._replace(settings=fewer))
        self._leave_out(self.plan.episodes, lambda plan, some: plan._replace(episodes=some))
        return Shrunk(self.plan, self.verdict, self.attempts)

    def _try(self, plan: Plan) -> bool:
        """Whether a plan fails as the first one did; if so it is the best from now on."""
        if self.attempts >= self.attempts_max:
            return False
        self.attempts += 1
        verdict = tell(plan)
        if verdict.kind != self.verdict.kind:
            return False
        self.plan, self.verdict = plan, verdict
        return True

    def _leave_out(self, items: list[T], having: Callable[[Plan, list[T]], Plan]) -> None:
        minimize(items, lambda some: self._try(having(self.plan, some)))

    def _simpler_records(self) -> Iterator[Plan]:
        """Fewer records from each producer, half of them at a time."""
        for number in range(len(self.plan.producers)):
            while len(self.plan.producers[number].records) > 1:
                before = self.plan
                producers = list(before.producers)
                producer = producers[number]
                half = len(producer.records) // 2
                producers[number] = producer._replace(records=producer.records[:half])
                yield before._replace(producers=producers)
                if self.plan is before:
                    break


def minimize(items: list[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """A short part of `items` that still fails; `items` is known to."""
    size = (len(items) + 1) // 2
    while items and size:
        at = 0
        while at < len(items):
            fewer = items[:at] + items[at + size :]
            if fails(fewer):
                items = fewer
            else:
                at += size
        size //= 2
    return items
