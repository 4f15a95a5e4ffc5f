"""What a scenario can say, and what it is answered.

A scenario is a text: commands, a line `----`, and below it what came of them.

    bug NAME                        the bug of the museum that this is about
    cluster 3 [setting=value ...]   so many brokers
    topic 1,2,3 [setting=value ...] the topic "orders": its replicas, first the leader
    send a b c [acks=1] [together]  the shop sends records, one after the other, or in one batch
    acked a b                       ... and time goes on until they are acknowledged
    read [FROM] [500ms]             a reader reads from an offset on (0), and says what so far
    crash 1, restart 1, pause ...   what can go wrong, as in `broker.sim.mischief`; when the power
                                    is lost, it takes all that was not synced
    cut 1 2,3 [one_way]             nothing gets through between the two sides; `heal` ends it
    slow 1 2,3 200ms                between these two sides a message takes so long
    until 2 leads | 3 ends at 0 | 1 is up | isr 1,2 | eligible 1 | 2 leads in 4
    wait 500ms
    logs                            each broker's log: record(epoch), a bar at the high watermark
    healed                          all is put right, and has to become well
    judge                           what is wrong, if anything is

Times do not matter: a scenario waits for what it needs. What is told is told of orders-0.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from broker.sim import Simulation, SimulationError, healing
from broker.sim.checker import Place
from broker.sim.hosts import BrokerHost
from broker.sim.views import records_of
from broker.wire.errors import OffsetZeroError

PLACE: Place = ("orders", 0)
WITHIN = "20s"
STATES = ("up", "paused")


class Scene:
    """One scenario, as far as it has come."""

    def __init__(self) -> None:
        self.sim = Simulation.__new__(Simulation)
        self._told = ""
        self._readers = 0

    def answer(self, line: str) -> str:
        """Do what a line says; what came of it, in lines."""
        word, *rest = line.split()
        command: Callable[..., str | None] | None = getattr(self, f"do_{word}", None)
        try:
            said = command(*rest) if command is not None else self._mischief(word, *rest)
        except OffsetZeroError as error:
            return f"refused: {error}"
        if word in ("until", "wait", "acked"):
            return "\n".join(part for part in (said, self._news()) if part)
        return said or ""

    # -- the cluster ----------------------------------------------------------------------------

    def do_cluster(self, brokers: str, *settings: str) -> None:
        """Start so many brokers. The last one is to be the controller, if there are more than are
        needed for the story: the seed is the first with which it is."""
        calm = {"auto.leader.rebalance.enable": "false"} | _pairs(settings)
        for seed in range(100):
            self.sim = Simulation(int(brokers), seed, trace=False, codec=False, settings=calm)
            if int(brokers) <= 3 or self.sim.controller == int(brokers):
                return

    def do_topic(self, replicas: str, *settings: str) -> str:
        """Create the topic, with its replicas where the scenario wants them."""
        wanted = [int(replica) for replica in replicas.split(",")]
        configs = {name.replace(".", "_"): value for name, value in _pairs(settings).items()}
        self.sim.create_topic("orders", 1, replication_factor=len(wanted), **configs)
        self.sim.reassign("orders", 0, wanted)
        self.sim.run_until(lambda: self._isr() == sorted(wanted), within=WITHIN)
        if self.sim.leader_of("orders", 0) != wanted[0]:
            self.sim.elect_leader("orders", 0)
        self.sim.run_until(lambda: self._leads(wanted[0]), within=WITHIN)
        return self._news()

    def do_power_loss(self, broker: str) -> None:
        """The power takes all that it can."""
        host = self.sim.broker(int(broker))
        fair, host.dice = host.dice, _Unlucky()
        self.sim.power_loss(int(broker))
        host.dice = fair

    def _mischief(self, word: str, *rest: str) -> None:
        if word in ("cut", "heal"):
            sides = [[_who(name) for name in side.split(",")] for side in rest if side != "one_way"]
            if word == "heal":
                self.sim.heal(*sides)
            else:
                self.sim.cut(*sides, one_way="one_way" in rest)
            return
        getattr(self.sim, word)(*map(_who, rest))

    def do_slow(self, one: str, other: str, duration: str) -> None:
        """Messages between two sides take so long."""
        sides = [[_who(name) for name in side.split(",")] for side in (one, other)]
        self.sim.delay(duration, between=(sides[0], sides[1]))

    def do_healed(self) -> str:
        """Put everything right, and wait until all is well."""
        healing.heal(self.sim)
        wrong = healing.become_well(self.sim)
        return f"WRONG: not live: {wrong}" if wrong else "all is well"

    # -- clients --------------------------------------------------------------------------------

    def do_send(self, *words: str) -> None:
        """Records without a key, whose values are the words."""
        together, acks = "together" in words, 1 if "acks=1" in words else "all"
        name = "shop" + (" with acks=1" if acks == 1 else "") + (" in batches" if together else "")
        if name not in self.sim.network.hosts:
            linger_ms = 200 if together else 0
            self.sim.producer(name, acks=acks, linger_ms=linger_ms, request_timeout_ms=1000)
        producer = self.sim.producer(name)
        for word in words:
            if word not in ("together", "acks=1"):
                producer.send("orders", value=word, partition=0)
        if together:
            producer.flush()

    def do_acked(self, *values: str) -> str:
        """Until they are acknowledged; the very moment after."""
        self.sim.run_until(lambda: all(self._offset(value) for value in values), within=WITHIN)
        return ", ".join(f"{value} is at offset {self._offset(value)}" for value in values)

    def _offset(self, value: str) -> str:
        for sent in self.sim.history.sent:
            if sent.delivery.value == value.encode() and sent.delivery.offset >= 0:
                return str(sent.delivery.offset)
        return ""

    def do_read(self, offset: str = "0", duration: str = "1500ms") -> str:
        """A new reader reads; it goes on doing so, but what is told is what it had by then."""
        self._readers += 1
        reader = self.sim.consumer(f"reader {self._readers}", auto_offset_reset="earliest")
        at = offset if offset in ("end", "beginning") else int(offset)
        reader.assign("orders", 0, offset=at)
        self.sim.run_for(duration)
        return " ".join(f"{record.offset}:{record.value}" for record in reader.records) or "nothing"

    # -- time -----------------------------------------------------------------------------------

    def do_wait(self, duration: str) -> None:
        """Let time pass."""
        self.sim.run_for(duration)

    def do_until(self, *words: str) -> None:
        """Let time pass until something is so."""
        self.sim.run_until(self._condition(list(words)), within=WITHIN)

    def _condition(self, words: list[str]) -> Callable[[], bool]:
        match words:
            case ["isr", members]:
                return lambda: self._isr() == [int(one) for one in members.split(",")]
            case ["eligible", members]:
                return lambda: members in ",".join(map(str, self._image().elr))
            case [who, "leads"]:
                return lambda: self._leads(int(who))
            case [who, "leads", "in", epoch]:
                return lambda: self._leads(int(who)) and self._image().leader_epoch == int(epoch)
            case [who, "ends", "at", offset]:
                return lambda: self._end(int(who)) == int(offset)
            case [who, "is", status]:
                return lambda: self.sim.broker(int(who)).status == status
        raise SimulationError(f"nobody knows what is meant by {' '.join(words)!r}")

    # -- what is told ---------------------------------------------------------------------------

    def _image(self):  # type: ignore[no-untyped-def]
        """The partition, in the newest metadata that anybody has applied."""
        images = [host.machine.image for host in self._up()]
        return max(images, key=lambda image: image.offset).partition(*PLACE)

    def _isr(self) -> list[int]:
        return sorted(self._image().isr)

    def _up(self) -> list[BrokerHost]:
        hosts = [self.sim.broker(node_id) for node_id in self.sim.configs]
        return [host for host in hosts if host.machine is not None and host.status in STATES]

    def _replica(self, node_id: int):  # type: ignore[no-untyped-def]
        host = self.sim.broker(node_id)
        return None if host.machine is None else host.machine.replicas.partitions.get(PLACE)

    def _leads(self, node_id: int) -> bool:
        replica = self._replica(node_id)
        return replica is not None and replica.is_leader and self._image().leader == node_id

    def _end(self, node_id: int) -> int:
        replica = self._replica(node_id)
        return -1 if replica is None else replica.log.log_end_offset

    def _news(self) -> str:
        """Who leads and who is in sync, if that is new."""
        image = self._image()
        leader = f"broker {image.leader} leads" if image.leader >= 0 else "nobody leads"
        said = f"{leader} in epoch {image.leader_epoch}, in sync: {_listed(image.isr)}"
        if image.elr:
            said += f", eligible: {_listed(image.elr)}"
        before, self._told = self._told, said
        return said if said != before else ""

    def do_logs(self) -> str:
        """All logs of the partition."""
        return "\n".join(self._log(node_id) for node_id in sorted(self._image().replicas))

    def _log(self, node_id: int) -> str:
        replica = self._replica(node_id)
        if replica is None:
            return f"broker {node_id} is {self.sim.broker(node_id).status}"
        records = records_of(self.sim.broker(node_id), replica, 0)
        cells = [
            ("| " if record.offset == replica.high_watermark else "")
            + f"{(record.value or b'').decode()}({header.leader_epoch})"
            for header, record in records
        ]
        if replica.high_watermark >= replica.log.log_end_offset:
            cells.append("|")
        role = "leads  " if replica.is_leader else "follows"
        return f"broker {node_id} {role}  {' '.join(cells)}"

    def do_judge(self) -> str:
        """What is wrong, each kind once."""
        found = {}
        for finding in self.sim.check():
            found.setdefault((finding.kind, finding.allowed), finding)
        return (
            "\n".join(
                f"{'allowed' if allowed else 'WRONG'}: {kind}: {finding.text}"
                for (kind, allowed), finding in found.items()
            )
            or "all is well"
        )


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    return dict(setting.split("=", 1) for setting in settings)


class _Unlucky(Random):
    """Dice with which a power loss leaves nothing that was not synced."""

    def random(self) -> float:
        return 0.3


def _who(name: str) -> int | float | str:
    return int(name) if name.isdigit() else float(name) if name[0].isdigit() else name


def _listed(ids: tuple[int, ...]) -> str:
    return " ".join(map(str, sorted(ids))) or "nobody"
