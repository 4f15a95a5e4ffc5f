"""Several brokers on one machine: what each of them is told, so that together they are a cluster.

Every node is broker and controller, as small clusters of Kafka are run. They differ in four things,
the id, two ports and a folder, and agree on the rest: above all on who the voters are. Topics that
are made without a word about it have three replicas, two of which must have a record before it is
acknowledged (acks=all), so that any one broker may die and nothing is lost.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from broker.metadata.listeners import bracketed
from broker.wire.errors import ConfigError

MOST = 9
CONTROLLER_STEP = 10
"""So far above a broker's port is its controller's."""
LOOPBACK = "127.0.0.1"

_OWN = (
    "advertised.listeners",
    "broker.id",
    "controller.listener.names",
    "controller.quorum.voters",
    "listeners",
    "node.id",
    "process.roles",
)


class Ports(NamedTuple):
    """Where one node listens: for clients and brokers, and for the other controllers."""

    broker: int
    controller: int


def ports_from(first: int, brokers: int) -> list[Ports]:
    """P, P+1, P+2, and the controllers at P+10 and on."""
    if first + CONTROLLER_STEP + brokers > 65536:
        raise ConfigError(f"port {first}: {brokers} brokers need ports up to {first}+19")
    return [Ports(first + i, first + CONTROLLER_STEP + i) for i in range(brokers)]


def check_count(brokers: int) -> None:
    """Whether so many brokers can live together here."""
    if not isinstance(brokers, int) or not 1 <= brokers <= MOST:
        raise ConfigError(f"brokers={brokers!r}: expected 1 to {MOST}")


def sibling_settings(
    common: Mapping[str, str],
    ports: Sequence[Ports],
    data_dir: str,
    host: str = LOOPBACK,
) -> list[dict[str, str]]:
    """The settings of each node, by what all are told and what is its own."""
    for name in _OWN:
        if name in common:
            raise ConfigError(f"{name}={common[name]}: each of several brokers has its own")
    if os.path.exists(os.path.join(data_dir, "meta.properties")):
        raise ConfigError(f"{data_dir} holds the data of a single broker; choose another folder")
    count = len(ports)
    together = {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(
            f"{node_id}@{LOOPBACK}:{port.controller}" for node_id, port in enumerate(ports, 1)
        ),
        "default.replication.factor": str(min(3, count)),
        "min.insync.replicas": "2" if count > 2 else "1",
    }
    shared = {name: text for name, text in common.items() if name not in ("log.dir", "log.dirs")}
    return [
        {
            **together,
            **shared,
            "node.id": str(node_id),
            "log.dirs": os.path.join(data_dir, str(node_id)),
            "listeners": f"PLAINTEXT://{bracketed(host)}:{port.broker},"
            f"CONTROLLER://{LOOPBACK}:{port.controller}",
        }
        for node_id, port in enumerate(ports, 1)
    ]


class ReservedPorts:
    """Free ports that stay ours while nobody listens on them, until `close`.

    A node that is down must find its port again, because the others know it by that. A socket that
    is bound and does not listen keeps the system from giving the port away, refuses connections,
    and lets whoever says SO_REUSEADDR listen there.
    """

    def __init__(self, brokers: int) -> None:
        self._sockets: list[socket.socket] = []
        self.ports = [Ports(self._reserve(), self._reserve()) for _ in range(brokers)]

    def _reserve(self) -> int:
        reserved = socket.socket()
        self._sockets.append(reserved)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((LOOPBACK, 0))
        port: int = reserved.getsockname()[1]
        return port

    def close(self) -> None:
        """Give the ports back."""
        for reserved in self._sockets:
            reserved.close()
