"""A run that nobody has written: cluster, workload and faults, all drawn from one seed.

A test that turns everything on all the time finds less than one that turns some things off: with a
fault in every second no log ever grows long, and a bug that takes calm between two storms is
never seen. So each seed first draws *which* kinds of faults it will know, and how dense they are
(swarm testing: Groce and others, 2012). The same holds for the options of the cluster and its
clients.

The outcome is a plan: plain data, made before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from broker.sim.episodes import KINDS, LATER, STAGED, Cast, Dice, Episode, draw_episode

SECOND = 1_000_000


class TopicPlan(NamedTuple):
    """A topic to be created before anything goes wrong."""

    name: str
    partitions: int
    replication_factor: int
    configs: dict[str, str]


class ProducerPlan(NamedTuple):
    """A producer, and what its user sends."""

    name: str
    settings: dict[str, Any]
    topic: str
    records: Sequence[tuple[str | None, str | None]]
    every_us: int
    begin_us: int


class ConsumerPlan(NamedTuple):
    """A consumer that reads all of a topic."""

    name: str
    settings: dict[str, Any]
    topic: str
    begin_us: int


class Plan(NamedTuple):
    """All that is going to be asked of a run."""

    seed: int
    brokers: int
    settings: dict[str, str]
    topics: list[TopicPlan]
    producers: list[ProducerPlan]
    consumers: list[ConsumerPlan]
    episodes: list[Episode]
    safety_us: int
    """How long things go wrong; then everything is healed, and has to become well."""


def draw(
    seed: int,
    brokers: int | None = None,
    kinds: Sequence[str] = (),
    only_topics: Sequence[TopicPlan] = (),
    **fixed: Any,
) -> Plan:
    """The plan of a seed. `kinds` are the only faults that it may know, and `only_topics` all that
    there are, if any are given; `fixed` are fields of the plan that are not left to chance."""
    dice = Dice(seed, "swarm")
    drawn = dice.pick((1, 2, 3, 3, 3, 3, 3, 4, 5))
    size = drawn if brokers is None else brokers
    settings = _settings(dice, size)
    topics = [_topic(dice, f"t{number}", size) for number in range(1, dice.number(1, 2) + 1)]
    topics = list(only_topics) or topics
    safety_us = dice.number(4, 12) * SECOND
    producers = [
        _producer(dice, f"p{number}", topics, safety_us)
        for number in range(1, dice.number(1, 3) + 1)
    ]
    consumers = [
        _consumer(dice, f"c{number}", topics, safety_us)
        for number in range(1, dice.number(1, 2) + 1)
    ]
    cast = Cast(
        list(range(1, size + 1)),
        {topic.name: topic.partitions for topic in topics},
        [producer.name for producer in producers],
        [consumer.name for consumer in consumers],
    )
    plan = Plan(seed, size, settings, topics, producers, consumers, [], safety_us)
    episodes = _episodes(Dice(seed, "faults"), cast, safety_us, kinds)
    if not kinds:
        episodes += _later_episodes(seed, cast, safety_us)
    plan = plan._replace(episodes=episodes)
    return plan._replace(**fixed)


# -- the cluster ---------------------------------------------------------------------------------


def _settings(dice: Dice, brokers: int) -> dict[str, str]:
    """Settings of all brokers. Most runs have Kafka's; some are such that rare paths are common."""
    settings: dict[str, str] = {}
    if dice.chance(0.3):
        settings["metadata.log.max.record.bytes.between.snapshots"] = "2000"
    if dice.chance(0.75):
        settings["metadata.max.idle.interval.ms"] = "5000"
    if dice.chance(0.3):
        settings["replica.lag.time.max.ms"] = dice.pick(("1000", "3000"))
    if dice.chance(0.3):
        settings["auto.leader.rebalance.enable"] = dice.pick(("true", "false"))
        settings["leader.imbalance.check.interval.seconds"] = "2"
    if dice.chance(0.2):
        settings["replica.fetch.wait.max.ms"] = dice.pick(("50", "500"))
    return settings


