"""`broker simulate`: what is typed, and what is printed.

    broker simulate --seeds 1000               a thousand seeds on all cores
    broker simulate --minutes 10 --from 5000   as many as there is time for
    broker simulate --seed 4711                one seed; a failure is made short and told
    broker simulate --bug NAME                 with a known bug in it: how soon does the alarm ring?

The exit status says whether all is well: 0 if no seed failed, 1 otherwise. With a bug put in it is
the other way round, for then it is silence that is wrong.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from broker.sim import museum
from broker.sim.campaign import Campaign, Report, run, shrunk, tell_seed
from broker.sim.episodes import Episode, Target
from broker.sim.story import Story
from broker.sim.swarm import Plan
from broker.wire.errors import ConfigError

SEEDS = 1_000
BROKERS_MAX = 9
"""As many as `broker start` runs together."""
OK, FAILED, INTERRUPTED = 0, 1, 130

Say = Callable[[str], None]


class Given(Protocol):
    """What was typed; None where nothing was."""

    seeds: int | None
    first: int | None
    minutes: float | None
    seed: int | None
    brokers: int | None
    bug: str | None
    trace: str | None
    workers: int | None


def main(given: Given) -> int:
    """Run the command; return the exit status."""
    if given.seed is not None and (given.seeds or given.first or given.minutes):
        raise ConfigError("--seed stands for one run: leave out --seeds, --from and --minutes")
    if given.trace is not None and given.seed is None:
        raise ConfigError("--trace writes down one run: say which with --seed")
    for name in ("seeds", "first", "seed", "brokers", "workers", "minutes"):
        number = getattr(given, name)
        least = 0 if name in ("first", "seed") else 1
        if number is not None and number < least and name != "minutes":
            option = "from" if name == "first" else name
            raise ConfigError(f"--{option}={number}: expected at least {least}")
    if given.brokers is not None and given.brokers > BROKERS_MAX:
        raise ConfigError(f"--brokers={given.brokers}: expected at most {BROKERS_MAX}")
    seeds = given.seeds
    if seeds is None and given.minutes is None:
        seeds = SEEDS
    campaign = Campaign(
        first=given.seed if given.seed is not None else given.first or 0,
        seeds=seeds,
        minutes=given.minutes,
        brokers=given.brokers,
        bug=given.bug,
        workers=given.workers or workers(),
    )
    one = given.seed is not None

    def say(line: str) -> None:
        print(line, flush=True)

    return simulate(campaign, one=one, trace=given.trace, say=say)


def simulate(campaign: Campaign, *, one: bool, trace: str | None, say: Say) -> int:
    """Run what was asked for; return the exit status."""
    if one:
        logging.disable(logging.CRITICAL)
        try:
            return _one(campaign, trace, say)
        finally:
            logging.disable(logging.NOTSET)
    try:
        report = run(campaign, say, _progress)
    finally:
        _progress("")
    for line in report.lines():
        say(line)
    if campaign.seeds is None or report.seeds < campaign.seeds:
        say(f"to go on: --from {campaign.first + report.seeds}")
    if report.interrupted:
        return INTERRUPTED
    if campaign.bug is not None:
        return _bell(campaign.bug, campaign.first, report, say)
    return FAILED if report.failures else OK


def workers() -> int:
    """As many as there are cores for us."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _progress(text: str) -> None:
    """One line that is written over, for those who watch."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


# -- one seed ------------------------------------------------------------------------------------


def _one(campaign: Campaign, trace: str | None, say: Say) -> int:
    seed = campaign.first
    if trace is not None:
        with museum.planted(campaign.bug):
            story = Story(museum.draw(seed, campaign.brokers, campaign.bug), trace=True)
            story.tell()
        if story.sim is not None:
            say(f"the trace is in {story.sim.trace.save(Path(trace))}")
    verdict = tell_seed((seed, campaign.brokers, campaign.bug)).verdict
    seconds = verdict.virtual_us / 1e6
    if not verdict.failed:
        say(f"seed {seed}: all is well after {verdict.steps:,} events in {seconds:.1f} s")
        if campaign.bug:
            say(
                f"  {campaign.bug} does not show here: --seeds 60 instead names seeds where it does"
            )
        for kind in sorted(set(verdict.allowed)):
            say(f"  what Kafka allows happened: {kind}")
        return FAILED if campaign.bug else OK
    say(f"seed {seed}: {verdict.failure}")
    say("making the story shorter ...")
    short = shrunk(campaign, verdict)
    say(f"after {short.attempts} attempts, this is enough:")
    say("")
    for line in told(short.plan):
        say("  " + line)
    say("")
    say(f"  {short.verdict.failure}")
    say("")
    say(short.verdict.script)
    return OK if campaign.bug else FAILED


def told(plan: Plan) -> list[str]:
    """A plan in words."""
    lines = [f"{plan.brokers} broker{'s' * (plan.brokers != 1)}, seed {plan.seed}"]
    lines += [f"with {name}={text}" for name, text in plan.settings.items()]
    for topic in plan.topics:
        configs = "".join(f", {name}={text}" for name, text in topic.configs.items())
        lines.append(
            f"topic {topic.name}: {topic.partitions} partitions, "
            f"{topic.replication_factor} replicas{configs}"
        )
    for producer in plan.producers:
        settings = ", ".join(f"{name}={value}" for name, value in producer.settings.items())
        lines.append(
            f"{producer.begin_us / 1e6:6.3f}s {producer.name} sends {len(producer.records)} records"
            f" to {producer.topic}, one every {producer.every_us // 1000} ms ({settings})"
        )
    for consumer in plan.consumers:
        at = consumer.begin_us / 1e6
        lines.append(f"{at:6.3f}s {consumer.name} reads {consumer.topic} from the beginning")
    lines += [_episode(episode) for episode in plan.episodes]
    lines.append(f"{plan.safety_us / 1e6:6.3f}s everything is healed")
    return lines


def _episode(episode: Episode) -> str:
    whom = episode.target
    if isinstance(whom, Target):
        place = f" of {whom.topic}-{whom.partition}" if whom.topic else ""
        whom = f"the {whom.role}{place}"
    about = "" if whom is None else f" ({whom})"
    until = f" until {episode.end_us / 1e6:.3f}s" if episode.end else ""
    return f"{episode.begin_us / 1e6:6.3f}s {episode.kind}{about}{until}"


# -- a planted bug -------------------------------------------------------------------------------


def _bell(bug: str, first: int, report: Report, say: Say) -> int:
    """How many seeds it takes until the alarm rings."""
    rings = [verdict.seed for verdict in report.failures]
    if not rings:
        say(f"{bug}: no alarm in {report.seeds:,} seeds")
        return FAILED
    waits = [seed - before for before, seed in zip([first - 1, *rings], rings, strict=False)]
    kinds = sorted({verdict.kind for verdict in report.failures})
    say(
        f"{bug}: the alarm rang in {len(rings)} of {report.seeds:,} seeds, after a median of "
        f"{statistics.median(waits):g} ({', '.join(kinds)})"
    )
    return OK
