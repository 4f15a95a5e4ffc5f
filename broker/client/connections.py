"""Requests to peers and their answers: the part that producer, consumer and admin share.

A way to a peer begins with ApiVersions: the broker lists the APIs it has and their versions, and
from then on each request takes the highest version that both sides know. What is in flight is plain
data: who was asked what, why (the `purpose`, which comes back with the answer), and until when.

No answer is an answer, too. If a peer is lost, or silent for `request_timeout_ms`, everything in
flight to it is given back without a response, in the order in which it was sent: it may have been
done, or not. After that the peer is left alone for a while (the reconnect backoff), which grows as
long as it cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from broker.client.backoff import ExponentialBackoff
from broker.client.config import ClientConfig
from broker.client.outcomes import error_code
from broker.events import (
    Close,
    DeadlineCame,
    Effect,
    Entropy,
    Event,
    Now,
    PeerLost,
    ResponseArrived,
    Send,
)
from broker.wire.errors import ErrorCode, invariant
from broker.wire.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.wire.schema import Message

US_PER_MS = 1000
_SOFTWARE_NAME = "offset-zero"
_SOFTWARE_VERSION = "0.1.0"


class InFlight(NamedTuple):
    """A request that has left and is not answered."""

    peer: int
    purpose: object
    body: Message
    version: int
    deadline_us: int


class Answer(NamedTuple):
    """What became of a request. No response: lost on the way there or back, nobody knows."""

    peer: int
    purpose: object
    request: Message
    response: Message | None
    timed_out: bool = False


class Link(Enum):
    """How far the acquaintance with a peer has come."""

    IDLE = "idle"
    ASKING = "asking for its versions"
    READY = "ready"


class _Handshake(NamedTuple):
    """The purpose of an ApiVersions request."""


@dataclass(slots=True)
class _Peer:
    link: Link = Link.IDLE
    versions: dict[int, tuple[int, int]] = field(default_factory=dict)
    agreed: dict[type[Message], int | None] = field(default_factory=dict)
    """What follows from `versions` for the APIs that were asked for by now."""
    failures: int = 0
    retry_at_us: int = 0
    wanted: bool = False
    """Somebody wants to send and waits for the backoff to end."""


@dataclass(slots=True)
class Connections:
    """All peers of one client."""

    config: ClientConfig
    entropy: Entropy
    effects: list[Effect] = field(default_factory=list)
    in_flight: dict[int, InFlight] = field(default_factory=dict)
    """By correlation id, and so in the order of sending."""
    _peers: dict[int, _Peer] = field(default_factory=dict)
    _last_correlation_id: int = 0

    # -- asking ------------------------------------------------------------------------------------

    def ready(self, peer: int, now: Now) -> bool:
        """Whether requests can be sent to this peer. If not, the way to it is being opened."""
        known = self._peers.get(peer)
        if known is None:
            known = self._peers[peer] = _Peer()
        if known.link is Link.IDLE:
            if now.mono_us >= known.retry_at_us:
                self._greet(peer, known, ApiVersionsRequest.schema.versions.high, now)
            else:
                known.wanted = True
        return known.link is Link.READY

    def is_ready(self, peer: int) -> bool:
        """Whether requests can be sent to this peer. Merely looks."""
        known = self._peers.get(peer)
        return known is not None and known.link is Link.READY

    def is_opening(self, peer: int) -> bool:
        """Whether this peer has been approached and has not answered yet."""
        known = self._peers.get(peer)
        return known is not None and known.link is Link.ASKING

    def reachable(self, peer: int, now: Now) -> bool:
        """Whether there is no reason to leave this peer alone right now."""
        known = self._peers.get(peer)
        return known is None or known.link is not Link.IDLE or now.mono_us >= known.retry_at_us

    def count_in_flight(self, peer: int) -> int:
        """How many requests to this peer wait for an answer."""
        count = 0
        for request in self.in_flight.values():
            count += request.peer == peer
        return count

    def burden(self, peer: int) -> tuple[int, int]:
        """What speaks against a peer, if any will do: failures in a row, requests in flight."""
        known = self._peers.get(peer)
        return (0 if known is None else known.failures, self.count_in_flight(peer))

    def version(self, peer: int, api: type[Message]) -> int | None:
        """The highest version of an API that both sides know; None if they share none."""
        known = self._peers[peer]
        if api not in known.agreed:
            ours = api.schema.versions
            lowest, highest = known.versions.get(api.schema.key, (0, -1))
            best = min(highest, ours.high)
            known.agreed[api] = best if best >= max(lowest, ours.low) else None
        return known.agreed[api]

    def send(
        self,
        peer: int,
        body: Message,
        purpose: object,
        now: Now,
        *,
        max_version: int | None = None,
        answered: bool = True,
    ) -> None:
        """Send to a peer that is ready, in a version that is known to exist."""
        version = self.version(peer, type(body))
        if version is None:
            raise ValueError(f"peer {peer} has no {type(body).__name__}: ask `version` first")
        if max_version is not None:
            version = min(version, max_version)
        self._send(peer, body, purpose, version, now, answered)

    def _send(
        self, peer: int, body: Message, purpose: object, version: int, now: Now, answered: bool
    ) -> None:
        self._last_correlation_id += 1
        if answered:
            deadline = now.mono_us + self.config.request_timeout_ms * US_PER_MS
            request = InFlight(peer, purpose, body, version, deadline)
            self.in_flight[self._last_correlation_id] = request
        self.effects.append(Send(peer, self._last_correlation_id, version, body))

    def _greet(self, peer: int, known: _Peer, version: int, now: Now) -> None:
        known.link = Link.ASKING
        known.wanted = False
        body = ApiVersionsRequest(
            client_software_name=_SOFTWARE_NAME, client_software_version=_SOFTWARE_VERSION
        )
        self._send(peer, body, _Handshake(), version, now, answered=True)

    # -- hearing -----------------------------------------------------------------------------------

    def handle(self, event: Event, now: Now) -> list[Answer]:
        """What an event means for the requests in flight."""
        match event:
            case ResponseArrived():
                return self._response(event, now)
            case PeerLost(peer):
                return self._lost(peer, now)
            case DeadlineCame():
                return list(self._time_outs(now))
            case _:
                return []

    def _response(self, event: ResponseArrived, now: Now) -> list[Answer]:
        request = self.in_flight.get(event.correlation_id)
        if request is None or request.peer != event.peer:
            return []  # it was given up before its answer came
        del self.in_flight[event.correlation_id]
        if isinstance(request.purpose, _Handshake):
            return self._acquainted(request, event.body, now)
        return [Answer(event.peer, request.purpose, request.body, event.body)]

    def _acquainted(self, request: InFlight, answer: Message, now: Now) -> list[Answer]:
        invariant(isinstance(answer, ApiVersionsResponse), "ApiVersions is answered in kind")
        assert isinstance(answer, ApiVersionsResponse)  # for mypy
        known = self._peers[request.peer]
        known.versions = {
            api.api_key: (api.min_version, api.max_version) for api in answer.api_keys
        }
        known.agreed.clear()
        code = error_code(answer.error_code)
        if code is ErrorCode.UNSUPPORTED_VERSION:
            # An older broker answers in version 0 and names at least the versions of this API.
            _, highest = known.versions.get(ApiVersionsRequest.schema.key, (0, 0))
            if highest < request.version:
                self._greet(request.peer, known, highest, now)
                return []
        if code is not ErrorCode.NONE:
            return self._lost(request.peer, now)
        known.link = Link.READY
        known.failures = 0
        return []

    def _lost(self, peer: int, now: Now, timed_out: bool = False) -> list[Answer]:
        known = self._peers.setdefault(peer, _Peer())
        backoff = ExponentialBackoff(
            self.config.reconnect_backoff_ms, self.config.reconnect_backoff_max_ms, self.entropy
        )
        if known.link is not Link.IDLE:
            known.retry_at_us = now.mono_us + backoff.delay_us(known.failures)
            known.failures += 1
        known.link = Link.IDLE
        given_up = [number for number, r in self.in_flight.items() if r.peer == peer]
        requests = [self.in_flight.pop(number) for number in given_up]
        return [
            Answer(peer, request.purpose, request.body, None, timed_out)
            for request in requests
            if not isinstance(request.purpose, _Handshake)
        ]

    def _time_outs(self, now: Now) -> Iterator[Answer]:
        for known in self._peers.values():
            if known.retry_at_us <= now.mono_us:
                known.wanted = False  # who still wants to send asks again, now
        silent = {r.peer: None for r in self.in_flight.values() if r.deadline_us <= now.mono_us}
        for peer in silent:
            reason = f"no answer within {self.config.request_timeout_ms} ms"
            self.effects.append(Close(peer, reason))
            yield from self._lost(peer, now, timed_out=True)

    # -- waiting -----------------------------------------------------------------------------------

    def deadline(self) -> int | None:
        """When the next request times out, or the next peer may be tried again."""
        # All requests have the same time, so the one that left first times out first.
        first = next(iter(self.in_flight.values()), None)
        earliest = None if first is None else first.deadline_us
        for peer in self._peers.values():
            if peer.wanted and peer.link is Link.IDLE:
                retry_at_us = peer.retry_at_us
                earliest = retry_at_us if earliest is None else min(earliest, retry_at_us)
        return earliest

    def take_effects(self) -> list[Effect]:
        """What is to be sent since the last call, in order."""
        effects, self.effects = self.effects, []
        return effects