def _topic(dice: Dice, name: str, brokers: int) -> TopicPlan:
    factor = min(brokers, dice.pick((1, 2, 3, 3, 3, 4)))
    configs = {"min.insync.replicas": str(min(factor, dice.pick((1, 2, 2, 2, 3))))}
    if dice.chance(0.25):
        configs["flush.messages"] = dice.pick(("1", "3"))
    if dice.chance(0.3):
        configs["segment.bytes"] = str(1 << 20)
        configs["segment.ms"] = "2000"
    return TopicPlan(name, dice.number(1, 3), factor, configs)


# -- the clients ---------------------------------------------------------------------------------


def _producer(dice: Dice, name: str, topics: list[TopicPlan], safety_us: int) -> ProducerPlan:
    acks = dice.pick(("all", "all", "all", "all", 1))
    settings: dict[str, Any] = {"acks": acks, "linger_ms": dice.pick((0, 5, 50))}
    if acks == "all" and dice.chance(0.25):
        settings["idempotent"] = False
    settings["request_timeout_ms"] = dice.pick((1_000, 3_000, 30_000))
    # Shorter than the healed phase: by then a producer has been told, or has given up.
    patience_ms = dice.pick((2_000, 20_000, 20_000, 20_000))
    settings["delivery_timeout_ms"] = settings["request_timeout_ms"] + patience_ms
    if dice.chance(0.15):
        settings["compression_type"] = "gzip"
    every_us = dice.pick((20_000, 50_000, 150_000))
    most = safety_us // every_us
    keys = [None, "A", "B", "C", "D"]
    records = [
        (dice.pick(keys), f"{name}-{number}") for number in range(1, dice.number(10, 80) + 1)
    ][:most]
    begin_us = dice.number(0, safety_us // 4)
    return ProducerPlan(name, settings, dice.pick(topics).name, records, every_us, begin_us)


def _consumer(dice: Dice, name: str, topics: list[TopicPlan], safety_us: int) -> ConsumerPlan:
    settings: dict[str, Any] = {
        "auto_offset_reset": "earliest",
        "request_timeout_ms": dice.pick((1_000, 3_000, 30_000)),
    }
    if dice.chance(0.3):
        settings["every"] = dice.pick(("20ms", "100ms"))
        settings["max_records"] = dice.number(1, 10)
    if dice.chance(0.2):
        settings["max_partition_fetch_bytes"] = 200
    begin_us = dice.number(0, safety_us // 2)
    return ConsumerPlan(name, settings, dice.pick(topics).name, begin_us)


# -- what goes wrong -----------------------------------------------------------------------------


def _episodes(dice: Dice, cast: Cast, safety_us: int, only: Sequence[str] = ()) -> list[Episode]:
    """First which kinds, then how often, then when."""
    possible = [
        kind
        for kind, (least, _) in (KINDS | STAGED if only else KINDS).items()
        if len(cast.brokers) >= least and (kind in only if only else kind not in LATER)
    ]
    share = 1.0 if only else dice.pick((0.08, 0.15, 0.3))
    kinds = [kind for kind in possible if dice.chance(share)] or [dice.pick(possible)]
    pause_us = dice.pick((300_000, 1_000_000, 2_500_000))
    longest_us = dice.pick((400_000, 1_500_000, 4_000_000))
    episodes = []
    time_us = dice.number(0, pause_us)
    while time_us < safety_us:
        kind = dice.pick(kinds)
        end_us = time_us + dice.number(20_000, longest_us)
        episodes.append(draw_episode(kind, dice, cast, time_us, min(end_us, safety_us)))
        time_us += dice.number(0, 2 * pause_us)
    return episodes


def _later_episodes(seed: int, cast: Cast, safety_us: int) -> list[Episode]:
    """Those of kinds that came later, between the others."""
    episodes = []
    for kind, share in LATER.items():
        dice = Dice(seed, kind)
        if len(cast.brokers) >= KINDS[kind][0] and dice.chance(share):
            for _ in range(dice.number(1, 4)):
                begin_us = dice.number(0, safety_us - 1)
                end_us = min(begin_us + dice.number(20_000, 1_500_000), safety_us)
                episodes.append(draw_episode(kind, dice, cast, begin_us, end_us))
    return episodes
