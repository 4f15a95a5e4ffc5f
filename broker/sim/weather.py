"""What the network does to everybody, on command: loss, delay, cuts and their shapes.

A cut tells nobody that it is there. What each side makes of the silence is up to the cluster:
whether the majority goes on without the minority, and whether the minority knows that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from broker.sim import faults
from broker.sim.hosts import BrokerHost
from broker.sim.links import Way
from broker.sim.world import SimulationError, microseconds

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

Side = list[str]
"""Hosts on one side of a cut, by name."""


# -- cuts ----------------------------------------------------------------------------------------


def cut(sim: Simulation, sides: Sequence[Side], one_way: bool) -> None:
    """Let nothing through between hosts of different sides; one way: from the first side on."""
    _check_known(sim, [name for side in sides for name in side])
    if len(sides) < 2:
        raise SimulationError("a cut has two sides: sim.cut({1}, {2, 3})")
    ways = list(between(sides, one_way=one_way))
    if not ways or any(way[0] == way[1] for way in ways):
        raise SimulationError("a host is on one side of a cut or on another, not on both")
    if one_way:
        said = f"{_listed(sides[0])} cannot be heard by {_listed(sides[1])}"
    else:
        said = f"the network is cut between {' and '.join(_listed(side) for side in sides)}"
    sim.cause("fault", "network", said)
    sim.network.links.cut(ways)


def between(sides: Sequence[Side], *, one_way: bool = False) -> Iterable[Way]:
    """All ways from one side to another."""
    for number, side in enumerate(sides):
        for other in sides[number + 1 :]:
            yield from ((a, b) for a in side for b in other)
            if not one_way:
                yield from ((b, a) for a in side for b in other)


def isolate(sim: Simulation, who: str) -> None:
    """Cut one broker off from all the others. Clients still reach it."""
    _check_known(sim, [who])
    others = [name for name in _brokers(sim) if name != who]
    sim.cause("fault", "network", f"{_listed([who])} is cut off from the other brokers")
    sim.network.links.cut(between([[who], others]))


def bridge(sim: Simulation, over: str) -> None:
    """Cut the brokers into two halves that both reach one broker, and not each other."""
    _check_known(sim, [over])
    others = [name for name in _brokers(sim) if name != over]
    if len(others) < 2:
        raise SimulationError("a bridge has somebody at either end: that takes three brokers")
    half = len(others) // 2
    halves = [others[:half], others[half:]]
    ends = " and ".join(_listed(side) for side in halves)
    sim.cause("fault", "network", f"{ends} only meet in {_listed([over])}")
    sim.network.links.cut(between(halves))


def ring(sim: Simulation) -> None:
    """Let each broker hear itself and those next to it: a majority, and everywhere another one."""
    names = _brokers(sim)
    if len(names) < 3:
        raise SimulationError("a ring takes three brokers")
    reach = len(names) // 2
    ways = [
        (speaker, listener)
        for at, listener in enumerate(names)
        for distance in range(reach + 1, len(names))
        for speaker in (names[(at + distance) % len(names)],)
    ]
    sim.cause("fault", "network", "each broker hears another majority of the brokers")
    sim.network.links.cut(ways)


def heal(sim: Simulation, sides: Sequence[Side] | None) -> None:
    """Take cuts away: all, or those between some hosts."""
    if sides is None:
        sim.cause("command", "network", "the network is whole again")
        sim.network.links.heal()
        return
    _check_known(sim, [name for side in sides for name in side])
    said = " and ".join(_listed(side) for side in sides)
    sim.cause("command", "network", f"{said} are connected again")
    sim.network.links.heal(list(between(sides)))


# -- loss and delay ------------------------------------------------------------------------------


def lose(sim: Simulation, share: float, sides: Sequence[Side] | None = None) -> None:
    """From now on a share of all messages is lost."""
    _check_share(share)
    where = _where(sim, sides)
    sim.cause("fault", "network", f"the network loses {share:.0%} of all messages{where}")
    if sides is None:
        sim.network.loss = share
        sim.network.links.losses.clear()
    else:
        sim.network.links.losses.update(dict.fromkeys(between(sides), share))


def delay(
    sim: Simulation, least: str | int, most: str | int, sides: Sequence[Side] | None = None
) -> None:
    """From now on messages take between `least` and `most`."""
    low, high = microseconds(least), microseconds(most)
    if low > high:
        raise SimulationError(f"a delay of at least {least} cannot be at most {most}")
    said = f"{least}" if low == high else f"{least} to {most}"
    where = _where(sim, sides)
    sim.cause("fault", "network", f"a message takes {said}{where}")
    if sides is None:
        sim.network.delay_us = (low, high)
        sim.network.links.delays.clear()
    else:
        sim.network.links.delays.update(dict.fromkeys(between(sides), (low, high)))


def repeat(sim: Simulation, share: float, late: str | int) -> None:
    """From now on a share of all requests gets stuck on a connection that its sender gives up.

    The sender asks again on another connection; up to `late` afterwards the first copy arrives,
    too. With TCP this is how a message comes twice, or after one that was sent later.
    """
    _check_share(share)
    said = f"{share:.0%} of all requests arrive up to {late} late, from a connection given up"
    sim.cause("fault", "network", said)
    sim.network.late = share
    sim.network.late_us = microseconds(late)


def _where(sim: Simulation, sides: Sequence[Side] | None) -> str:
    if sides is None:
        return ""
    _check_known(sim, [name for side in sides for name in side])
    return f" between {' and '.join(_listed(side) for side in sides)}"


def _check_share(share: float) -> None:
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise SimulationError(f"a share lies between 0 and 1: {share!r}")


# -- leaders that come and go --------------------------------------------------------------------


def flap(sim: Simulation, topic: str, partition: int, times: int, every: str | int) -> None:
    """Cut off whoever leads a partition, heal, and cut off the next one, again and again."""
    if sim.leader_of(topic, partition) is None:
        raise SimulationError(f"nobody leads {topic}-{partition}")
    sim.cause("fault", "network", f"the leaders of {topic}-{partition} begin to come and go")
    Flapping(sim, topic, partition, 2 * times, microseconds(every)).begin()


class _Restless:
    """Something that is done to the leaders of a partition in turns."""

    __slots__ = ("away", "every_us", "partition", "sim", "topic")

    def __init__(self, sim: Simulation, topic: str, partition: int, every_us: int) -> None:
        self.sim = sim
        self.topic = topic
        self.partition = partition
        self.every_us = every_us
        self.away: list[Way] = []

    def begin(self) -> None:
        """Plan the first turn."""
        self.sim.network.links.restless[self] = None
        self.sim.world.plan(self.sim.now, self)

    def still(self) -> bool:
        """It goes on until its turns are over, or everything is healed."""
        return self in self.sim.network.links.restless

    def happen(self) -> None:
        """The next turn."""
        raise NotImplementedError


class Flapping(_Restless):
    """Leaders come and go: each is cut off, and healed in the turn after."""

    __slots__ = ("left",)

    def __init__(
        self, sim: Simulation, topic: str, partition: int, turns: int, every_us: int
    ) -> None:
        super().__init__(sim, topic, partition, every_us)
        self.left = turns

    def happen(self) -> None:
        """Heal what was cut in the last turn, or cut off the one who leads now."""
        sim, links = self.sim, self.sim.network.links
        self.left -= 1
        if self.away:
            sim.cause("fault", "network", "the one that was cut off is back")
            links.heal(self.away)
            self.away = []
        elif self.left and (leader := sim.leader_of(self.topic, self.partition)) is not None:
            others = [name for name in _brokers(sim) if name != str(leader)]
            self.away = [way for way in between([[str(leader)], others]) if way not in links.cuts]
            where = f"{self.topic}-{self.partition}"
            sim.cause("fault", "network", f"broker {leader}, which leads {where}, is cut off")
            links.cut(self.away)
        else:
            sim.cause("fault", "network", f"nobody leads {self.topic}-{self.partition}")
        if self.left > 0:
            sim.world.plan(sim.now + self.every_us, self)
        else:
            links.restless.pop(self, None)


def double_failover(sim: Simulation, topic: str, partition: int, every: str | int) -> None:
    """Let one leader follow another sooner than their logs can follow: see `DoubleFailover`."""
    if sim.leader_of(topic, partition) is None:
        raise SimulationError(f"nobody leads {topic}-{partition}")
    if any(isinstance(other, DoubleFailover) for other in sim.network.links.restless):
        raise SimulationError("another double failover is under way")
    sim.cause("fault", "network", f"two leaders of {topic}-{partition} are about to go")
    DoubleFailover(sim, topic, partition, microseconds(every)).begin()


class DoubleFailover(_Restless):
    """Two leaders die, one after the other, and no two replicas have heard the same.

    First the successor does not hear the leader any more, and the others do; then the leader dies,
    and the others do not hear the successor; then that one dies, too. Three logs have parted by
    then, and whoever leads has to bring them together (KIP-279).
    """

    __slots__ = ("dead", "turn")

    def __init__(self, sim: Simulation, topic: str, partition: int, every_us: int) -> None:
        super().__init__(sim, topic, partition, every_us)
        self.turn = 0
        self.dead: list[int] = []

    def happen(self) -> None:
        """The next turn."""
        sim, leader = self.sim, self.sim.leader_of(self.topic, self.partition)
        self.turn += 1
        if self.turn > 3 or leader is None or not sim.broker(leader).alive:
            self._end()
            return
        others = self._others(leader)
        if self.turn == 1:
            where = f"{self.topic}-{self.partition}"
            said = f"{_listed(others[:1])} does not hear broker {leader}, which leads {where}"
            sim.cause("fault", "network", said)
            self._cut(str(leader), others[:1])
        else:
            faults.crash(sim, leader)
            self.dead.append(leader)
            if self.turn == 2 and others:
                self._cut(others[0], others[1:])
        sim.world.plan(sim.now + self.every_us, self)

    def _end(self) -> None:
        """Who is left has to bring it in order."""
        self.sim.network.links.restless.pop(self, None)
        for broker in self.dead:
            if not self.sim.broker(broker).alive:
                faults.restart(self.sim, broker)
        self.sim.cause("fault", "network", "two leaders have gone, and are back")
        self.sim.network.links.heal(self.away)

    def _others(self, leader: int) -> list[str]:
        """The other replicas, the one that would lead next before all others."""
        parts = [node.image.partition(self.topic, self.partition) for node in self.sim.nodes()]
        replicas = next((part.replicas for part in parts if part is not None), ())
        return [str(replica) for replica in replicas if replica != leader]

    def _cut(self, one: str, others: Side) -> None:
        """Cut the ways between one and others that nobody has cut; they are healed at the end."""
        cuts = self.sim.network.links.cuts
        ways = [way for way in between([[one], others]) if way not in cuts]
        self.away += ways
        self.sim.network.links.cut(ways)


# -- who -----------------------------------------------------------------------------------------


def _brokers(sim: Simulation) -> list[str]:
    return [name for name, host in sim.network.hosts.items() if isinstance(host, BrokerHost)]


def _check_known(sim: Simulation, names: Iterable[str]) -> None:
    for name in names:
        if name not in sim.network.hosts:
            known = ", ".join(sim.network.hosts)
            raise SimulationError(f"there is nobody called {name} here, only {known}")


def _listed(names: Sequence[str]) -> str:
    """Hosts in words: "broker 1", "brokers 2 and 3", "shop"."""
    brokers = [name for name in names if name.isdigit()]
    words = [name for name in names if not name.isdigit()]
    if len(brokers) == 1:
        words.insert(0, f"broker {brokers[0]}")
    elif brokers:
        words.insert(0, f"brokers {', '.join(brokers[:-1])} and {brokers[-1]}")
    return " and ".join(words) or "nobody"


COMMANDS: dict[str, Callable[..., Any]] = {
    "cut": cut,
    "isolate": isolate,
    "bridge": bridge,
    "ring": ring,
    "heal": heal,
    "lose": lose,
    "delay": delay,
    "repeat": repeat,
    "flap": flap,
    "double_failover": double_failover,
}
