"""Which leader each partition is followed at: one fetcher for each leader.

The metadata say whom to follow. What goes on between this broker and one leader is the fetcher's
own business (`broker.replication.fetcher`); what all of them share is here.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.events import Effect, Now, PeerLost, ResponseArrived, earliest
from broker.replication.fetcher import LeaderFetcher
from broker.replication.following import Following
from broker.replication.partition import Partition, PartitionKey

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas


@dataclass(slots=True)
class _Place:
    leader: int
    state: Following


class Fetchers:
    """One fetcher for each leader, and who is followed where."""

    def __init__(self, replicas: Replicas, effects: list[Effect]) -> None:
        self.replicas = replicas
        self.effects = effects
        self._sent = 0
        self._rests = 0
        self._by_leader: dict[int, LeaderFetcher] = {}
        self._places: dict[PartitionKey, _Place] = {}
        self._to_send: dict[int, None] = {}

    @property
    def broker_epoch(self) -> int:
        """Our run, which each fetch tells; without it none is sent."""
        return self.replicas.around.broker_epoch

    @property
    def back_off_us(self) -> int:
        """How long a partition, or a leader, is left alone after an error."""
        return self.replicas.config.replica_fetch_backoff_ms * 1000

    def gone(self, now: Now) -> frozenset[int]:
        """The leaders that seem to be dead. Their successors are elected, if they are, in the time
        of a session, or a little later where a new controller has to be elected first."""
        config = self.replicas.config
        patience_ms = config.broker_session_timeout_ms + config.controller_quorum_fetch_timeout_ms
        return frozenset(
            leader
            for leader, fetcher in self._by_leader.items()
            if fetcher.contact.is_gone(now, patience_ms * 1000)
        )

    def returned(self, broker_id: int) -> None:
        """The controller says that a broker serves, perhaps in a new life."""
        fetcher = self._by_leader.get(broker_id)
        if fetcher is not None:
            fetcher.contact.answered()

    def rest(self, resting: list[tuple[int, int, Following]], state: Following, now: Now) -> None:
        """Leave a partition alone for a while."""
        self._rests += 1
        heapq.heappush(resting, (now.mono_us + self.back_off_us, self._rests, state))

    def next_correlation_id(self) -> int:
        """The lane is ours, and so are its numbers."""
        self._sent += 1
        return self._sent

    def deadline(self) -> int | None:
        """When a back-off or somebody's time is over; the past while something is to be sent."""
        if self._to_send:
            return 0
        return earliest(*[fetcher.deadline() for fetcher in self._by_leader.values()])

    def run(self, now: Now) -> None:
        """Do what is due."""
        self.send(now)
        for fetcher in self._by_leader.values():
            due_us = fetcher.deadline()
            if due_us is not None and due_us <= now.mono_us:
                fetcher.run(now)

    def follow(self, partition: Partition, now: Now) -> None:
        """Fetch a partition from its leader, in its present epoch; nothing if that is done already.

        Even under the same leader a new epoch begins anew: the leader has to tell where its log
        and ours part, and what is under way was asked in another epoch.
        """
        place = self._places.get(partition.key)
        if place is not None:
            state = place.state
            if state.partition is partition and state.leader_epoch == partition.leader_epoch:
                return
            self.forget(partition.key)
        if partition.leader < 0 or partition.offline:
            return
        state = Following(partition, partition.leader_epoch)
        leader = partition.leader
        fetcher = self._by_leader.get(leader)
        if fetcher is None:
            fetcher = self._by_leader[leader] = LeaderFetcher(leader, self)
        self._places[partition.key] = _Place(leader, state)
        fetcher.add(state, now)
        self._to_send[leader] = None

    def forget(self, key: PartitionKey) -> None:
        """Follow a partition no longer."""
        place = self._places.pop(key, None)
        if place is not None:
            fetcher = self._by_leader[place.leader]
            fetcher.drop(key)
            if fetcher.waits_for_disk:
                # Perhaps for this log, of which it will hear no more.
                self._to_send[place.leader] = None

    def send(self, now: Now) -> None:
        """Let those fetchers ask that have got something new to ask for."""
        for leader in list(self._to_send):
            self._by_leader[leader].send(now)
        self._to_send.clear()

    def wake_all(self, now: Now) -> None:
        """Our broker epoch is known now."""
        for fetcher in self._by_leader.values():
            fetcher.send(now)

    def synced(self, partition: Partition, now: Now) -> None:
        """What a partition has is durable."""
        place = self._places.get(partition.key)
        if place is not None:
            self._by_leader[place.leader].synced(now)

    def response(self, event: ResponseArrived, now: Now) -> None:
        """A leader has answered."""
        fetcher = self._by_leader.get(event.peer)
        if fetcher is not None:
            fetcher.response(event, now)

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The connection to a leader is gone, or there was none."""
        fetcher = self._by_leader.get(event.peer)
        if fetcher is not None:
            fetcher.lost(now)
