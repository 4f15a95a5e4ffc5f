"""A broker that listens: one node, one listening socket, and the connections of its clients.

    server = Server(BrokerConfig.from_settings({...}))
    await server.start()        # the node has recovered, clients are answered
    ...
    await server.stop()         # the node has ended in order, everything is on the disk

The socket is bound before the data directory is touched, so that a second broker on the same port
harms nothing, and with port 0 the number is known before the node has to tell it to anyone.
Connections are accepted when the node is ready; who comes earlier waits in the socket's queue.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic

from broker.api.table import read_request
from broker.events import Entropy, RequestArrived
from broker.log.disk import Disk, FileDisk
from broker.metadata.configs import BrokerConfig
from broker.metadata.listeners import Endpoint
from broker.server.budget import Budget
from broker.server.connection import Connection
from broker.server.framing import SCRATCH_BYTES
from broker.server.host import Host, Hosted
from broker.server.system import SystemEntropy
from broker.wire.errors import ConfigError, StorageError

log = logging.getLogger("broker.server")

NodeFactory = Callable[[BrokerConfig, Disk, Entropy], Hosted]
ReadRequest = Callable[[bytearray, int], RequestArrived]

DEFAULT_BUDGET_BYTES = 512 * 1024 * 1024
"""The memory for all connections where queued.max.request.bytes sets no limit."""
_OPEN_FILES = 1000
_STOP_TIMEOUT_S = 30.0
_LAST_WORDS_S = 1.0
_LINES_PER_SECOND = 10


class Server:
    """One broker behind one listener."""

    def __init__(
        self,
        config: BrokerConfig,
        *,
        node: NodeFactory | None = None,
        disk: Disk | None = None,
        read_request: ReadRequest = read_request,
    ) -> None:
        self.config = config
        self.scratch = bytearray(SCRATCH_BYTES)
        self.read_request = read_request
        self.port = config.listener.port
        self.host: Host
        self.loop: asyncio.AbstractEventLoop
        self.budget: Budget
        self._make_node = node or real_node
        self._disk = disk
        self._own_disk: FileDisk | None = None
        self._acceptor: asyncio.Server | None = None
        self._stopping = False
        self._connections: dict[int, Connection] = {}
        self._of_host: Counter[str] = Counter()
        self._numbered = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._quiet = RateLimit(_LINES_PER_SECOND)

    # -- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind, recover, serve. Raises ConfigError or StorageError, in one line for a person."""
        self.loop = asyncio.get_running_loop()
        limit = self.config.queued_max_request_bytes
        self.budget = Budget(
            limit if limit >= 0 else DEFAULT_BUDGET_BYTES, self._connections.values, self.loop
        )
        with ExitStack() as undo:
            listening = bind(self.config.listener, self.config.socket_listen_backlog_size)
            undo.callback(listening.close)
            self.port = listening.getsockname()[1]
            self.config = advertise(self.config, self.port)
            disk = self._disk or self._open_disk()
            undo.callback(self._close_disk)
            node = self._make_node(self.config, disk, SystemEntropy())
            self.host = Host(node, disk, self.loop)
            undo.callback(self.host.close)
            self.host.begin()
            await self.host.until(lambda: node.ready or node.stopped)
            if node.stopped:
                raise StorageError(node.failure)
            self._acceptor = await self.loop.create_server(
                self._connect, sock=listening, backlog=self.config.socket_listen_backlog_size
            )
            undo.pop_all()
        self._watch_idle()

    def _open_disk(self) -> Disk:
        # Connections need descriptors, too, and their number cannot be known.
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = max(64, min(_OPEN_FILES, allowed // 2))
        self._own_disk = FileDisk(self.config.log_dir, max_open_files=most)
        return self._own_disk

    def _close_disk(self) -> None:
        if self._own_disk is not None:
            self._own_disk.close()
            self._own_disk = None

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. StorageError if the node cannot go on, or not end in order."""
        node = self.host.node
        gone = asyncio.ensure_future(self.host.until(lambda: node.stopped))
        asked = asyncio.ensure_future(stop.wait())
        await asyncio.wait({gone, asked}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        asked.cancel()
        await self.stop()
        if node.failure:
            raise StorageError(node.failure)

    async def stop(self) -> None:
        """No new connections, no new requests; the node ends in order; then all is closed."""
        if self._acceptor is None:
            return
        self._stopping = True
        await self._stop_accepting(self._acceptor)
        self._acceptor = None
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.budget.close()
        for connection in self._connections.values():
            connection.ignore_requests()
        try:
            self.host.shut_down()
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self.host.until(lambda: self.host.node.stopped)
        except TimeoutError:
            log.error("the disk took too long: the next start will look after the logs")
        finally:
            self.host.close()
            await self._close_connections()
            self._close_disk()

    async def _stop_accepting(self, acceptor: asyncio.Server) -> None:
        """Take no more connections. Who is on the way through asyncio's accept comes out of it
        within a few turns, and must not find the listener closed (asyncio would drop its socket).
        """
        for listening in acceptor.sockets:
            self.loop.remove_reader(listening.fileno())
        for _ in range(4):
            await asyncio.sleep(0)
        acceptor.close()

    async def _close_connections(self) -> None:
        """Let the last answers out, for as long as the clients take them."""
        for connection in list(self._connections.values()):
            connection.close_quietly()
        patience = self.loop.time() + _LAST_WORDS_S
        while self._connections and self.loop.time() < patience:
            await asyncio.sleep(0.005)
        for connection in list(self._connections.values()):
            connection.abort("it did not take its last answers")
        await asyncio.sleep(0)  # aborted connections are closed in the next turn

    @property
    def address(self) -> Endpoint:
        """Where clients reach this broker."""
        return self.config.advertised

    # -- connections -----------------------------------------------------------------------------

    def _connect(self) -> Connection:
        self._numbered += 1
        return Connection(self, self._numbered)

    def opened(self, connection: Connection) -> None:
        """A client came. One too many is turned away at once."""
        self._connections[connection.number] = connection
        self.host.connections[connection.number] = connection
        self._of_host[connection.host] += 1
        config = self.host.node.config  # these two may change at run time
        if self._stopping:
            connection.close_quietly()
        elif len(self._connections) > config.max_connections:
            connection.abort(f"max.connections={config.max_connections} are open")
        elif self._of_host[connection.host] > config.max_connections_per_ip:
            limit = config.max_connections_per_ip
            connection.abort(f"max.connections.per.ip={limit} of its address are open")

    def lost(self, connection: Connection) -> None:
        """A client is gone."""
        self.budget.forget(connection)
        self._connections.pop(connection.number, None)
        self.host.connections.pop(connection.number, None)
        self._of_host[connection.host] -= 1
        if not self._of_host[connection.host]:
            del self._of_host[connection.host]

    def closed(self, connection: Connection, reason: str) -> None:
        """Say why a connection was closed: one line, and not too many of them."""
        missed = self._quiet.permit(monotonic())
        if missed is not None:
            more = f" ({missed} such lines left out)" if missed else ""
            log.warning("closed the connection of %s: %s%s", connection.peer, reason, more)

    def _watch_idle(self) -> None:
        """Close connections on which nothing was asked for too long, and look again later."""
        limit = self.config.connections_max_idle_ms / 1000
        if limit < 0:
            return
        long_ago = monotonic() - limit
        for connection in list(self._connections.values()):
            if connection.last_read < long_ago and connection.idle:
                connection.close_quietly()
        self._idle_timer = self.loop.call_later(max(limit / 8, 0.01), self._watch_idle)


def real_node(config: BrokerConfig, disk: Disk, entropy: Entropy) -> Hosted:
    """The broker itself; tests of the server put smaller nodes in its place."""
    from broker.node import Node

    return Node(config, disk, entropy)


class RateLimit:
    """So many lines a second; beyond that, only how many there were."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second = 0.0
        self._count = 0
        self._missed = 0

    def permit(self, now: float) -> int | None:
        """None: leave this line out. Otherwise how many were left out before it."""
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        if self._count > self._per_second:
            self._missed += 1
            return None
        missed, self._missed = self._missed, 0
        return missed


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
