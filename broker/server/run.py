"""A broker as a process of its own: until a signal comes, and then to an orderly end.

SIGTERM and Ctrl-C end it in order: no new connections, the node closes its logs, everything is
synced and marked clean, status 0. A second Ctrl-C does not wait for that (status 130): the next
start will find no clean mark and look after the logs, as after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from typing import Any

from broker.metadata.configs import BrokerConfig
from broker.server.server import Server
from broker.server.system import describe

log = logging.getLogger("broker")

INTERRUPTED = 130
_MANY_FILES = 65_536
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 1024 * 1024
_LARGE_BYTES = 16 * 1024 * 1024


def run(config: BrokerConfig, announce: Callable[[Server], None], leash: int | None = None) -> None:
    """Serve until a signal ends it. `announce` is called once clients are answered.

    `leash` is the end of a pipe whose other end a parent holds: if the parent is gone, so is the
    reason to serve. On a leash Ctrl-C is the parent's affair.
    """
    asyncio.run(_serve(config, announce, leash))


async def _serve(
    config: BrokerConfig, announce: Callable[[Server], None], leash: int | None
) -> None:
    _allow_many_files()
    _keep_freed_memory()
    if config.ignored:
        log.info("settings without effect here: %s", ", ".join(config.ignored))
    asyncio.get_running_loop().set_exception_handler(one_line)
    stop = asyncio.Event()
    with _told_to_stop(stop, leash):
        await _serve_until(stop, Server(config), announce)


async def _serve_until(
    stop: asyncio.Event, server: Server, announce: Callable[[Server], None]
) -> None:
    starting = asyncio.create_task(server.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        # Its quorum may be missing: what it has is closed in order all the same.
        starting.cancel()
        await asyncio.wait({starting})
        await server.stop()
        return
    stopping.cancel()
    starting.result()  # an error in the start ends here
    announce(server)
    _settle_memory()
    await server.serve(stop)
    log.info("stopped in order")


@contextlib.contextmanager
def _told_to_stop(stop: asyncio.Event, leash: int | None) -> Iterator[None]:
    """Signals, or the end of the leash, set `stop`. When all is done they change nothing more."""
    loop = asyncio.get_running_loop()
    signals = [signal.SIGTERM] if leash is not None else [signal.SIGTERM, signal.SIGINT]
    for number in signals:
        loop.add_signal_handler(number, _stop_or_leave, number, stop)
    if leash is not None:
        loop.add_reader(leash, _let_loose, leash, stop)
    try:
        yield
    finally:
        # A loop that closes lets go of the pipe behind its handlers before the handlers: a signal
        # in that moment would end in a traceback.
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _stop_or_leave(number: int, stop: asyncio.Event) -> None:
    if stop.is_set() and number == signal.SIGINT:
        os._exit(INTERRUPTED)
    log.info("stopping")
    stop.set()


def _let_loose(leash: int, stop: asyncio.Event) -> None:
    asyncio.get_running_loop().remove_reader(leash)
    log.info("stopping: nobody looks after this broker any more")
    stop.set()


def _allow_many_files() -> None:
    """A descriptor for each connection and each open segment: take all that we may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _keep_freed_memory() -> None:
    """What large batches have used serves the next ones, and is not given back in between.

    glibc's malloc returns a free megabyte to the kernel at once and asks for it again with the next
    batch. Then the kernel clears each of its pages anew: half of what a large batch costs a broker.
    Beyond 16 MiB that would keep too much (mallopt(3); other C libraries have no such call).
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _settle_memory() -> None:
    """What the start has made stays: the garbage collector need not look at it again.

    A broker makes many small objects that refer to each other in no circle. Looking for circles
    less often saves a few percent of its time. Each look is kept short: the young and the middle
    ones are at most 25,000 objects, 10 ms; all objects are looked at once in many millions, for
    with ten thousand partitions that takes as long as a quarter of the patience of a quorum.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 1_000)


def one_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio would print with a traceback, in one line."""
    error = context.get("exception")
    what = f": {describe(error)}" if error is not None else ""
    log.error("%s%s", context.get("message", "an error"), what)
    log.debug("the error in full", exc_info=error)
