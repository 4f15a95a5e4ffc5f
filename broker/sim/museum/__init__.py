"""The bug museum: what was wrong with Kafka once, and what it teaches.

Each exhibit is one switch (`Bug`), one sentence of lesson, one story in tests/scenarios, and a
number: how many seeds it takes, in the median, until the checks ring.

    broker simulate --bug truncate-to-own-watermark

shows that they do; and each bug that they catch is a reason to believe them when they are silent.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from broker.sim import swarm
from broker.sim.museum.bug import Bug
from broker.sim.museum.replication import BUGS as REPLICATION
from broker.sim.swarm import Plan
from broker.sim.world import SimulationError

BUGS: dict[str, Bug] = {bug.name: bug for bug in REPLICATION}
"""All exhibits by their names."""


def planted(name: str | None) -> AbstractContextManager[None]:
    """The world with a bug in it, or without one."""
    if name is None:
        return nullcontext()
    if name not in BUGS:
        raise SimulationError(f"{name!r} is no known bug; these are: {', '.join(BUGS)}")
    return BUGS[name].planted()


def draw(seed: int, brokers: int | None, name: str | None) -> Plan:
    """The plan of a seed, of the faults among which a bug is at home."""
    if name is None:
        return swarm.draw(seed, brokers)
    bug = BUGS[name]
    return swarm.draw(seed, brokers or bug.brokers, bug.faults, bug.topics)


__all__ = ["BUGS", "Bug", "draw", "planted"]
