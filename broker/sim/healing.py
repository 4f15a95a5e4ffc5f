"""The healed phase: everything is put right, and then the cluster has to become well by itself.

Safety is that nothing wrong ever happens; a cluster that does nothing at all has it. So each run
ends with a phase in which nothing goes wrong any more, and within a bounded time

- every broker serves, unfenced, and has applied the same metadata;
- every partition has a leader, and all its replicas are in sync;
- every request is answered: no producer waits for a word, no administrator either;
- every reader has read to the end, and so has a last one that starts at the beginning;
- and so it stays: in calm seconds after that nobody is elected, fenced or lost from an ISR.

What is not well by then is a finding, in a sentence that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from broker.sim.clients import AdminHost, ClientHost, ConsumerHost, ProducerHost
from broker.sim.hosts import SYNC_US, BrokerHost
from broker.sim.world import SimulationError

if TYPE_CHECKING:
    from broker.metadata.image import ClusterImage
    from broker.node import Node
    from broker.sim.simulation import Simulation

FINAL = "final"
"""The reader who reads everything at the end."""
WELL_WITHIN_US = 60_000_000
LOOK_EVERY_US = 250_000
SETTLE_US = 3_000_000
"""An election that began while the network was cut may still be decided after that."""
CALM_US = 3_000_000
SECOND_US = 1_000_000


def heal(sim: Simulation) -> None:
    """Put everything right that can have gone wrong."""
    network = sim.network
    sim.heal()
    if network.loss or network.links.losses:
        sim.lose(0)
    if network.late:
        sim.repeat(0)
    sim.delay("1ms", "4ms")
    for name, host in list(network.hosts.items()):
        if host.held is not None:
            sim.resume(_who(name))
        if host.clock.skew_us:
            sim.skew(_who(name), "+0s")
        if host.clock.drifts:
            sim.drift(_who(name), "+0%")
    for node_id in sim.configs:
        _heal_broker(sim, sim.broker(node_id))
    for name, host in list(network.hosts.items()):
        if isinstance(host, ClientHost) and not host.alive:
            sim.restart(name)


def _heal_broker(sim: Simulation, host: BrokerHost) -> None:
    if host.disk.is_ill or host.sync_us != SYNC_US:
        sim.repair_disk(host.node_id)
    node = host.machine
    if node is not None and any(p.offline for p in node.replicas.partitions.values()):
        sim.crash(host.node_id)
    if not host.alive:
        sim.restart(host.node_id)


def _who(name: str) -> int | str:
    return int(name) if name.isdigit() else name


def become_well(sim: Simulation, within_us: int = 0) -> str:
    """Let time pass until all is well. Returns what is not, in words; empty if everything is."""
    last_us = sim.now + (within_us or WELL_WITHIN_US)
    while sim.now < last_us:
        for node_id in sim.configs:
            # A node that was about to halt when it was healed is started once more.
            if not sim.broker(node_id).alive:
                sim.restart(node_id)
        sim.run_for(LOOK_EVERY_US)
        if not what_is_wrong(sim):
            return ""
    return what_is_wrong(sim)


def read_everything(sim: Simulation) -> str:
    """Let one more reader read all topics from the beginning. Returns what it cannot read."""
    for name in list(sim.topics or {}):
        sim.consumer(FINAL).assign(name, offset="beginning")
    return become_well(sim)


def stay_well(sim: Simulation) -> str:
    """Let nothing happen for a while. Returns what is not well any more, or has moved by itself."""
    sim.run_for(SETTLE_US)
    epochs = [sim.broker(node_id).quorum_epoch for node_id in sim.configs]
    sim.run_for(CALM_US)
    wrong = become_well(sim, SECOND_US)  # a record may be on its way right now
    after = [sim.broker(node_id).quorum_epoch for node_id in sim.configs]
    if not wrong and after != epochs:
        wrong = f"the quorum elects again though all is calm: from epoch {epochs[0]} to {after[0]}"
    return wrong


# -- what is not well ----------------------------------------------------------------------------


def what_is_wrong(sim: Simulation) -> str:
    """What is not well, in words; empty if everything is."""
    return next(_complaints(sim), "")


def _complaints(sim: Simulation) -> Iterator[str]:
    nodes: list[tuple[BrokerHost, Node]] = []
    for node_id in sim.configs:
        host = sim.broker(node_id)
        if host.status != "up" or host.machine is None:
            yield f"broker {node_id} is {host.status}"
            return
        nodes.append((host, host.machine))
    images = [node.image for _, node in nodes]
    if len({image.offset for image in images}) > 1:
        applied = ", ".join(f"broker {host.name} {n.image.offset}" for host, n in nodes)
        yield f"the metadata differ: applied up to {applied}"
    yield from _image_complaints(images[0])
    for host, node in nodes:
        yield from _log_complaints(host, node)
    for client in sim.network.hosts.values():
        yield from _client_complaints(sim, client)


def _image_complaints(image: ClusterImage) -> Iterator[str]:
    for broker in image.brokers.values():
        if broker.fenced:
            yield f"broker {broker.broker_id} is fenced"
    for topic in image.topics.values():
        for part in topic.partitions:
            where = f"{topic.name}-{part.index}"
            if part.leader < 0:
                yield f"nobody leads {where}"
            elif len(part.isr) < len(part.replicas):
                isr = ", ".join(map(str, part.isr))
                yield f"in sync for {where} are {isr} of {len(part.replicas)} replicas"


def _log_complaints(host: BrokerHost, node: Node) -> Iterator[str]:
    """With everybody in sync, all that is in a log gets committed, and everywhere."""
    for partition in node.replicas.partitions.values():
        end = partition.log.log_end_offset
        if partition.high_watermark < end:
            yield (
                f"{partition.name} on broker {host.name} ends at {end}, and is committed up to "
                f"{partition.high_watermark}"
            )


def _client_complaints(sim: Simulation, host: object) -> Iterator[str]:
    if isinstance(host, ProducerHost) and not host.idle:
        yield f"{host.name} has not been told what became of all its records"
    elif isinstance(host, AdminHost) and not host.idle:
        open_calls = [call.name for call in host.operations if not call.done]
        yield f"the administrator waits for an answer to {open_calls[0]}"
    elif isinstance(host, ConsumerHost) and host.machine is not None:
        for topic, index in host.machine.assignment:
            at, end = host.machine.position(topic, index), _end(sim, topic, index)
            if end is not None and at != end:
                yield f"{host.name} is at {at} of {topic}-{index}, which ends at {end}"


def _end(sim: Simulation, topic: str, index: int) -> int | None:
    """The high watermark, as the leader has it; None if there is no such partition any more."""
    try:
        leader = sim.leader_of(topic, index)
    except SimulationError:
        return None
    node = None if leader is None else sim.broker(leader).machine
    partition = None if node is None else node.replicas.partitions.get((topic, index))
    return None if partition is None else partition.high_watermark
