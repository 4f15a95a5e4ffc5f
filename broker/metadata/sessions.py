"""Sessions: when each broker was last heard of, and how far it knows the metadata.

A broker that is silent for `broker.session.timeout.ms` counts as dead and is fenced. Time is
monotonic, and the controller's own: no broker's clock matters. All of this is memory of the active
controller alone; a new one gives everybody a fresh session, because it cannot know better (Kafka's
`BrokerHeartbeatManager` and `BrokerHeartbeatTracker`).

The broker that is one process with the controller has no session. It is alive if anybody is, and a
cluster of one that is idle waits for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.metadata.image import ClusterImage


@dataclass(slots=True)
class _Progress:
    """What a broker's heartbeats said."""

    metadata_offset: int = -1
    """The last offset of the metadata that it had applied."""
    shutdown_offset: int = -1
    """Once all others have applied this, a broker in controlled shutdown may stop; -1: none."""


class Sessions:
    """The brokers' sessions with this controller."""

    def __init__(self, own_id: int) -> None:
        self._own_id = own_id
        self._contact: dict[tuple[int, int], int] = {}
        self._connected: set[tuple[int, int]] = set()
        self._progress: dict[int, _Progress] = {}

    def begin(self, image: ClusterImage, now_us: int) -> None:
        """A new controller: every broker that is not fenced is heard of now."""
        self._contact = {
            (broker.broker_id, broker.epoch): now_us
            for broker in image.brokers.values()
            if not broker.fenced and broker.broker_id != self._own_id
        }
        self._progress = {broker_id: _Progress() for broker_id in image.brokers}

    def was_silent(self, broker_id: int, silence_us: int) -> None:
        """A new controller knows of one broker that it was not heard of for a while."""
        for key in self._contact:
            if key[0] == broker_id:
                self._contact[key] -= silence_us

    def hung_up(self, broker_id: int, last_us: int) -> None:
        """A broker's session is cut short, as if it had been silent since `last_us`."""
        for key, at in self._contact.items():
            if key[0] == broker_id:
                self._contact[key] = min(at, last_us)
                self._connected.discard(key)

    def touch(self, broker_id: int, epoch: int, now_us: int) -> None:
        """A heartbeat came, whatever becomes of it."""
        if broker_id != self._own_id:
            self._contact[broker_id, epoch] = now_us
            self._connected.add((broker_id, epoch))

    def is_alive(self, broker_id: int, epoch: int, timeout_us: int, now_us: int) -> bool:
        """Whether that life of the broker still counts as running."""
        last = self._contact.get((broker_id, epoch))
        return last is not None and now_us <= last + timeout_us

    def is_connected(self, broker_id: int, epoch: int) -> bool:
        """Whether that life has sent a heartbeat here, on a connection that has not ended since."""
        return (broker_id, epoch) in self._connected

    def forget(self, broker_id: int) -> None:
        """A new life of a broker begins, or it is unregistered."""
        for key in [key for key in self._contact if key[0] == broker_id]:
            self.end(*key)
        self._progress.pop(broker_id, None)

    def deadline(self, timeout_us: int) -> int | None:
        """When the first session ends, if nobody is heard of until then."""
        return min(self._contact.values()) + timeout_us + 1 if self._contact else None

    def expired(self, timeout_us: int, now_us: int) -> tuple[int, int] | None:
        """A broker and epoch whose session is over, the one that is silent for longest."""
        first_us = self.deadline(timeout_us)
        if first_us is None or first_us > now_us:
            return None
        key, _ = min(self._contact.items(), key=lambda entry: (entry[1], entry[0]))
        return key

    def end(self, broker_id: int, epoch: int) -> None:
        """A session is over."""
        self._contact.pop((broker_id, epoch), None)
        self._connected.discard((broker_id, epoch))

    # -- controlled shutdown (KIP-841) ------------------------------------------------------------

    def applied(self, broker_id: int, offset: int, fenced: bool) -> None:
        """How far a broker is. One that is fenced is not on its way out any more."""
        progress = self._progress.setdefault(broker_id, _Progress())
        progress.metadata_offset = offset
        if fenced:
            progress.shutdown_offset = -1

    def is_shutting_down(self, broker_id: int) -> bool:
        """Whether a broker is told to wait until the others know of its leaving."""
        return self._progress.setdefault(broker_id, _Progress()).shutdown_offset >= 0

    def shuts_down_at(self, broker_id: int, offset: int) -> None:
        """The others must know the metadata up to `offset` before the broker stops."""
        progress = self._progress.setdefault(broker_id, _Progress())
        if progress.shutdown_offset < 0:
            progress.shutdown_offset = offset

    def hands_over_until(self, broker_id: int, offset: int) -> None:
        """A broker that is shutting down had more to hand over, up to `offset`."""
        if self.is_shutting_down(broker_id):
            self._progress[broker_id].shutdown_offset = offset

    def all_know_of(self, broker_id: int, image: ClusterImage) -> bool:
        """Whether every broker that stays has applied what makes this one leave."""
        wanted = self._progress.setdefault(broker_id, _Progress()).shutdown_offset
        return all(
            self._progress.setdefault(broker.broker_id, _Progress()).metadata_offset >= wanted
            for broker in image.brokers.values()
            if not broker.fenced and not self.is_shutting_down(broker.broker_id)
        )
