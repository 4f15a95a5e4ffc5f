"""What was asked of the other nodes, and when they may be asked again (Kafka's RequestManager).

Each peer has at most one request of ours at a time. An answer that is no use, and a connection that
is lost, earn it a short pause; an answer that does not come in time, a new connection. Whoever
changes its state forgets what it has asked: an answer that still comes finds nobody who expects it.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.events import QUORUM, Effect, Entropy, HangUp, Now, PeerLost, ResponseArrived, Send
from broker.quorum.config import QuorumConfig
from broker.wire.schema import Message


class _InFlight(NamedTuple):
    """A request that was not answered yet."""

    correlation_id: int
    deadline: int


class Peers:
    """The other nodes, as far as requests go."""

    def __init__(self, config: QuorumConfig, entropy: Entropy, effects: list[Effect]) -> None:
        self._others = [voter for voter in config.voters if voter != config.node_id]
        self._timeout_us = config.request_timeout_ms * 1000
        self._backoff_us = config.retry_backoff_ms * 1000
        self._entropy = entropy
        self._effects = effects
        self._in_flight: dict[int, _InFlight] = {}
        self._paused_until: dict[int, int] = {}
        self._correlation_id = 0

    @property
    def busy(self) -> bool:
        """Whether any request waits for its answer."""
        return bool(self._in_flight)

    def ready(self, peer: int) -> bool:
        """Whether a peer may be asked something."""
        return peer not in self._in_flight and peer not in self._paused_until

    def any_ready_voter(self) -> int | None:
        """Some other voter that may be asked; which one is drawn."""
        count = len(self._others)
        start = int(self._entropy.random() * count)
        for step in range(count):
            voter = self._others[(start + step) % count]
            if self.ready(voter):
                return voter
        return None

    def send(self, peer: int, body: Message, now: Now) -> None:
        """Ask a peer, in the newest version of the API."""
        self._correlation_id += 1
        self._in_flight[peer] = _InFlight(self._correlation_id, now.mono_us + self._timeout_us)
        version = body.schema.versions.high
        self._effects.append(Send(peer, self._correlation_id, version, body, QUORUM))

    def expects(self, event: ResponseArrived) -> bool:
        """Whether this answers what was asked last. It then does not wait any more."""
        asked = self._in_flight.get(event.peer)
        if asked is None or asked.correlation_id != event.correlation_id:
            return False
        del self._in_flight[event.peer]
        return True

    def lost(self, event: PeerLost, now: Now) -> None:
        """The connection to a peer is gone, or there was none."""
        if self._in_flight.pop(event.peer, None) is not None:
            self.pause(event.peer, now)

    def pause(self, peer: int, now: Now) -> None:
        """Ask a peer nothing for a moment."""
        self._paused_until[peer] = now.mono_us + self._backoff_us

    def forget(self) -> None:
        """What was asked does not matter any more."""
        self._in_flight.clear()
        self._paused_until.clear()

    def deadline(self) -> int | None:
        """When an answer is overdue, or a pause over."""
        first = None
        for asked in self._in_flight.values():
            if first is None or asked.deadline < first:
                first = asked.deadline
        for until in self._paused_until.values():
            if first is None or until < first:
                first = until
        return first

    def run(self, now: Now) -> None:
        """Give up what is overdue, on its connection, too; end the pauses that are over."""
        time = now.mono_us
        if self._paused_until:
            self._paused_until = {
                p: until for p, until in self._paused_until.items() if until > time
            }
        for peer in [p for p, asked in self._in_flight.items() if asked.deadline <= time]:
            del self._in_flight[peer]
            self._effects.append(HangUp(peer, QUORUM))
            self.pause(peer, now)
