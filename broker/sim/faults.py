"""What can go wrong, on command.

Each fault is what the machine room does: a process dies, power fails, a bit rots, a disk refuses, a
clock is wrong. What follows from it is up to the cluster. `weather` has those of the network.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from broker.log.checkpoints import RECOVERY_POINTS, read_clean_shutdown, read_offsets
from broker.sim.clients import ClientHost
from broker.sim.disk import ABOUT, ERRORS, OPERATIONS
from broker.sim.history import Place, named
from broker.sim.hosts import SYNC_US, BrokerHost, Host
from broker.sim.stored import StoredBatch, readable, stored_batches
from broker.sim.world import SimulationError, microseconds
from broker.wire.records import BATCH_OVERHEAD

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

BITS = 8
PPM = {"%": 10_000, "ppm": 1}
PPM_MAX = 500_000


# -- processes -----------------------------------------------------------------------------------


def crash(sim: Simulation, who: int | str) -> None:
    """A process dies. What it had written is in the page cache, which belongs to the kernel."""
    host = _up(sim, who)
    sim.cause("fault", host.name, f"{_called(host)} crashes")
    _take_down(sim, host)


def power_loss(sim: Simulation, broker: int) -> None:
    """The machine goes dark, whether or not a broker was running on it."""
    host = sim.broker(broker)
    sim.cause("fault", host.name, f"broker {broker} loses power")
    sim.power_is_lost(host)
    host.disk.power_loss(host.dice)
    if host.alive:
        _take_down(sim, host)
    sim.network.stirred.append(host)


def tear(sim: Simulation, broker: int, topic: str, partition: int) -> None:
    """The machine goes dark amid a write: only the beginning of a log's last batch is found."""
    host = sim.broker(broker)
    folder = named((topic, partition))
    last = next(iter(deque(stored_batches(host.disk, folder), 1)), None)
    if last is None or last.durable(host.disk):
        raise SimulationError(f"everything in {folder} of broker {broker} is on the platter")
    half = last.header.size // 2
    sim.cause("fault", host.name, f"broker {broker} loses power while it writes to {folder}")
    sim.power_is_lost(host)
    host.disk.tear(last.path, last.position, half, host.dice)
    if host.alive:
        _take_down(sim, host)
    sim.network.stirred.append(host)


def _take_down(sim: Simulation, host: Host) -> None:
    sim.network.drop_host(host)
    host.halt("crashed")
    if isinstance(host, BrokerHost):
        host.disk.crash()
    sim.network.stirred.append(host)


def restart(sim: Simulation, who: int | str) -> None:
    """A process that is down starts again."""
    host = _host(sim, who)
    if host.alive:
        raise SimulationError(f"{_called(host)} is up: only what is down can be restarted")
    sim.cause("command", host.name, f"{_called(host)} starts again")
    if isinstance(host, BrokerHost):
        sim.boot(host)
    elif isinstance(host, ClientHost):
        host.restart()


def stop(sim: Simulation, broker: int) -> None:
    """Ask a broker to shut down in order."""
    host = sim.broker(broker)
    _up(sim, broker)
    sim.cause("command", host.name, f"broker {broker} is asked to stop")
    host.shutdown()


def pause(sim: Simulation, who: int | str) -> None:
    """A process stands still. Its connections stay, and what is sent to it waits at its door."""
    host = _up(sim, who)
    if host.held is not None:
        raise SimulationError(f"{_called(host)} is paused already")
    sim.cause("fault", host.name, f"{_called(host)} is paused")
    host.held = []
    host.status = "paused"
    sim.network.stirred.append(host)


def resume(sim: Simulation, who: int | str) -> None:
    """A process that stood still goes on, and does not know how long it was away."""
    host = _host(sim, who)
    if host.held is None:
        raise SimulationError(f"{_called(host)} is not paused")
    sim.cause("command", host.name, f"{_called(host)} goes on")
    host.resume()
    sim.network.stirred.append(host)


# -- clocks --------------------------------------------------------------------------------------


def skew(sim: Simulation, who: int | str, by: str) -> None:
    """The wall clock of a host is set wrong. No timer hears of it."""
    host = _host(sim, who)
    sign, span = _signed(by, "+5s")
    sim.cause("fault", host.name, f"the clock of {_called(host)} is set {by} off")
    host.clock.skew_us = sign * microseconds(span)
    sim.network.stirred.append(host)


def drift(sim: Simulation, who: int | str, by: str) -> None:
    """From now on the clocks of a host run too fast or too slow, timers included."""
    host = _host(sim, who)
    sign, span = _signed(by, "+1%")
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(%|ppm)", span)
    if found is None:
        raise SimulationError(f"{by!r} is no drift: write '+1%' or '-200ppm'")
    ppm = sign * int(Fraction(found[1]) * PPM[found[2]])
    if abs(ppm) > PPM_MAX:
        raise SimulationError(f"a clock that drifts by {by} is no clock: at most 50%")
    sim.cause("fault", host.name, f"the clock of {_called(host)} drifts by {by}")
    host.clock.drift(sim.now, ppm)
    host.alarm = None
    host.set_alarm()


def _signed(by: str, such_as: str) -> tuple[int, str]:
    """ "+5s" is (1, "5s")."""
    if not isinstance(by, str) or by[:1] not in ("+", "-"):
        raise SimulationError(f"{by!r}: say which way, as in '{such_as}' or '-{such_as[1:]}'")
    return (-1 if by[0] == "-" else 1), by[1:]


# -- disks ---------------------------------------------------------------------------------------


