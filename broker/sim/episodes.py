"""What can go wrong in a run that nobody has written: the kinds of faults, and how each is drawn.

An *episode* is one thing that goes wrong and is put right again: a broker crashes and is
restarted, the network is cut and healed. It is plain data, drawn from the seed before the run
begins, so that a run which fails can be told again with episodes left out, until only those are
left that matter.

Some episodes are about somebody who is not known beforehand: "the controller", "the leader of
orders-0". They are chosen when their time has come, and the end of an episode meets the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple, TypeVar

from broker.sim.world import dice

CHOSEN = "$"
"""In a command of an episode: whom the episode is about."""
CONTROLLER = "controller"
LEADER = "leader"
FOLLOWER = "follower"

Command = tuple[str, dict[str, Any]]
"""What is asked of the simulation, as plain data."""
T = TypeVar("T")


class Target(NamedTuple):
    """Whom an episode is about, if that depends on the moment."""

    role: str
    topic: str = ""
    partition: int = 0


class Episode(NamedTuple):
    """Something goes wrong, and is put right."""

    kind: str
    begin_us: int
    end_us: int
    target: Target | int | str | None
    begin: tuple[Command, ...]
    end: tuple[Command, ...] = ()


class Dice:
    """Chance for one purpose, in the forms in which it is needed."""

    def __init__(self, seed: int, purpose: str) -> None:
        stream: Random = dice(seed, purpose)
        self.random = stream.random

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.random() < share

    def number(self, least: int, most: int) -> int:
        """A whole number between the two, both included."""
        return least + int(self.random() * (most - least + 1))

    def pick(self, options: list[T] | tuple[T, ...]) -> T:
        """One of several."""
        return options[int(self.random() * len(options))]

    def shuffled(self, items: list[T]) -> list[T]:
        """The same in another order."""
        left, drawn = list(items), list[T]()
        while left:
            drawn.append(left.pop(int(self.random() * len(left))))
        return drawn


class Cast(NamedTuple):
    """Who and what there is in a run."""

    brokers: list[int]
    topics: dict[str, int]
    """Topics and their numbers of partitions."""
    producers: list[str]
    consumers: list[str]

    def place(self, draw: Dice) -> tuple[str, int]:
        """Any partition."""
        topic = draw.pick(list(self.topics))
        return topic, draw.number(0, self.topics[topic] - 1)

    def target(self, draw: Dice) -> Target | int:
        """Any broker; more often one that matters."""
        fate = draw.random()
        if fate < 0.3:
            return Target(CONTROLLER)
        if fate < 0.6:
            return Target(LEADER, *self.place(draw))
        return draw.pick(self.brokers)

    def client(self, draw: Dice) -> str:
        """Any client."""
        return draw.pick([*self.producers, *self.consumers])


Drawn = tuple[Target | int | str | None, tuple[Command, ...], tuple[Command, ...]]
"""Whom it is about, how it begins, how it ends."""


# -- processes -----------------------------------------------------------------------------------

_BACK: tuple[Command, ...] = (("restart", {"who": CHOSEN}),)
_HEAL: tuple[Command, ...] = (("heal", {"sides": None}),)


def _crash(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("crash", {"who": CHOSEN}),), _BACK


def _power_loss(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("power_loss", {"broker": CHOSEN}),), _BACK


def _torn_batch(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    tear = ("tear", {"broker": CHOSEN, "topic": topic, "partition": partition})
    return Target(draw.pick([LEADER, FOLLOWER]), topic, partition), (tear,), _BACK


def _blackout(draw: Dice, cast: Cast) -> Drawn:
    several = sorted(draw.shuffled(cast.brokers)[: draw.number(1, len(cast.brokers))])
    return (
        None,
        tuple(("crash", {"who": broker}) for broker in several),
        tuple(("restart", {"who": broker}) for broker in several),
    )


def _stop(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("stop", {"broker": CHOSEN}),), _BACK


def _pause(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("pause", {"who": CHOSEN}),), (("resume", {"who": CHOSEN}),)


def _zombie(draw: Dice, cast: Cast) -> Drawn:
    who = cast.client(draw)
    return who, (("pause", {"who": CHOSEN}),), (("resume", {"who": CHOSEN}),)


# -- the network ---------------------------------------------------------------------------------


def _isolation(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("isolate", {"who": CHOSEN}),), _HEAL


def _partition(draw: Dice, cast: Cast) -> Drawn:
    order = [str(broker) for broker in draw.shuffled(cast.brokers)]
    size = draw.number(1, max(1, len(order) - 1))
    sides = [sorted(order[:size]), sorted(order[size:])]
    return None, (("cut", {"sides": sides, "one_way": False}),), _HEAL


def _one_way(draw: Dice, cast: Cast) -> Drawn:
    first, second, *_ = (str(broker) for broker in draw.shuffled(cast.brokers))
    return None, (("cut", {"sides": [[first], [second]], "one_way": True}),), _HEAL


def _bridge(draw: Dice, cast: Cast) -> Drawn:
    return draw.pick(cast.brokers), (("bridge", {"over": CHOSEN}),), _HEAL


def _ring(draw: Dice, cast: Cast) -> Drawn:
    return None, (("ring", {}),), _HEAL


def _lonely_client(draw: Dice, cast: Cast) -> Drawn:
    who, broker = cast.client(draw), str(draw.pick(cast.brokers))
    cut = ("cut", {"sides": [[who], [broker]], "one_way": draw.chance(0.5)})
    return who, (cut,), (("heal", {"sides": [[who], [broker]]}),)


def _loss(draw: Dice, cast: Cast) -> Drawn:
    share = draw.pick((0.01, 0.05, 0.15))
    return None, (("lose", {"share": share}),), (("lose", {"share": 0.0}),)


def _slowness(draw: Dice, cast: Cast) -> Drawn:
    most = draw.pick(("20ms", "100ms", "400ms"))
    least = draw.pick(("1ms", "10ms"))
    calm = ("delay", {"least": "1ms", "most": "4ms"})
    return None, (("delay", {"least": least, "most": most}),), (calm,)


def _repetition(draw: Dice, cast: Cast) -> Drawn:
    often = {"share": draw.pick((0.02, 0.1)), "late": draw.pick(("200ms", "3s"))}
    return None, (("repeat", often),), (("repeat", {"share": 0.0, "late": "0us"}),)


def _flapping(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    turns = {"times": draw.number(1, 4), "every": draw.pick(("300ms", "1100ms"))}
    return None, (("flap", {"topic": topic, "partition": partition, **turns}),), _HEAL


def _double_failover(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    turns = {"every": draw.pick(("1300ms", "2s"))}
    return None, (("double_failover", {"topic": topic, "partition": partition, **turns}),), ()


# -- clocks and disks ----------------------------------------------------------------------------


def _skew(draw: Dice, cast: Cast) -> Drawn:
    by = draw.pick(("+5s", "-5s", "+1h", "-1h", "+300ms"))
    everybody: list[int | str] = [*cast.brokers, *cast.producers]
    who = draw.pick(everybody)
    return who, (("skew", {"who": CHOSEN, "by": by}),), (("skew", {"who": CHOSEN, "by": "+0s"}),)


def _drift(draw: Dice, cast: Cast) -> Drawn:
    by = draw.pick(("+2%", "-2%", "+25%", "-25%"))
    begin = ("drift", {"who": CHOSEN, "by": by})
    return draw.pick(cast.brokers), (begin,), (("drift", {"who": CHOSEN, "by": "+0%"}),)


_WELL: tuple[Command, ...] = (
    ("repair_disk", {"broker": CHOSEN}),
    ("crash", {"who": CHOSEN}),
    ("restart", {"who": CHOSEN}),
)
"""A log that a broker took offline stays so until its restart."""


def _disk_error(draw: Dice, cast: Cast) -> Drawn:
    how = {
        "error": draw.pick(("EIO", "ENOSPC")),
        "on": draw.pick(("append", "append", "sync", "read")),
        "times": draw.pick((1, None)),
    }
    return cast.target(draw), (("fail_disk", {"broker": CHOSEN, **how}),), _WELL


def _slow_disk(draw: Dice, cast: Cast) -> Drawn:
    slow = ("slow_disk", {"broker": CHOSEN, "least": "10ms", "most": draw.pick(("50ms", "600ms"))})
    return cast.target(draw), (slow,), (("repair_disk", {"broker": CHOSEN}),)


def _bit_rot(draw: Dice, cast: Cast) -> Drawn:
    return cast.target(draw), (("rot", {"broker": CHOSEN}),), _BACK


def _lying_disk(draw: Dice, cast: Cast) -> Drawn:
    # The lie shows when the power goes. About the metadata log no quorum survives it (Raft trusts
    # its disks), and of a partition one copy: so it is one broker, and about records only.
    lie = ("lying_disk", {"broker": CHOSEN, "about": "records"})
    dark = ("power_loss", {"broker": CHOSEN})
    return draw.pick(cast.brokers), (lie,), (dark, ("repair_disk", {"broker": CHOSEN}), *_BACK)


# -- what administrators do at the wrong moment ---------------------------------------------------


def _election(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    elect = ("elect_leader", {"topic": topic, "partition": partition, "unclean": False})
    return None, (elect,), ()


def _move(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    others = draw.shuffled(cast.brokers)[: draw.number(1, min(3, len(cast.brokers)))]
    move = ("reassign", {"topic": topic, "partition": partition, "replicas": others})
    return None, (move,), ()


def _churn(draw: Dice, cast: Cast) -> Drawn:
    name = f"passing-{draw.number(1, 2)}"
    create = ("create_topic", {"topic": name, "partitions": draw.number(1, 3), "configs": {}})
    return None, (create,), (("delete_topic", {"topic": name}),)


def _seek(draw: Dice, cast: Cast) -> Drawn:
    topic, partition = cast.place(draw)
    offset = "end" if draw.chance(0.4) else draw.number(0, 30)
    where = {"topic": topic, "partition": partition, "offset": offset}
    return None, (("seek", {"client": draw.pick(cast.consumers), **where}),), ()


Draw = Callable[[Dice, Cast], Drawn]

KINDS: dict[str, tuple[int, Draw]] = {
    "crash": (1, _crash),
    "power loss": (1, _power_loss),
    "torn batch": (1, _torn_batch),
    "blackout": (1, _blackout),
    "clean stop": (1, _stop),
    "pause": (1, _pause),
    "zombie client": (1, _zombie),
    "isolation": (2, _isolation),
    "partition": (2, _partition),
    "one-way cut": (2, _one_way),
    "bridge": (3, _bridge),
    "ring": (3, _ring),
    "lonely client": (1, _lonely_client),
    "loss": (1, _loss),
    "slowness": (1, _slowness),
    "repetition": (1, _repetition),
    "flapping": (2, _flapping),
    "clock step": (1, _skew),
    "clock drift": (1, _drift),
    "disk error": (1, _disk_error),
    "slow disk": (1, _slow_disk),
    "lying disk": (2, _lying_disk),
    "election": (2, _election),
    "move": (2, _move),
    "topic churn": (1, _churn),
    "seek": (1, _seek),
    "bit rot": (2, _bit_rot),
}
"""The kinds: how many brokers each takes at least, and how it is drawn."""

LATER: dict[str, float] = {
    "bit rot": 0.1,
}
"""Kinds that came to the swarm when its seeds were well known: each has dice of its own, and this
share of all seeds knows it. The plans of all others are what they were before."""

STAGED: dict[str, tuple[int, Draw]] = {
    "double failover": (5, _double_failover),
}
"""Kinds that chance puts together of others now and then, for runs that wait for just that."""


def draw_episode(kind: str, draw: Dice, cast: Cast, begin_us: int, end_us: int) -> Episode:
    """One episode of a kind."""
    _, drawn = (KINDS | STAGED)[kind]
    target, begin, end = drawn(draw, cast)
    return Episode(kind, begin_us, end_us, target, begin, end)
