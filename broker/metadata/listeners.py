"""Listeners: the addresses a broker opens, and the ones it tells clients about.

A listener has a name, because a broker may have several, each for its own kind of peer, and a name
says which security protocol is spoken there. A broker opens one listener for clients and other
brokers; a node with peers opens another one (`controller.listener.names`), where nodes talk among
themselves: votes, metadata, heartbeats. Both speak PLAINTEXT.

Where the controllers are to be found is a setting too, the same on every node:

    controller.quorum.voters=1@127.0.0.1:9102,2@127.0.0.1:9103,3@127.0.0.1:9104
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from broker.wire.errors import ConfigError

_URI = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)", re.ASCII)
_VOTER = re.compile(r"(-?[0-9]{1,10})@\[?([0-9a-zA-Z\-%._:]+)\]?:([0-9]{1,5})", re.ASCII)
_SECURE = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")


class Endpoint(NamedTuple):
    """One listener: `host` is empty where every address is meant."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands before a port: an IPv6 address needs brackets."""
    return f"[{host}]" if ":" in host else host


class Voter(NamedTuple):
    """A controller that takes part in elections, and where it listens for other nodes."""

    voter_id: int
    host: str
    port: int


class Listeners(NamedTuple):
    """What one setting names: a listener for clients, one for controllers, or both."""

    clients: Endpoint | None
    controllers: Endpoint | None


def read_listeners(
    setting: str, entries: Iterable[str], protocols: str, controllers: Iterable[str]
) -> Listeners:
    """The listeners among `entries`: at most one of each kind."""
    of_controllers = {name.upper() for name in controllers}
    spoken = _protocol_map(protocols)
    clients: list[Endpoint] = []
    closed: list[Endpoint] = []
    for entry in entries:
        endpoint = _parse(setting, entry)
        private = endpoint.name in of_controllers
        protocol = spoken.get(endpoint.name, "PLAINTEXT" if private else endpoint.name)
        if protocol != "PLAINTEXT":
            reason = (
                f"this broker does not speak {protocol}"
                if protocol in _SECURE
                else f"listener.security.protocol.map does not say what {endpoint.name} speaks"
            )
            raise ConfigError(f"{setting}={entry}: {reason}; expected PLAINTEXT://host:port")
        (closed if private else clients).append(endpoint)
    for found, whose in ((clients, "clients"), (closed, "controllers")):
        if len(found) > 1:
            raise ConfigError(f"{setting}={','.join(entries)}: expected one listener for {whose}")
    return Listeners(clients[0] if clients else None, closed[0] if closed else None)


def read_voters(setting: str, entries: Iterable[str]) -> tuple[Voter, ...]:
    """The controllers of the quorum, in order of id."""
    voters: dict[int, Voter] = {}
    for entry in entries:
        match = _VOTER.fullmatch(entry.strip())
        if match is None or not 0 < int(match[3]) <= 65535 or int(match[1]) < 0:
            raise ConfigError(f"{setting}={entry}: expected ID@HOST:PORT, as 1@127.0.0.1:9102")
        voter = Voter(int(match[1]), match[2], int(match[3]))
        if voter.voter_id in voters:
            raise ConfigError(f"{setting}={','.join(entries)}: {voter.voter_id} is named twice")
        voters[voter.voter_id] = voter
    return tuple(voters[voter_id] for voter_id in sorted(voters))


def _parse(setting: str, entry: str) -> Endpoint:
    match = _URI.fullmatch(entry)
    if match is None or not 0 <= int(match[3][:6]) <= 65535:
        raise ConfigError(f"{setting}={entry}: expected NAME://host:port, the port up to 65535")
    return Endpoint(match[1].upper(), match[2], int(match[3]))


def _protocol_map(text: str) -> dict[str, str]:
    pairs = (entry.partition(":") for entry in text.split(",") if entry.strip())
    return {name.strip().upper(): protocol.strip().upper() for name, _, protocol in pairs}
