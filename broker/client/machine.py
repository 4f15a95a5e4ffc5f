"""What producer, consumer and admin have in common: the loop around connections and metadata.

Each event goes the same way. The connections say which requests it answers; each answer goes to
who asked; then the client looks at all its state once and does what can be done now (`_advance`).
That last step is where decisions are made, so there is one place to read, and no order of events
that it forgot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from broker.client.backoff import ExponentialBackoff
from broker.client.cluster_view import ClusterView
from broker.client.config import ClientConfig
from broker.client.connections import Answer, Connections
from broker.client.metadata import MetadataUpdater
from broker.events import Effect, Entropy, Event, Now, PeerLost


class ClientMachine(ABC):
    """A client as a state machine. See the package's docstring for the contract with the host."""

    def __init__(self, bootstrap: Sequence[int], entropy: Entropy, config: ClientConfig) -> None:
        self.entropy = entropy
        self.connections = Connections(config, entropy)
        self.cluster = ClusterView()
        self.metadata = MetadataUpdater(self.connections, self.cluster, tuple(bootstrap))
        self._retry_backoff = ExponentialBackoff(
            config.retry_backoff_ms, config.retry_backoff_max_ms, entropy
        )
        self._deadline_us: int | None = None
        self._deadline_known = False
        """Hosts ask for the deadline more often than the state changes, which only a step does."""

    def start(self, now: Now) -> list[Effect]:
        """Begin: get to know the cluster."""
        return self._step(now)

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """Take in what happened, and do what follows from it."""
        if isinstance(event, PeerLost):
            self.metadata.want()  # it may be gone for good, and its partitions led by another
        for answer in self.connections.handle(event, now):
            if answer.response is None:
                self.metadata.want()
            if not self.metadata.take(answer, now):
                self._take(answer, now)
        return self._step(now)

    def deadline(self) -> int | None:
        """When the machine wants to be called even if nothing happens (DeadlineCame)."""
        if not self._deadline_known:
            earliest = self._deadline()
            for time in (self.connections.deadline(), self.metadata.deadline()):
                if time is not None and (earliest is None or time < earliest):
                    earliest = time
            self._deadline_us, self._deadline_known = earliest, True
        return self._deadline_us

    def _step(self, now: Now) -> list[Effect]:
        self._deadline_known = False
        self._advance(now)
        self.metadata.advance(now)
        return self.connections.take_effects()

    @abstractmethod
    def _take(self, answer: Answer, now: Now) -> None:
        """Take in the answer to one of our own requests."""

    @abstractmethod
    def _advance(self, now: Now) -> None:
        """Do all that can be done now."""

    @abstractmethod
    def _deadline(self) -> int | None:
        """When there will be something to do, as far as it is known after `_advance`."""
