"""`broker start --brokers 3`: a process for each broker, and one that looks after them.

The code is read once, then the process forks: the brokers start in the time of one, and share the
memory of what they have in common. From then on they share nothing else. Two pipes tie them:

- the *leash*, whose other end only the parent holds: when the parent is gone, however it went, the
  brokers notice and end in order;
- a *voice* for each broker: it says where it answers, and falls silent when the broker is gone.

They end one after the other, so that each can hand over what it leads to those that still run.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from broker.metadata.configs import BrokerConfig
from broker.server.run import INTERRUPTED, run
from broker.server.server import Server
from broker.wire.errors import OffsetZeroError

log = logging.getLogger("broker")

_PATIENCE_S = 45.0
"""A broker gives itself 30 seconds to end in order."""


@dataclass(eq=False)
class Child:
    """A broker in a process of its own, as its parent knows it."""

    node_id: int
    pid: int
    voice: int
    address: str = ""
    """Where it answers, once it does."""
    status: int | None = None
    """How it ended; negative: the signal that ended it."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)


def run_together(
    configs: Sequence[BrokerConfig], announce: Callable[[list[Child]], None], again: str = ""
) -> int:
    """Run brokers until a signal ends them; the exit status of all.

    `announce` is called once all of them answer, `again` says how one is started by itself.
    """
    # What all brokers need is read now, and kept out of the collector's way: it stays shared.
    import broker.node  # noqa: F401

    gc.collect()
    gc.freeze()
    leash, hold = os.pipe()
    children: list[Child] = []
    for config in configs:
        voices = [child.voice for child in children]
        children.append(_fork(config, leash, [hold, *voices]))
    os.close(leash)
    try:
        return asyncio.run(_Parent(children, announce, again).run())
    finally:
        os.close(hold)


def _fork(config: BrokerConfig, leash: int, not_its_own: Sequence[int]) -> Child:
    voice, speak = os.pipe()
    pid = os.fork()
    if not pid:
        for end in (voice, *not_its_own):
            os.close(end)
        _be_a_broker(config, leash, speak)
    os.close(speak)
    return Child(config.node_id, pid, voice)


def _be_a_broker(config: BrokerConfig, leash: int, speak: int) -> NoReturn:
    """What a child does with its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    for handler in logging.getLogger().handlers:
        told = f"%(asctime)s %(levelname)-7s broker {config.node_id}: %(message)s"
        handler.setFormatter(logging.Formatter(told))

    def announce(server: Server) -> None:
        with contextlib.suppress(OSError):
            os.write(speak, f"{server.address}\n".encode())

    status = 1
    try:
        run(config, announce, leash)
        status = 0
    except OffsetZeroError as error:
        print(f"broker {config.node_id}: {error}", file=sys.stderr, flush=True)
    except BaseException as error:
        log.error("it cannot go on: %s: %s", type(error).__name__, error)
        log.debug("the error in full", exc_info=error)
    finally:
        os._exit(status)


class _Parent:
    """Hears its children, and ends them."""

    def __init__(
        self, children: list[Child], announce: Callable[[list[Child]], None], again: str
    ) -> None:
        self._children = children
        self._announce = announce
        self._again = again
        self._asked = False
        self._over = asyncio.Event()

    async def run(self) -> int:
        """Until a signal comes, or a broker cannot start, or all are gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_or_leave, number)
        for child in self._children:
            log.info("broker %d is process %d", child.node_id, child.pid)
            loop.add_reader(child.voice, self._heard, child)
        await self._over.wait()
        for child in reversed(self._children):
            await self._end(child)
        if self._asked:
            log.info("all stopped")
        return 0 if self._asked else 1

    def _heard(self, child: Child) -> None:
        said = os.read(child.voice, 4096)
        if said:
            child.address = said.decode().strip()
            if all(each.address for each in self._children):
                self._announce(self._children)
            return
        asyncio.get_running_loop().remove_reader(child.voice)
        os.close(child.voice)
        child.status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
        child.gone.set()
        self._one_less(child)

    def _one_less(self, child: Child) -> None:
        """A broker is gone: say so, and whether the others go on."""
        if self._over.is_set():
            return
        if not all(each.address for each in self._children):
            self._over.set()  # what keeps it from starting has been said by the child
            return
        how = _how_it_ended(child.status or 0)
        if all(each.gone.is_set() for each in self._children):
            self._over.set()
            log.error("broker %d %s: no broker is left", child.node_id, how)
            return
        again = f" (`{self._again} --node {child.node_id}` starts it)" if self._again else ""
        log.error("broker %d %s; the others go on%s", child.node_id, how, again)

    def _stop_or_leave(self, number: int) -> None:
        if self._asked and number == signal.SIGINT:
            for child in self._children:
                if not child.gone.is_set():
                    os.kill(child.pid, signal.SIGKILL)
            os._exit(INTERRUPTED)
        log.info("stopping, one broker after the other")
        self._asked = True
        self._over.set()

    @staticmethod
    async def _end(child: Child) -> None:
        if child.gone.is_set():
            return
        os.kill(child.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await child.gone.wait()
        except TimeoutError:
            log.error("broker %d took too long to end", child.node_id)
            os.kill(child.pid, signal.SIGKILL)
            await child.gone.wait()


def _how_it_ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
