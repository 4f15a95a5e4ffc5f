"""Listeners: the addresses a broker opens, and the ones it tells clients about.

A listener has a name, because a broker may have several, each for its own kind of peer, and a name
says which security protocol is spoken there. This broker opens one listener for clients and speaks
PLAINTEXT on it. Listeners of controllers are read and left closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from broker.wire.errors import ConfigError

_URI = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)", re.ASCII)
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


def client_listener(
    setting: str, entries: Iterable[str], protocols: str, controllers: Iterable[str]
) -> Endpoint | None:
    """The one listener for clients among `entries`, if there is one."""
    closed = {name.upper() for name in controllers}
    spoken = _protocol_map(protocols)
    found: list[Endpoint] = []
    for entry in entries:
        endpoint = _parse(setting, entry)
        if endpoint.name in closed:
            continue
        protocol = spoken.get(endpoint.name, endpoint.name)
        if protocol != "PLAINTEXT":
            reason = (
                f"this broker does not speak {protocol}"
                if protocol in _SECURE
                else f"listener.security.protocol.map does not say what {endpoint.name} speaks"
            )
            raise ConfigError(f"{setting}={entry}: {reason}; expected PLAINTEXT://host:port")
        found.append(endpoint)
    if len(found) > 1:
        raise ConfigError(f"{setting}={','.join(entries)}: expected one listener for clients")
    return found[0] if found else None


def _parse(setting: str, entry: str) -> Endpoint:
    match = _URI.fullmatch(entry)
    if match is None or not 0 <= int(match[3][:6]) <= 65535:
        raise ConfigError(f"{setting}={entry}: expected NAME://host:port, the port up to 65535")
    return Endpoint(match[1].upper(), match[2], int(match[3]))


def _protocol_map(text: str) -> dict[str, str]:
    pairs = (entry.partition(":") for entry in text.split(",") if entry.strip())
    return {name.strip().upper(): protocol.strip().upper() for name, _, protocol in pairs}
