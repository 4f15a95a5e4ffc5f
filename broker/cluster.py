"""A broker inside this process, or several, for a notebook, a script or a test.

    with broker.Cluster() as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})

    with broker.Cluster(brokers=3) as cluster:
        cluster.crash(cluster.leader_of("orders", 0))     # clients find the next leader
        cluster.restart(1)

They are the brokers that `broker start` runs, behind real ports on the loopback address, so that
any Kafka client can use them. They live in a thread of their own with an event loop of its own: a
notebook has a loop already and must not be kept from it. Data lie in a temporary folder that is
removed at the end, or in the folder you give, where the next cluster finds them again.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import TypeVar
from weakref import WeakSet

from broker.metadata.configs import BrokerConfig
from broker.server.embedded import Embedded
from broker.server.run import one_line
from broker.server.siblings import (
    LOOPBACK,
    ReservedPorts,
    check_count,
    ports_from,
    sibling_settings,
)
from broker.wire.errors import ConfigError

T = TypeVar("T")

_running: WeakSet[Cluster] = WeakSet()


class Cluster:
    """An embedded cluster; `with` starts it and stops it, or `start()` and `stop()` do.

    `settings` bear Kafka's names: `{"num.partitions": 4, "auto.create.topics.enable": False}`.
    With `port=0` each start takes free ports, which `bootstrap_servers` tells. Several brokers
    replicate: topics get three replicas unless they say otherwise.
    """

    def __init__(
        self,
        brokers: int = 1,
        data_dir: str | os.PathLike[str] | None = None,
        settings: Mapping[str, object] | None = None,
        port: int = 0,
    ) -> None:
        check_count(brokers)
        self.brokers = brokers
        self._port = port
        self._settings = {name: _text(value) for name, value in (settings or {}).items()}
        kept = data_dir or self._settings.pop("log.dirs", None) or self._settings.get("log.dir")
        self._settings.pop("log.dir", None)
        self._data_dir = None if kept is None else os.path.abspath(os.fspath(kept))
        BrokerConfig.from_settings(self._settings)  # a wrong setting is told at once
        self._temporary: str | None = None
        self._reserved: ReservedPorts | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._nodes: dict[int, Embedded] = {}
        self._started = threading.Event()
        self._running = False
        self._failure: BaseException | None = None

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> Cluster:
        """Start, and return when clients are answered. Does nothing if it runs already."""
        if self.running:
            return self
        self._failure = None
        self._started.clear()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._thread.start()
        try:
            self._started.wait()
        except BaseException:  # an impatient reader interrupts the cell
            self.stop()
            raise
        if self._failure is not None:
            self._end()
            raise self._failure
        _running.add(self)
        return self

    def stop(self) -> None:
        """Stop in order, as Ctrl-C stops `broker start`. Does nothing if it does not run."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._end()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._stop = None
        self._nodes = {}
        _running.discard(self)
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # -- what a user does ------------------------------------------------------------------------

    def crash(self, broker: int) -> None:
        """Let a broker die as `kill -9` does: connections break, and nothing is put in order.

        What it had written to its files is there when it comes back, for the machine goes on.
        """
        node = self._node(broker)
        self._do(node.crash())

    def restart(self, broker: int) -> None:
        """Start a broker again, and return when it answers. One that runs is stopped in order.

        Where too few are left to elect a controller, it returns at once, and the broker answers
        when there are enough.
        """
        self._do(self._restart(self._node(broker)))

    async def _restart(self, node: Embedded) -> None:
        await node.end()
        node.begin()
        alive = sum(each.is_alive for each in self._nodes.values())
        if alive > self.brokers // 2:
            await node.settled()

    def leader_of(self, topic: str, partition: int) -> int | None:
        """Who leads a partition, as the newest metadata of a broker that runs has it."""
        nodes = (node.node for node in self._alive())
        images = self._ask(lambda: [node.image for node in nodes if node is not None])
        if not images:
            return None
        found = max(images, key=lambda image: image.offset).partition(topic, partition)
        return None if found is None or found.leader < 0 else found.leader

    @property
    def controller(self) -> int | None:
        """The active controller: the broker that leads the quorum of the metadata."""
        nodes = (node.node for node in self._alive())
        quorums = self._ask(
            lambda: [
                (node.quorum.epoch, node.config.node_id)
                for node in nodes
                if node is not None and node.quorum.is_leader
            ]
        )
        return max(quorums)[1] if quorums else None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect: `host:port,...`, as every client's setting of that name has it."""
        if not self.running:
            raise ConfigError(
                "the cluster does not run: use `with Cluster() as cluster`, or start()"
            )
        return ",".join(node.address for node in self._nodes.values())

    @property
    def data_dir(self) -> str | None:
        """The folder of the data, to look into with `broker dump`. None: no folder yet."""
        return self._data_dir or self._temporary

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._running

    def __repr__(self) -> str:
        brokers = f"{self.brokers} broker{'s' * (self.brokers > 1)}"
        if not self.running:
            return f"Cluster({brokers}, not running)"
        kept = "kept" if self._data_dir else "removed at the end"
        data = f"data in {self.data_dir}, {kept}"
        if self.brokers == 1:
            return f"Cluster({brokers} on {self.bootstrap_servers}, {data})"
        controller = self.controller
        lines = [f"Cluster({brokers}, {data})"]
        for number, node in self._nodes.items():
            state = "the controller, too" if number == controller else ""
            lines.append(f"  {number}  {node.address}  {node.state or state}".rstrip())
        return "\n".join(lines)

    # -- the way to the thread -------------------------------------------------------------------

    def _node(self, broker: int) -> Embedded:
        if not self.running:
            raise ConfigError("the cluster does not run: start() it first")
        if broker not in self._nodes:
            raise ConfigError(f"there is no broker {broker}: expected 1 to {self.brokers}")
        return self._nodes[broker]

    def _alive(self) -> list[Embedded]:
        return [node for node in self._nodes.values() if node.is_alive]

    def _do(self, work: Coroutine[object, object, T]) -> T:
        """Have something done by the thread that owns the brokers, and wait for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _ask(self, question: Callable[[], T]) -> T:
        """Look at something that only that thread may look at."""

        async def answer() -> T:
            return question()

        return self._do(answer())

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._running = False
            self._started.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(one_line)
        self._loop, self._stop = loop, asyncio.Event()
        self._nodes = {
            number: Embedded(BrokerConfig.from_settings(settings), self._one_less)
            for number, settings in enumerate(self._settings_of_each(), 1)
        }
        try:
            await self._live(self._stop)
        finally:
            for node in reversed(self._nodes.values()):
                await node.end()
        for node in self._nodes.values():
            node.raise_failure()

    async def _live(self, stop: asyncio.Event) -> None:
        """From the first start to the end: a stop that is asked for, or no broker left to go on."""
        for node in self._nodes.values():
            node.begin()
        stopping = asyncio.create_task(stop.wait())
        settled = asyncio.gather(*(node.settled() for node in self._nodes.values()))
        await asyncio.wait((settled, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not settled.done():
            settled.cancel()
            return
        settled.result()  # an error in the start ends here
        self._running = True
        self._started.set()
        await stopping

    def _one_less(self) -> None:
        """A broker has ended by itself. The others go on, if there are any."""
        if self._stop is not None and all(node.has_failed for node in self._nodes.values()):
            self._stop.set()

    def _settings_of_each(self) -> list[dict[str, str]]:
        if self._data_dir is None:
            self._temporary = tempfile.mkdtemp(prefix="broker-")
        folder = self.data_dir or ""
        if self.brokers == 1:
            listener = {"listeners": f"PLAINTEXT://{LOOPBACK}:{self._port}"}
            return [{**listener, **self._settings, "log.dirs": folder}]
        if self._port:
            ports = ports_from(self._port, self.brokers)
        else:
            self._reserved = ReservedPorts(self.brokers)
            ports = self._reserved.ports
        return sibling_settings(self._settings, ports, folder)


def _text(value: object) -> str:
    """A setting as a file would have it: Python's True is Kafka's true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value)


@atexit.register
def _stop_all() -> None:
    """A kernel that restarts with a cluster still running leaves no temporary folder behind."""
    for cluster in list(_running):
        cluster.stop()
