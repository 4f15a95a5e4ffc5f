"""Who looks at a run from outside after each step: the trace and the checks.

The observer reads and never writes. A run with it and a run without it are the same run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.quorum.metadata_log import METADATA_TOPIC, METADATA_TOPIC_ID
from broker.sim.clients import ClientHost
from broker.sim.history import History, Place
from broker.sim.hosts import BrokerHost
from broker.sim.invariants import Invariants
from broker.sim.network import Network
from broker.sim.trace import Step, Trace, TraceRecorder
from broker.sim.views import Views
from broker.sim.world import SimulationError, World

if TYPE_CHECKING:
    from broker.node import Node


class Observer:
    """Looks at what each step has touched."""

    def __init__(
        self, world: World, network: Network, history: History, header: dict[str, Any], trace: bool
    ) -> None:
        self.network = network
        self.history = history
        self.invariants = Invariants(history, network.hosts)
        self.names: dict[bytes, str] = {METADATA_TOPIC_ID: METADATA_TOPIC}
        """Topics by id, those that are gone as well: a late message may still speak of them."""
        self._recorder = TraceRecorder(Trace(header), world, self.names) if trace else None
        self._views = Views()
        self._opened: dict[str, tuple[Node, set[Place]]] = {}
        """The logs that were looked at since their broker's process began."""
        self._cuts_seen = 0
        network.recorder = self._recorder

    @property
    def recording(self) -> bool:
        """Whether there is a trace."""
        return self._recorder is not None

    @property
    def trace(self) -> Trace:
        """The trace."""
        if self._recorder is None:
            raise SimulationError("this run was made without a trace: Simulation(trace=True)")
        return self._recorder.trace

    def cause(self, kind: str, who: str, text: str) -> None:
        """Why this step happens."""
        if self._recorder is not None:
            self._recorder.cause(kind, who, text)

    def forget_step(self) -> None:
        """A command was refused: there was no step."""
        self.network.stirred.clear()
        if self._recorder is not None:
            self._recorder.step = Step()

    # -- after each step ------------------------------------------------------------------------

    def after_step(self) -> None:
        """Look at those whose machines were at work, and at those that were started or stopped."""
        if self.invariants.unsettled:
            self.invariants.settle()
        stirred = self.network.stirred
        if stirred:
            for host in dict.fromkeys(stirred) if len(stirred) > 1 else stirred:
                if isinstance(host, BrokerHost):
                    self._look_at_broker(host)
                elif self._recorder is not None and isinstance(host, ClientHost):
                    self._views.client(host)
            stirred.clear()
        if self._recorder is not None:
            if self._cuts_seen != self.network.links.changes:
                self._cuts_seen = self.network.links.changes
                self._views.links(self.network.links.cuts)
            for message in self._recorder.step.sent:
                self._views.client_sent(message["from"], message["text"])
            self._recorder.finish(self._views.take())

    def _look_at_broker(self, host: BrokerHost) -> None:
        came_up = host.notice_status()
        node = host.machine
        if node is None:
            if self._recorder is not None:
                self._views.broker(host)
            return
        touched = node.drain_touched()
        self.invariants.after_event(host, node, touched)
        if touched and ("image",) in touched:
            self._look_at_image(node)
        if self._recorder is not None:
            self._views.broker(host)
            if touched:
                for what in dict.fromkeys(touched):
                    if len(what) == 3:
                        self._look_at_log(host, node, (what[1], what[2]))
        if came_up:
            self.history.came_up(host.name)
            self.invariants.came_up(host, node)
            if self._recorder is not None:
                for place in node.replicas.partitions:
                    self._look_at_log(host, node, place)

    def _look_at_image(self, node: Node) -> None:
        image = node.image
        self.names.update(image.names)
        if self._recorder is not None:
            self._views.metadata(node)

    def _look_at_log(self, host: BrokerHost, node: Node, place: Place) -> None:
        """A log may hold other records than before its broker was gone: the first look is whole.

        So a replica is seen to cut its log and to fetch before its broker is let in again.
        """
        if self._recorder is None:
            return
        partition = node.replicas.partitions.get(place)
        life, seen = self._opened.get(host.name, (None, set()))
        if life is not node:
            seen = set()
            self._opened[host.name] = (node, seen)
        if partition is not None and place not in seen:
            seen.add(place)
            self._views.reread(host, place, partition)
        elif partition is not None or host.status != "starting":
            self._views.log(host, place, partition)

    # -- at the end -----------------------------------------------------------------------------

    def judge(self) -> None:
        """Hold what is there now against all that clients were told."""
        self.invariants.at_end()
