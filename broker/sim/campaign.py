"""Many seeds, on all cores: `broker simulate`.

Each seed is a run of its own, so they are told in as many processes as there are cores. Progress,
findings and the report come out in the order of the seeds, whoever was first; a run depends on
its seed alone, so the command that is printed with a failure shows it again anywhere.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations, count, islice
from typing import NamedTuple

from broker.sim import museum
from broker.sim.episodes import KINDS
from broker.sim.museum import planted
from broker.sim.shrinking import Shrunk, shrink
from broker.sim.story import Verdict, tell

SEEDS_A_CHUNK = 4
SPOKEN_MAX = 20
"""So many failures are told; the others are counted."""


Say = Callable[[str], None]


class Campaign(NamedTuple):
    """What is asked for."""

    first: int
    seeds: int | None
    """None: as many as fit into the time."""
    minutes: float | None
    brokers: int | None
    bug: str | None
    """A known bug that is put back in."""
    workers: int


class Told(NamedTuple):
    """One seed, done."""

    verdict: Verdict
    cpu_s: float


class Report:
    """What a campaign has found, as it goes on."""

    def __init__(self) -> None:
        self.seeds = 0
        self.failures: list[Verdict] = []
        self.allowed: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.virtual_us = 0
        self.steps = 0
        self.cpu_s = 0.0
        self.interrupted = False

    def add(self, told: Told) -> None:
        """Take in one run."""
        verdict = told.verdict
        self.seeds += 1
        self.cpu_s += told.cpu_s
        self.virtual_us += verdict.virtual_us
        self.steps += verdict.steps
        self.allowed.update(verdict.allowed)
        self.kinds.update({kind for kind, _, _ in verdict.faults})
        self.pairs.update(overlapping(verdict))
        if verdict.failed:
            self.failures.append(verdict)

    def lines(self) -> Iterator[str]:
        """The report."""
        possible = len(KINDS) * (len(KINDS) + 1) // 2
        yield f"{self.seeds:,} seeds, {len(self.failures)} failed"
        yield (
            f"faults: {len(self.kinds)} of {len(KINDS)} kinds; "
            f"{len(self.pairs)} of {possible} pairs at the same time"
        )
        missing = [pair for pair in _all_pairs() if pair not in self.pairs]
        if 0 < len(missing) <= 12:
            yield "  never together: " + ", ".join(f"{a} and {b}" for a, b in missing)
        if self.allowed:
            said = ", ".join(f"{kind} ({n})" for kind, n in sorted(self.allowed.items()))
            yield f"what Kafka allows happened: {said}"
        hours, minutes = self.virtual_us / 3.6e9, self.cpu_s / 60
        yield (
            f"{hours:.1f} cluster-hours, {self.steps:,} events; {hours / max(minutes, 1e-9):.2f} "
            f"cluster-hours and {self.seeds / max(minutes, 1e-9):.0f} seeds a core-minute"
        )


def _all_pairs() -> list[tuple[str, str]]:
    kinds = sorted(KINDS)
    return [(kind, kind) for kind in kinds] + list(combinations(kinds, 2))


def overlapping(verdict: Verdict) -> set[tuple[str, str]]:
    """Kinds of faults that were there at the same time."""
    pairs = set()
    for (kind, begin, end), (other, from_us, to_us) in combinations(verdict.faults, 2):
        if begin <= to_us and from_us <= end:
            pairs.add((min(kind, other), max(kind, other)))
    return pairs


# -- running -------------------------------------------------------------------------------------


def run(campaign: Campaign, say: Say, progress: Say) -> Report:
    """Tell all seeds; `say` hears of each failure, and `progress` of each seed."""
    report, started = Report(), time.monotonic()
    of = "" if campaign.seeds is None else f" of {campaign.seeds:,}"
    with _telling(campaign) as results, _interrupted(report):
        for told in results:
            report.add(told)
            failed = len(report.failures)
            if told.verdict.failed and failed <= SPOKEN_MAX:
                progress("")
                say(f"seed {told.verdict.seed}: {told.verdict.failure}")
                say(f"  again: {command(campaign, told.verdict.seed)}")
            took_s = time.monotonic() - started
            progress(f"{report.seeds:,}{of} seeds, {took_s:.0f} s, {failed} failed")
            if campaign.minutes is not None and took_s >= campaign.minutes * 60:
                break
    return report


@contextmanager
def _interrupted(report: Report) -> Iterator[None]:
    """Ctrl-C or SIGTERM ends a campaign, and what was done by then is reported."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        report.interrupted = True
    finally:
        signal.signal(signal.SIGTERM, before)


class _telling:  # noqa: N801  used like a function
    """The results of all seeds, in order, from as many processes as asked for."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self._pool: multiprocessing.pool.Pool | None = None

    def __enter__(self) -> Iterator[Told]:
        campaign = self.campaign
        jobs = ((seed, campaign.brokers, campaign.bug) for seed in seeds(campaign))
        if campaign.workers == 1:
            logging.disable(logging.CRITICAL)
            return map(tell_seed, jobs)
        context = multiprocessing.get_context("spawn")
        self._pool = context.Pool(campaign.workers, _prepare)
        return self._pool.imap(tell_seed, jobs, SEEDS_A_CHUNK)

    def __exit__(self, *_: object) -> None:
        if self._pool is None:
            logging.disable(logging.NOTSET)
        else:
            self._pool.terminate()
            self._pool.join()


def seeds(campaign: Campaign) -> Iterator[int]:
    """The seeds, in order."""
    return islice(count(campaign.first), campaign.seeds)


def _prepare() -> None:
    """A process of its own: what machines log about their misery is part of the plan."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who reports
    gc.freeze()  # what is there by now stays: a collection need not look at it


def tell_seed(job: tuple[int, int | None, str | None]) -> Told:
    """One seed, from start to verdict."""
    seed, brokers, bug = job
    started = time.process_time()
    gc.disable()  # a run makes few cycles, and lives for less than a second
    try:
        with planted(bug):
            verdict = tell(museum.draw(seed, brokers, bug))
    finally:
        gc.enable()
        gc.collect()
    return Told(verdict, time.process_time() - started)


# -- failures ------------------------------------------------------------------------------------


def command(campaign: Campaign, seed: int) -> str:
    """What to type to see a seed again."""
    words = ["broker simulate", f"--seed {seed}"]
    if campaign.brokers is not None:
        words.append(f"--brokers {campaign.brokers}")
    if campaign.bug is not None:
        words.append(f"--bug {campaign.bug}")
    return " ".join(words)


def shrunk(campaign: Campaign, verdict: Verdict) -> Shrunk:
    """The shortest story that fails as this seed does."""
    with planted(campaign.bug):
        return shrink(museum.draw(verdict.seed, campaign.brokers, campaign.bug), verdict)