def flip_bit(sim: Simulation, broker: int, topic: str, partition: int, offset: int) -> None:
    """One bit of the batch that holds `offset` changes on the disk, and nobody is told."""
    host = sim.broker(broker)
    place = (topic, partition)
    stored = _find_batch(host, named(place), offset)
    sim.cause("fault", host.name, f"a bit rots at offset {offset} of {named(place)}")
    _flip(sim, host, place, stored)


def rot(sim: Simulation, broker: int) -> None:
    """A process dies, and before it is back a bit rots where it will look: its log ends there.

    Only where that can be repaired: another in-sync replica runs, and has all that is cut off then.
    """
    host = sim.broker(broker)
    _up(sim, broker)
    choice = list(_repairable(sim, host))
    if not choice:
        raise SimulationError(f"nothing of what broker {broker} will look through can be repaired")
    place, stored = choice[int(host.dice.random() * len(choice))]
    where = f"offset {stored.header.base_offset} of {named(place)}"
    sim.cause("fault", host.name, f"broker {broker} crashes, and a bit rots at {where}")
    _take_down(sim, host)
    _flip(sim, host, place, stored)


def _repairable(sim: Simulation, host: BrokerHost) -> Iterator[tuple[Place, StoredBatch]]:
    """The batches from which on a broker's log may be cut when it is opened, and comes back."""
    with host.disk.looking():
        if read_clean_shutdown(host.disk) is not None:
            return  # it is not back from its last start yet, and would believe what it finds
        trusted = read_offsets(host.disk, RECOVERY_POINTS)
    image = max((node.image for node in sim.nodes()), key=lambda image: image.offset)
    for topic in image.topics.values():
        for part in topic.partitions:
            if host.node_id not in part.replicas:
                continue
            place = (topic.name, part.index)
            others = [sim.broker(other) for other in part.isr if other != host.node_id]
            # Who crashes as well is not trusted when it is back, whatever it has (KIP-966).
            logs = [{b.header for b in readable(o.disk, named(place))} for o in others if o.alive]
            for stored in reversed(list(readable(host.disk, named(place)))):
                logs = [log for log in logs if stored.header in log]
                if not logs or stored.header.base_offset < trusted.get(place, 0):
                    break
                yield place, stored


def _flip(sim: Simulation, host: BrokerHost, place: Place, stored: StoredBatch) -> None:
    # Behind the header: the checksum covers it, and the batch keeps its place in the file.
    room = stored.header.size - BATCH_OVERHEAD
    at = stored.position + BATCH_OVERHEAD + int(host.dice.random() * room)
    sim.bit_is_flipped(host, place, stored.header.base_offset)
    host.disk.flip_bit(stored.path, at, int(host.dice.random() * BITS))


def _find_batch(host: BrokerHost, folder: str, offset: int) -> StoredBatch:
    for stored in stored_batches(host.disk, folder):
        if stored.header.base_offset <= offset <= stored.header.last_offset:
            return stored
    raise SimulationError(f"broker {host.name} stores no record at offset {offset} of {folder}")


def fail_disk(sim: Simulation, broker: int, error: str, on: str, times: int | None) -> None:
    """From now on one kind of call to the disk fails."""
    host = sim.broker(broker)
    if error not in ERRORS:
        raise SimulationError(f"{error!r} is not one of {', '.join(ERRORS)}")
    if on not in OPERATIONS:
        raise SimulationError(f"{on!r} is not one of {', '.join(OPERATIONS)}")
    how = "each time" if times is None else f"the next {times} times"
    sim.cause("fault", host.name, f"the disk of broker {broker} fails to {on} ({error}), {how}")
    host.disk.fail(on, error, "", times)


def lying_disk(sim: Simulation, broker: int, about: str) -> None:
    """From now on a disk confirms what it has not done; the next loss of power shows it."""
    host = sim.broker(broker)
    if about not in ABOUT:
        raise SimulationError(f"{about!r} is not one of {', '.join(ABOUT)}")
    sim.cause("fault", host.name, f"the disk of broker {broker} lies: it syncs no {about}")
    host.disk.lies = about


def slow_disk(sim: Simulation, broker: int, least: str | int, most: str | int) -> None:
    """From now on a sync takes between `least` and `most`."""
    host = sim.broker(broker)
    low, high = microseconds(least), microseconds(most)
    if low > high:
        raise SimulationError(f"a sync of at least {least} cannot take at most {most}")
    sim.cause("fault", host.name, f"the disk of broker {broker} takes {least} to {most} to sync")
    host.sync_us = (low, high)


def repair_disk(sim: Simulation, broker: int) -> None:
    """The disk is well again. A log that the broker took offline stays so until a restart."""
    host = sim.broker(broker)
    sim.cause("command", host.name, f"the disk of broker {broker} is well again")
    host.disk.repair()
    host.sync_us = SYNC_US


# -- who -----------------------------------------------------------------------------------------


def _host(sim: Simulation, who: int | str) -> Host:
    host = sim.network.hosts.get(str(who))
    if host is None:
        known = ", ".join(sim.network.hosts)
        raise SimulationError(f"there is nobody called {who!r} here, only {known}")
    return host


def _up(sim: Simulation, who: int | str) -> Host:
    host = _host(sim, who)
    if not host.alive:
        raise SimulationError(f"{_called(host)} is down already")
    return host


def _called(host: Host) -> str:
    return f"broker {host.name}" if isinstance(host, BrokerHost) else host.name


COMMANDS: dict[str, Callable[..., Any]] = {
    "crash": crash,
    "power_loss": power_loss,
    "restart": restart,
    "stop": stop,
    "pause": pause,
    "resume": resume,
    "tear": tear,
    "skew": skew,
    "drift": drift,
    "flip_bit": flip_bit,
    "rot": rot,
    "fail_disk": fail_disk,
    "lying_disk": lying_disk,
    "slow_disk": slow_disk,
    "repair_disk": repair_disk,
}
