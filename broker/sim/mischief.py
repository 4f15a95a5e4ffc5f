"""The faults of a run as a lesson speaks of them: one readable line each.

    sim.crash(1)                     sim.cut({1}, {2, 3})
    sim.power_loss(2)                sim.cut(1, 2, one_way=True)
    sim.pause("shop")                sim.isolate(sim.controller)
    sim.skew(2, "+5s")               sim.heal()

Each is a command of the run: recorded as plain data, done again by a fork. What it does is said in
`faults` (processes, disks, clocks) and `weather` (the network).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.sim.world import Duration

Who = int | str
"""A broker by its number, or a client by its name."""
Some = Who | Iterable[Who]
"""One of them, or several: {2, 3}."""


class Mischief:
    """What can be done to a simulation."""

    def command(self, name: str, **arguments: Any) -> Any:
        """Give a command: one step, recorded as plain data."""
        raise NotImplementedError

    # -- processes ------------------------------------------------------------------------------

    def crash(self, who: Who) -> None:
        """Kill a broker's process, or a client's: memory is gone, what was written is not."""
        self.command("crash", who=who)

    def restart(self, who: Who) -> None:
        """Start a broker or a client that is down."""
        self.command("restart", who=who)

    def stop(self, broker: int) -> None:
        """Shut a broker down cleanly; it is done when its status is "stopped"."""
        self.command("stop", broker=broker)

    def power_loss(self, broker: int) -> None:
        """Cut a broker's power: what was not flushed is lost, whole or in part."""
        self.command("power_loss", broker=broker)

    def tear(self, broker: int, topic: str, partition: int) -> None:
        """Cut a broker's power amid a write: of a log's last batch only a part is there."""
        self.command("tear", broker=broker, topic=topic, partition=partition)

    def pause(self, who: Who) -> None:
        """Stop a process without killing it, as a long garbage collection does."""
        self.command("pause", who=who)

    def resume(self, who: Who) -> None:
        """Let a paused process go on."""
        self.command("resume", who=who)

    # -- the network ----------------------------------------------------------------------------

    def cut(self, *sides: Some, one_way: bool = False) -> None:
        """Let nothing through between hosts on different sides, and tell nobody.

        With `one_way` the first side is not heard by the second, and hears it well.
        """
        self.command("cut", sides=[_names(side) for side in sides], one_way=one_way)

    def isolate(self, who: Who) -> None:
        """Cut one broker off from all other brokers; clients still reach it."""
        self.command("isolate", who=str(who))

    def bridge(self, over: int) -> None:
        """Cut the brokers into two halves, which both reach one broker and not each other."""
        self.command("bridge", over=str(over))

    def ring(self) -> None:
        """Let each broker hear a majority, and no two the same one."""
        self.command("ring")

    def heal(self, *sides: Some) -> None:
        """Take all cuts away, or those between these hosts."""
        self.command("heal", sides=[_names(side) for side in sides] or None)

    def lose(self, share: float, *, between: tuple[Some, Some] | None = None) -> None:
        """From now on lose this share of messages, each with its connection; 0 to stop."""
        self.command("lose", share=share, **_between(between))

    def delay(
        self,
        least: Duration,
        most: Duration | None = None,
        *,
        between: tuple[Some, Some] | None = None,
    ) -> None:
        """From now on a message takes so long, or any time between the two."""
        most = least if most is None else most
        self.command("delay", least=least, most=most, **_between(between))

    def repeat(self, share: float, late: Duration = "1s") -> None:
        """From now on this share of requests comes twice: again, and later the stuck first copy."""
        self.command("repeat", share=share, late=late)

    def flap(
        self, topic: str, partition: int, *, times: int = 3, every: Duration = "500ms"
    ) -> None:
        """Cut off whoever leads a partition, heal, and cut off the next one, so many times."""
        self.command("flap", topic=topic, partition=partition, times=times, every=every)

    def double_failover(self, topic: str, partition: int, *, every: Duration = "1500ms") -> None:
        """Kill the leader and then its successor, each before all replicas have heard it."""
        self.command("double_failover", topic=topic, partition=partition, every=every)

    # -- clocks ---------------------------------------------------------------------------------

    def skew(self, who: Who, by: str) -> None:
        """Set a wall clock wrong: "+5s" is five seconds ahead of the truth, "-1h" an hour late."""
        self.command("skew", who=who, by=by)

    def drift(self, who: Who, by: str) -> None:
        """Let a clock run too fast or too slow from now on: "+1%", "-200ppm"."""
        self.command("drift", who=who, by=by)

    # -- disks ----------------------------------------------------------------------------------

    def flip_bit(self, broker: int, topic: str, partition: int, offset: int) -> None:
        """Let one bit rot in the stored batch that holds this offset."""
        self.command("flip_bit", broker=broker, topic=topic, partition=partition, offset=offset)

    def rot(self, broker: int) -> None:
        """Kill a broker's process, and let a bit rot that it will find when it starts again.

        It does so where another in-sync replica runs, and has all that its log loses by that.
        """
        self.command("rot", broker=broker)

    def fail_disk(
        self, broker: int, error: str = "EIO", *, on: str = "append", times: int | None = None
    ) -> None:
        """From now on let a broker's disk fail with "EIO" or "ENOSPC" on "read", "append", "sync".

        It does so until `repair_disk`, or as many `times` as given.
        """
        self.command("fail_disk", broker=broker, error=error, on=on, times=times)

    def lying_disk(self, broker: int, about: str = "records") -> None:
        """From now on let a disk say "synced" when it has not, about "records" or "everything"."""
        self.command("lying_disk", broker=broker, about=about)

    def slow_disk(self, broker: int, least: Duration, most: Duration | None = None) -> None:
        """From now on a sync takes so long, or any time between the two."""
        most = least if most is None else most
        self.command("slow_disk", broker=broker, least=least, most=most)

    def repair_disk(self, broker: int) -> None:
        """Make a broker's disk well again."""
        self.command("repair_disk", broker=broker)


def _names(who: Some) -> list[str]:
    """Hosts as plain data, in an order that does not depend on a set's."""
    several = [who] if isinstance(who, int | str) else who
    return sorted((str(each) for each in several), key=lambda name: (len(name), name))


def _between(sides: tuple[Some, Some] | None) -> dict[str, Any]:
    return {} if sides is None else {"sides": [_names(side) for side in sides]}
