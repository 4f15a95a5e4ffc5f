"""Listening sockets: bound, or a line that says what is in the way."""

from __future__ import annotations

import errno
import os
import socket

from broker.metadata.configs import BrokerConfig
from broker.metadata.listeners import Endpoint
from broker.wire.errors import ConfigError


def bind(endpoint: Endpoint, backlog: int) -> socket.socket:
    """A listening socket, or a ConfigError that says what is in the way."""
    host = endpoint.host or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0")
    try:
        family = socket.AF_INET6 if ":" in host else _family(host)
        dual = family == socket.AF_INET6 and not endpoint.host
        listening = socket.create_server(
            (host, endpoint.port), family=family, backlog=backlog, dualstack_ipv6=dual
        )
    except OSError as error:
        raise ConfigError(f"cannot listen on {endpoint}: {_in_the_way(error)}") from None
    listening.setblocking(False)
    return listening


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]


def _in_the_way(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use (another broker? --port 0 takes any free one)"
    if isinstance(error, socket.gaierror):
        return "no such host"
    if error.errno == errno.EACCES:
        return "this port needs more rights; ports from 1024 up do not"
    return os.strerror(error.errno) if error.errno else str(error)


def advertise(config: BrokerConfig, port: int) -> BrokerConfig:
    """Tell clients the port that was really bound, where they were to be told "any"."""
    if config.advertised.port:
        return config
    told = config.advertised._replace(port=port)
    return config.replace({"advertised.listeners": f"{told.name}://{told}"})
