"""Hosts: what a state machine lives on in the simulated world.

A broker and a client are the same kind of thing here. Something happens to the machine (a message
arrives, its deadline comes), it answers with effects, and the host carries them out: messages go to
the network, a sync to the disk. This is what the asyncio server does in the real world, without
the sockets.

A host outlives its machine. A crash takes the machine away, with all that it had in memory; the
disk, the clock's skew and the name stay, and a restart puts a new machine on the same disk.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Protocol

from broker.events import (
    TO_CONTROLLERS,
    Close,
    DeadlineCame,
    Effect,
    Event,
    HangUp,
    Now,
    Respond,
    Send,
    Sync,
    Synced,
)
from broker.sim.clocks import Clock
from broker.sim.disk import SimulatedDisk, SyncMark
from broker.sim.world import Happening, SimulationError
from broker.wire.errors import InvariantError, StorageError

if TYPE_CHECKING:
    from broker.node import Node
    from broker.sim.network import Network
    from broker.sim.packets import Connection


SYNC_US = (500, 3_000)
"""The least and the most that a sync takes."""


_DEADLINE_CAME = DeadlineCame()


class Machine(Protocol):
    """A state machine with the joint of `broker.events`: a node, or a client."""

    def start(self, now: Now) -> list[Effect]:
        """Begin."""

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """Something happened; what follows?"""

    def deadline(self) -> int | None:
        """When to call `DeadlineCame`, on the monotonic clock."""


class SimulatedEntropy:
    """Entropy from the seed."""

    def __init__(self, dice: Random) -> None:
        self.random = dice.random

    def uuid(self) -> bytes:
        """Sixteen bytes, drawn one by one so that nothing depends on the width of a float."""
        return bytes(int(self.random() * 256) for _ in range(16))


class Host:
    """A place for one machine, with a name, a clock and connections."""

    kind = "client"

    def __init__(self, name: str, network: Network) -> None:
        self.name = name
        self.network = network
        self.world = network.world
        self.machine: Machine | None = None
        self.status = "stopped"
        self.ended = ""
        """How its last machine ended."""
        self.clock = Clock()
        self.connections: dict[tuple[int, str], Connection] = {}
        """Connections that this host has opened, by peer and lane."""
        self.held: list[Happening] | None = None
        """While the host is paused: what has come for it meanwhile, in order."""
        self.alarm: Alarm | None = None

    # -- life -----------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether a machine runs here, paused or not."""
        return self.machine is not None

    @property
    def client_id(self) -> str:
        """What it calls itself in its requests."""
        return self.name

    def listens_on(self, lane: str) -> bool:
        """Whether a connection on this lane would be accepted."""
        return False

    def boot(self, machine: Machine) -> None:
        """Put a machine on the host and start it."""
        self.machine = machine
        self.status = "up"
        self.follow(machine.start(self.now()))

    def halt(self, status: str) -> None:
        """Take the machine away, without a word to it."""
        self.machine = None
        self.alarm = None
        self.held = None
        self.status = self.ended = status

    def now(self) -> Now:
        """The moment, as this host's clocks show it."""
        return self.clock.now(self.world.now_us)

    # -- events in, effects out -----------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Tell the machine what happened, and carry out what follows."""
        machine = self.machine
        if machine is None:
            raise InvariantError(f"{self.name} is down and cannot handle {event}")
        try:
            self.follow(machine.handle(event, self.clock.now(self.world.now_us)))
        except StorageError as error:
            self.files_fail(error)

    def files_fail(self, error: StorageError) -> None:
        """Only a broker has files."""
        raise error

    def follow(self, effects: list[Effect]) -> None:
        """Carry out what a machine asked for, and see what it waits for next."""
        self.network.stirred.append(self)
        if effects:
            self.carry_out(effects)
        self.after()
        self.set_alarm()

    def carry_out(self, effects: list[Effect]) -> None:
        """Do what a machine asks for."""
        for effect in effects:
            if isinstance(effect, Send):
                self.network.send(self, effect)
            elif isinstance(effect, Respond):
                self.network.respond(effect)
            elif isinstance(effect, Sync):
                self.sync(effect)
            elif isinstance(effect, Close):
                self.network.close(self, effect)
            elif isinstance(effect, HangUp):
                self.network.hang_up(self, effect)

    def sync(self, effect: Sync) -> None:
        """Only a broker has a disk."""
        raise SimulationError(f"{self.name} has no disk to sync {effect.paths} on")

    def after(self) -> None:
        """What a host does each time its machine has been at work."""

    # -- the deadline ---------------------------------------------------------------------------

    def due_us(self) -> int | None:
        """When the machine's deadline will have come, in true time."""
        deadline_us = None if self.machine is None else self.machine.deadline()
        return None if deadline_us is None else self.clock.when(deadline_us)

    def set_alarm(self) -> None:
        """Plan for the machine's deadline, if it is earlier than what is planned already."""
        machine = self.machine
        deadline_us = None if machine is None else machine.deadline()
        if deadline_us is None:
            return
        time_us = self.clock.when(deadline_us)
        now_us, alarm = self.world.now_us, self.alarm
        if time_us < now_us:
            time_us = now_us
        if alarm is None or time_us < alarm.time_us:
            self.alarm = Alarm(self, time_us)
            self.world.plan(time_us, self.alarm)

    # -- pausing --------------------------------------------------------------------------------

    def hold(self, happening: Happening) -> bool:
        """Keep something back if the host is paused; True when it was kept."""
        if self.held is None:
            return False
        self.held.append(happening)
        return True

    def resume(self) -> None:
        """Go on after a pause: what has come meanwhile comes now, in its order."""
        self.status = "up"
        held, self.held = self.held or [], None
        for happening in held:
            now_us = self.world.now_us
            self.world.plan(
                happening.time_us if isinstance(happening, Alarm) else now_us, happening
            )


