"""When is a run at rest? When nobody waits for anything but for news.

Readers always ask for more, so something is always on its way. A run is at rest when every record
that was sent has met its fate, every reader has read what there is, and no disk is at work.
"""

from __future__ import annotations

from broker.sim.clients import ClientHost, ConsumerHost
from broker.sim.hosts import BrokerHost, SyncEnds
from broker.sim.network import Network
from broker.sim.packets import Packet

FETCH = 1
"""The one request that may wait for what nobody has written yet."""


def what_is_left(network: Network) -> str:
    """What somebody is still waiting for, in words; empty if all is at rest."""
    for host in network.hosts.values():
        if isinstance(host, BrokerHost) and host.status == "starting":
            return f"broker {host.name} is starting"
        if isinstance(host, ClientHost) and (waits := _client_waits(network, host)):
            return waits
    for planned in network.world.planned():
        if isinstance(planned, SyncEnds) and planned.host.machine is planned.machine:
            return f"broker {planned.host.name} syncs its disk"
        if isinstance(planned, Packet) and planned.api_key != FETCH and not planned.dropped:
            return f"{planned.sender.name} has something on its way to {planned.receiver.name}"
    return ""


def _client_waits(network: Network, host: ClientHost) -> str:
    if not host.alive:
        return ""
    if not host.idle:
        return f"{host.name} has not finished"
    if isinstance(host, ConsumerHost) and host.machine is not None:
        for where in host.machine.assignment:
            at, end = host.machine.position(*where), _end(network, where)
            if at != end and where not in host.paused and where not in host.machine.errors:
                return f"{host.name} is at {at} of {where[0]}-{where[1]}, which ends at {end}"
    return ""


def _end(network: Network, where: tuple[str, int]) -> int | None:
    """The high watermark, which is where reading ends; None if nobody leads the partition."""
    for host in network.hosts.values():
        if isinstance(host, BrokerHost) and host.machine is not None:
            partition = host.machine.replicas.partitions.get(where)
            if partition is not None and partition.is_leader:
                return partition.high_watermark
    return None
