"""What the administrator asks for: topics, their settings, where they lie and who leads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from broker.client.admin import Admin, ConfigResource, NewTopic
from broker.client.cluster_view import TopicPartition
from broker.client.config import AdminConfig
from broker.client.outcomes import Operation
from broker.events import Effect, Entropy, Now
from broker.sim.clients import AdminHost
from broker.sim.world import SimulationError

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

ADMIN = "admin"
Give = Callable[[Admin, Now], tuple[Operation, list[Effect]]]
"""A call of the administrator."""


def create_topic(
    sim: Simulation,
    topic: str,
    partitions: int,
    configs: dict[str, str],
    replication_factor: int = -1,
    replicas: list[list[int]] | None = None,
) -> Operation:
    """Ask the cluster for a topic."""
    new = NewTopic(
        topic, num_partitions=partitions, replication_factor=replication_factor, configs=configs
    )
    if replicas is not None:
        placed = dict(enumerate(replicas))
        new = NewTopic(topic, configs=configs, replica_assignments=placed)
    return _administer(
        sim, f"create {topic}", lambda admin, now: admin.create_topics([new], now=now)
    )


def delete_topic(sim: Simulation, topic: str) -> Operation:
    """Ask the cluster to delete a topic."""
    return _administer(
        sim, f"delete {topic}", lambda admin, now: admin.delete_topics([topic], now=now)
    )


def configure_topic(sim: Simulation, topic: str, configs: dict[str, str | None]) -> Operation:
    """Ask the cluster to change settings of a topic."""
    changes = {ConfigResource("topic", topic): configs}
    said = ", ".join(f"{key}={value}" for key, value in configs.items())
    return _administer(
        sim,
        f"set {said} on {topic}",
        lambda admin, now: admin.incremental_alter_configs(changes, now=now),
    )


def add_partitions(sim: Simulation, topic: str, partitions: int) -> Operation:
    """Ask the cluster to give a topic more partitions."""
    return _administer(
        sim,
        f"give {topic} {partitions} partitions",
        lambda admin, now: admin.create_partitions({topic: partitions}, now=now),
    )


def elect_leader(sim: Simulation, topic: str, partition: int, unclean: bool) -> Operation:
    """Ask the cluster to let the preferred replica lead, or any that lives."""
    where = TopicPartition(topic, partition)
    return _administer(
        sim,
        f"let {'any replica' if unclean else 'the preferred replica'} lead {where}",
        lambda admin, now: admin.elect_leaders([where], unclean=unclean, now=now),
    )


def reassign(sim: Simulation, topic: str, partition: int, replicas: list[int] | None) -> Operation:
    """Ask the cluster to move a partition to other brokers; None calls that off."""
    where = TopicPartition(topic, partition)
    said = f"move {where} to {replicas}" if replicas else f"leave {where} where it is"
    return _administer(
        sim,
        said,
        lambda admin, now: admin.alter_partition_reassignments({where: replicas}, now=now),
    )


def _administer(sim: Simulation, what: str, give: Give) -> Operation:
    host = sim.network.hosts.get(ADMIN)
    if not isinstance(host, AdminHost):
        host = AdminHost(ADMIN, sim.network, sim.history, partial(_admin, sim))
        sim.network.hosts[ADMIN] = host
        host.restart()
    if host.machine is None:
        raise SimulationError(f"{ADMIN} is down: sim.restart({ADMIN!r})")
    sim.cause("command", ADMIN, f"{ADMIN} asks to {what}")
    operation, effects = give(host.machine, host.now())
    host.operations.append(operation)
    host.follow(effects)
    return operation


def _admin(sim: Simulation, entropy: Entropy) -> Admin:
    return Admin(sorted(sim.configs), entropy, AdminConfig(client_id=ADMIN))


COMMANDS: dict[str, Callable[..., Any]] = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "configure_topic": configure_topic,
    "add_partitions": add_partitions,
    "elect_leader": elect_leader,
    "reassign": reassign,
}
