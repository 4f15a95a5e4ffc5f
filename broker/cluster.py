"""A broker inside this process, for a notebook, a script or a test.

    with broker.Cluster() as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})

It is the broker that `broker start` runs, behind a real port on the loopback address, so that any
Kafka client can use it. It lives in a thread of its own with an event loop of its own: a notebook
has a loop already and must not be kept from it. Data lie in a temporary folder that is removed at
the end, or in the folder you give, where the next cluster finds them again.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from types import TracebackType
from weakref import WeakSet

from broker.metadata.configs import BrokerConfig
from broker.server.run import one_line
from broker.server.server import Server
from broker.wire.errors import ConfigError

_HOST = "127.0.0.1"

_running: WeakSet[Cluster] = WeakSet()


class Cluster:
    """An embedded cluster; `with` starts it and stops it, or `start()` and `stop()` do.

    `settings` bear Kafka's names: `{"num.partitions": 4, "auto.create.topics.enable": False}`.
    With `port=0` each start takes a free port, which `bootstrap_servers` tells.
    """

    def __init__(
        self,
        brokers: int = 1,
        data_dir: str | os.PathLike[str] | None = None,
        settings: Mapping[str, object] | None = None,
        port: int = 0,
    ) -> None:
        if brokers != 1:
            raise ConfigError(f"brokers={brokers}: a cluster has one broker so far")
        self._settings = {name: _text(value) for name, value in (settings or {}).items()}
        self._settings.setdefault("listeners", f"PLAINTEXT://{_HOST}:{port}")
        kept = data_dir or self._settings.get("log.dirs") or self._settings.pop("log.dir", None)
        self._data_dir = None if kept is None else os.path.abspath(os.fspath(kept))
        BrokerConfig.from_settings(self._settings)  # a wrong setting is told at once
        self._temporary: str | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
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
        self._thread = self._loop = self._server = self._stop = None
        _running.discard(self)
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

    # -- what a user asks for --------------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect: `host:port`, as every client's setting of that name takes it."""
        if self._server is None:
            raise ConfigError(
                "the cluster does not run: use `with Cluster() as cluster`, or start()"
            )
        return str(self._server.address)

    @property
    def data_dir(self) -> str | None:
        """The folder of the data, to look into with `broker dump`. None: no folder yet."""
        return self._data_dir or self._temporary

    @property
    def running(self) -> bool:
        """Whether clients are answered."""
        return self._server is not None

    def __repr__(self) -> str:
        if self._server is None:
            return "Cluster(1 broker, not running)"
        kept = "kept" if self._data_dir else "removed at the end"
        return f"Cluster(1 broker on {self.bootstrap_servers}, data in {self.data_dir}, {kept})"

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._server = None
            self._started.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(one_line)
        self._loop, self._stop = loop, asyncio.Event()
        stop = self._stop
        server = Server(BrokerConfig.from_settings({**self._settings, "log.dirs": self._folder()}))
        await server.start()
        self._server = server
        self._started.set()
        await server.serve(stop)

    def _folder(self) -> str:
        if self._data_dir is None:
            self._temporary = tempfile.mkdtemp(prefix="broker-")
        return self.data_dir or ""


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
