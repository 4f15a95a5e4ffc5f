"""A broker that listens: one node, its listening sockets, and the connections that come there.

    server = Server(BrokerConfig.from_settings({...}))
    await server.start()        # the node has recovered, clients are answered
    ...
    await server.stop()         # the node has ended in order, everything is on the disk

Up to two sockets are opened. Clients, and followers that fetch, come to the broker's; they are
accepted when the node is ready, and who comes earlier waits in the socket's queue. Other nodes of
the quorum come to the controller's, and it is served from the first moment to the last: without it
there is no leader, without a leader no node is ever ready, nor can it hand over what it leads.

The sockets are bound before the data directory is touched, so that a second broker on the same port
harms nothing, and with port 0 the number is known before the node has to tell it to anyone.
"""

from __future__ import annotations

import asyncio
import logging
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
from broker.server.listening import advertise, bind
from broker.server.system import SystemEntropy
from broker.wire.errors import StorageError

log = logging.getLogger("broker.server")

NodeFactory = Callable[[BrokerConfig, Disk, Entropy], Hosted]
ReadRequest = Callable[..., RequestArrived]
"""(frame, connection, to_controller=False): see `broker.api.table.read_request`."""

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
        self.port = self.controller_port = 0
        self.host: Host
        self.loop: asyncio.AbstractEventLoop
        self.budget: Budget
        self._make_node = node or real_node
        self._disk = disk
        self._own_disk: FileDisk | None = None
        self._for_clients: socket.socket | None = None
        self._for_controllers: socket.socket | None = None
        self._acceptors: dict[socket.socket, asyncio.Server] = {}
        self._begun = False
        self._stopping = False
        self._connections: dict[int, Connection] = {}
        self._of_host: Counter[str] = Counter()
        self._numbered = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._quiet = RateLimit(_LINES_PER_SECOND)

    # -- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind, recover, serve. Raises ConfigError or StorageError, in one line for a person.

        Who cancels it because the node takes too long (its quorum is not there) goes on to `stop`.
        """
        self.loop = asyncio.get_running_loop()
        limit = self.config.queued_max_request_bytes
        self.budget = Budget(
            limit if limit >= 0 else DEFAULT_BUDGET_BYTES, self._connections.values, self.loop
        )
        with ExitStack() as undo:
            self._bind(undo)
            disk = self._disk or self._open_disk()
            undo.callback(self._close_disk)
            node = self._make_node(self.config, disk, SystemEntropy())
            host = Host(node, disk, self.loop)
            undo.callback(host.close)
            self.host = host
            host.begin()
            undo.pop_all()
        self._begun = True
        if self._for_controllers is not None:
            await self._accept(self._for_controllers, self._connect_controller)
        await host.until(lambda: node.ready or node.stopped)
        if node.stopped:
            await self.stop()
            raise StorageError(node.failure)
        if self._for_clients is not None:
            await self._accept(self._for_clients, self._connect_client)
        self._watch_idle()

    def _bind(self, undo: ExitStack) -> None:
        backlog = self.config.socket_listen_backlog_size
        if self.config.is_broker:
            self._for_clients = bind(self.config.listener, backlog)
            undo.callback(self._for_clients.close)
            self.port = self._for_clients.getsockname()[1]
            self.config = advertise(self.config, self.port)
        if self.config.controller_listener is not None:
            self._for_controllers = bind(self.config.controller_listener, backlog)
            undo.callback(self._for_controllers.close)
            self.controller_port = self._for_controllers.getsockname()[1]

    async def _accept(self, listening: socket.socket, connect: Callable[[], Connection]) -> None:
        backlog = self.config.socket_listen_backlog_size
        acceptor = await self.loop.create_server(connect, sock=listening, backlog=backlog)
        self._acceptors[listening] = acceptor

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
        try:
            await asyncio.wait({gone, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            asked.cancel()
        await self.stop()
        if node.failure:
            raise StorageError(node.failure)

    async def stop(self) -> None:
        """Hand over what is led, then take no more requests; the node ends, then all is closed."""
        if not self._begun:
            return
        self._begun = False
        node = self.host.node
        self.host.shut_down()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                # While others take over the lead of its partitions, clients are served.
                await self.host.until(lambda: node.stopped or not node.ready)
                await self._turn_clients_away()
                await self.host.until(lambda: node.stopped)
        except TimeoutError:
            log.error("the end took too long: the next start will look after the logs")
        finally:
            await self._close(_LAST_WORDS_S)

    async def crash(self) -> None:
        """End as a killed process does: at once, with nothing said and nothing put in order."""
        if self._begun:
            self._begun = False
            await self._close(0)

    async def _turn_clients_away(self) -> None:
        """No new connections, no new requests."""
        self._stopping = True
        await self._stop_accepting(self._for_clients)
        for connection in self._connections.values():
            if not connection.is_controllers:
                connection.ignore_requests()

    async def _close(self, last_words_s: float) -> None:
        """Close everything, the last answers and requests first, as long as others take them."""
        self._stopping = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.budget.close()
        self.host.close()
        await self._stop_accepting(self._for_clients)
        await self._stop_accepting(self._for_controllers)
        await self.host.links.close(last_words_s)
        await self._close_connections(last_words_s)
        self._close_disk()

    async def _stop_accepting(self, listening: socket.socket | None) -> None:
        """Take no more connections. Who is on the way through asyncio's accept comes out of it
        within a few turns, and must not find the listener closed (asyncio would drop its socket).
        """
        if listening is None or listening.fileno() < 0:
            return
        acceptor = self._acceptors.pop(listening, None)
        if acceptor is None:  # it was never served
            listening.close()
            return
        self.loop.remove_reader(listening.fileno())
        for _ in range(4):
            await asyncio.sleep(0)
        acceptor.close()

    async def _close_connections(self, last_words_s: float) -> None:
        """Let the last answers out, for as long as the clients take them."""
        patience = self.loop.time() + last_words_s
        if last_words_s:
            for connection in list(self._connections.values()):
                connection.close_quietly()
        while self._connections and self.loop.time() < patience:
            await asyncio.sleep(0.005)
        reason = "it did not take its last answers" if last_words_s else ""
        for connection in list(self._connections.values()):
            connection.abort(reason)
        await asyncio.sleep(0)  # aborted connections are closed in the next turn

    @property
    def address(self) -> Endpoint:
        """Where clients reach this broker."""
        return self.config.advertised

    # -- connections -----------------------------------------------------------------------------

    def _connect_client(self) -> Connection:
        self._numbered += 1
        return Connection(self, self._numbered)

    def _connect_controller(self) -> Connection:
        self._numbered += 1
        return Connection(self, self._numbered, is_controllers=True)

    def opened(self, connection: Connection) -> None:
        """Somebody came. One client too many is turned away at once."""
        self._connections[connection.number] = connection
        self.host.connections[connection.number] = connection
        if connection.is_controllers:
            return
        self._of_host[connection.host] += 1
        config = self.host.node.config  # these two may change at run time
        if self._stopping:
            connection.close_quietly()
        elif self._of_host.total() > config.max_connections:
            connection.abort(f"max.connections={config.max_connections} are open")
        elif self._of_host[connection.host] > config.max_connections_per_ip:
            limit = config.max_connections_per_ip
            connection.abort(f"max.connections.per.ip={limit} of its address are open")

    def lost(self, connection: Connection) -> None:
        """Somebody is gone."""
        self.budget.forget(connection)
        self._connections.pop(connection.number, None)
        self.host.connections.pop(connection.number, None)
        if connection.is_controllers:
            return
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