class Alarm:
    """The deadline of a machine, on the plan. A later deadline moves it when its time has come."""

    __slots__ = ("host", "time_us")

    def __init__(self, host: Host, time_us: int) -> None:
        self.host = host
        self.time_us = time_us

    def still(self) -> bool:
        """Whether the machine still waits for this very moment."""
        host = self.host
        if host.alarm is not self or host.machine is None:
            return False
        due_us = host.due_us()
        if due_us is not None and due_us <= self.time_us:
            return not host.hold(self)
        host.alarm = None
        host.set_alarm()
        return False

    def happen(self) -> None:
        """Tell the machine that its deadline has come."""
        host = self.host
        host.alarm = None
        if host.network.recorder is not None:
            host.network.recorder.cause("deadline", host.name, "")
        host.handle(_DEADLINE_CAME)


class BrokerHost(Host):
    """A host with a disk, for a node."""

    kind = "broker"

    machine: Node | None

    def __init__(self, node_id: int, network: Network) -> None:
        super().__init__(str(node_id), network)
        self.node_id = node_id
        self.disk = SimulatedDisk()
        self.entropy = SimulatedEntropy(self.world.dice(f"broker {node_id}"))
        self.dice = self.world.dice(f"disk of {node_id}")
        self.sync_us = SYNC_US

    def boot(self, machine: Machine) -> None:
        """A broker is up when it is ready to serve, which takes a while."""
        try:
            super().boot(machine)
        except StorageError as error:
            self.files_fail(error)
        else:
            self.status = "starting"

    def files_fail(self, error: StorageError) -> None:
        """A broker whose own files fail it halts, as Kafka does."""
        if self.network.recorder is not None:
            self.network.recorder.cause("fault", self.name, f"broker {self.name} halts: {error}")
        self.network.drop_host(self)
        self.halt("crashed")
        self.network.stirred.append(self)

    def shutdown(self) -> None:
        """Ask the node to stop in order."""
        if self.machine is not None:
            try:
                self.follow(self.machine.shutdown(self.now()))
            except StorageError as error:
                self.files_fail(error)

    @property
    def client_id(self) -> str:
        """What it calls itself towards other brokers."""
        return f"broker-{self.name}"

    def listens_on(self, lane: str) -> bool:
        """Controllers are reached as soon as the process runs; the rest when it is ready."""
        return self.machine is not None and (lane in TO_CONTROLLERS or self.machine.ready)

    @property
    def quorum_epoch(self) -> int:
        """The epoch of the quorum that its node is in; -1 while there is none."""
        return -1 if self.machine is None else self.machine.quorum.epoch

    def notice_status(self) -> bool:
        """See how far the node has come; True if it has just come up."""
        node = self.machine
        if node is None:
            return False
        if node.stopped:
            self.network.drop_host(self)
            self.halt("crashed" if node.failure else "stopped")
        elif self.status == "starting" and node.ready:
            self.status = "up"
            return True
        return False

    def sync(self, effect: Sync) -> None:
        """Start to sync; the answer comes when the disk has done it."""
        low, high = self.sync_us
        done_us = self.world.now_us + low + int(self.dice.random() * (high - low))
        try:
            marks = self.disk.begin_sync(effect.paths)
        except StorageError:
            self.world.plan(done_us, SyncEnds(self, effect.token, None))
        else:
            self.world.plan(done_us, SyncEnds(self, effect.token, marks))


class SyncEnds:
    """A disk has done what it was asked to make durable, or has failed to."""

    __slots__ = ("host", "machine", "marks", "token")

    def __init__(self, host: BrokerHost, token: int, marks: list[SyncMark] | None) -> None:
        self.host = host
        self.machine = host.machine
        self.token = token
        self.marks = marks

    def still(self) -> bool:
        """A machine that is gone waits for nothing."""
        return self.host.machine is self.machine and not self.host.hold(self)

    def happen(self) -> None:
        """Make it durable and say so."""
        host = self.host
        failed = self.marks is None
        if self.marks is not None:
            host.disk.finish_sync(self.marks)
        if host.network.recorder is not None:
            text = "the disk fails to sync" if failed else "the disk has synced"
            host.network.recorder.cause("sync", host.name, text)
        host.handle(Synced(self.token, failed))
