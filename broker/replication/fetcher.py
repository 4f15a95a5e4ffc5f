"""The follower's side: one long poll to each leader, for all partitions that are followed there.

    follow       the metadata name a leader: its fetcher asks for the partition from now on
    send         one request at a time; what may not be asked for yet (a back-off) is left out
    response     to each partition what is its own: records, a divergence, an error
    run          a back-off has passed, or an answer has not come in time

The position in the log *is* the fetch offset; nothing else is remembered. An answer counts only if
the partition is still where it was when it was asked for: same offset, same leader epoch (Kafka's
`AbstractFetcherThread`, as a state machine in the place of a thread).

A leader that holds a fetch back does not know of a partition that is new in the next one. Rather
than to let it wait out the long poll, the fetcher hangs up and asks anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from broker.events import REPLICATION, Effect, HangUp, Now, PeerLost, ResponseArrived, Send
from broker.replication import following
from broker.replication.following import Following, Step
from broker.replication.partition import Partition, PartitionKey
from broker.wire.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
    ReplicaState,
)
from broker.wire.messages.list_offsets import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from broker.wire.schema import Message

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

_LOG = logging.getLogger("broker.replication")

FETCH_VERSION = 18
LIST_OFFSETS_VERSION = 11
WITHOUT_SESSION = -1
PATIENCE_US = 10_000
"""How long a fetch may be under way before a partition that is new is a reason to hang up."""


class _Asked(NamedTuple):
    """One partition in a request: what was known when it was sent."""

    state: Following
    offset: int


class _InFlight(NamedTuple):
    correlation_id: int
    step: Step
    sent_us: int
    expires_us: int
    asked: dict[tuple[object, int], _Asked]
    """By topic (its id in Fetch, its name in ListOffsets) and index."""


class LeaderFetcher:
    """All that is fetched from one leader. Times are monotonic microseconds."""

    def __init__(self, leader: int, fetchers: Fetchers) -> None:
        self.leader = leader
        self.following: dict[PartitionKey, Following] = {}
        """In the order in which they are asked for: who got something goes to the end."""
        self._fetchers = fetchers
        self._replicas = fetchers.replicas
        self._in_flight: _InFlight | None = None
        self._ready_us = 0
        self._next_us: int | None = None
        self._hang_up_us: int | None = None
        self._waits_for_disk = False

    # -- whom to follow ---------------------------------------------------------------------------

    def add(self, state: Following, now: Now) -> None:
        """Ask for one more partition."""
        self.following[state.partition.key] = state
        if self._in_flight is not None and self._in_flight.step is Step.FETCH:
            self._hang_up_us = max(now.mono_us, self._in_flight.sent_us + PATIENCE_US)

    def deadline(self) -> int | None:
        """When something is due."""
        if self._in_flight is None:
            return self._next_us
        if self._hang_up_us is not None:
            return min(self._hang_up_us, self._in_flight.expires_us)
        return self._in_flight.expires_us

    def run(self, now: Now) -> None:
        """A back-off has passed, or patience ran out."""
        flight = self._in_flight
        if flight is not None:
            expired = flight.expires_us <= now.mono_us
            if not expired and (self._hang_up_us is None or self._hang_up_us > now.mono_us):
                return
            self._fetchers.effects.append(HangUp(self.leader, REPLICATION))
            self._landed()
            if expired:
                self._ready_us = now.mono_us + self._fetchers.back_off_us
        self.send(now)

    def lost(self, now: Now) -> None:
        """The connection is gone: leave the leader alone for a moment."""
        self._landed()
        self._ready_us = now.mono_us + self._fetchers.back_off_us
        self.send(now)

    def _landed(self) -> None:
        self._in_flight = self._hang_up_us = None

    def synced(self, now: Now) -> None:
        """A log is durable now; perhaps it was waited for."""
        if self._waits_for_disk:
            self.send(now)

    # -- asking -----------------------------------------------------------------------------------

    def send(self, now: Now) -> None:
        """Ask for what may be asked for, unless an answer is awaited or nothing may be."""
        self._next_us = None
        self._waits_for_disk = False
        if self._in_flight is not None or self._fetchers.broker_epoch < 0 or not self.following:
            return
        if self._ready_us > now.mono_us:
            self._next_us = self._ready_us
            return
        ready = [state for state in self.following.values() if state.ready_us <= now.mono_us]
        if len(ready) < len(self.following):
            self._next_us = min(
                state.ready_us for state in self.following.values() if state.ready_us > now.mono_us
            )
        for step in (Step.LATEST, Step.EARLIEST):
            lost = [state for state in ready if state.step is step]
            if lost:
                self._ask_offsets(step, lost, now)
                return
        if any(state.partition.own_end_offset < state.fetch_offset for state in ready):
            # flush.messages: with the next fetch we would vouch for what is not durable.
            self._waits_for_disk = True
        elif ready:
            self._ask_records(ready, now)

    def _ask_records(self, ready: list[Following], now: Now) -> None:
        config = self._replicas.config
        topics: dict[bytes, FetchTopic] = {}
        asked: dict[tuple[object, int], _Asked] = {}
        for state in ready:
            partition, log = state.partition, state.partition.log
            topic = topics.get(partition.topic_id)
            if topic is None:
                topic = FetchTopic(topic=partition.topic, topic_id=partition.topic_id)
                topics[partition.topic_id] = topic
            offset = log.log_end_offset
            topic.partitions.append(
                FetchPartition(
                    partition=partition.index,
                    current_leader_epoch=state.leader_epoch,
                    fetch_offset=offset,
                    last_fetched_epoch=log.last_epoch,
                    log_start_offset=log.log_start_offset,
                    partition_max_bytes=config.replica_fetch_max_bytes,
                    high_watermark=partition.high_watermark,
                )
            )
            asked[partition.topic_id, partition.index] = _Asked(state, offset)
        wait_ms = config.replica_fetch_wait_max_ms
        if self._next_us is not None:
            # A partition may be asked for again before the long poll would end.
            wait_ms = min(wait_ms, -(-(self._next_us - now.mono_us) // 1000))
        body = FetchRequest(
            replica_state=ReplicaState(
                replica_id=config.node_id, replica_epoch=self._fetchers.broker_epoch
            ),
            max_wait_ms=wait_ms,
            min_bytes=config.replica_fetch_min_bytes,
            max_bytes=config.replica_fetch_response_max_bytes,
            session_epoch=WITHOUT_SESSION,
            topics=list(topics.values()),
        )
        self._send(Step.FETCH, FETCH_VERSION, body, asked, now)

    def _ask_offsets(self, step: Step, lost: list[Following], now: Now) -> None:
        """Where does the leader's log begin, or end? (With our id: its real end.)"""
        timestamp = LATEST_TIMESTAMP if step is Step.LATEST else EARLIEST_TIMESTAMP
        topics: dict[str, ListOffsetsTopic] = {}
        asked: dict[tuple[object, int], _Asked] = {}
        for state in lost:
            partition = state.partition
            topic = topics.setdefault(partition.topic, ListOffsetsTopic(name=partition.topic))
            topic.partitions.append(
                ListOffsetsPartition(
                    partition_index=partition.index,
                    current_leader_epoch=state.leader_epoch,
                    timestamp=timestamp,
                )
            )
            asked[partition.topic, partition.index] = _Asked(state, state.fetch_offset)
        body = ListOffsetsRequest(
            replica_id=self._replicas.config.node_id, topics=list(topics.values())
        )
        self._send(step, LIST_OFFSETS_VERSION, body, asked, now)

    def _send(
        self,
        step: Step,
        version: int,
        body: Message,
        asked: dict[tuple[object, int], _Asked],
        now: Now,
    ) -> None:
        correlation_id = self._fetchers.next_correlation_id()
        expires_us = now.mono_us + self._replicas.config.replica_socket_timeout_ms * 1000
        self._in_flight = _InFlight(correlation_id, step, now.mono_us, expires_us, asked)
        self._fetchers.effects.append(Send(self.leader, correlation_id, version, body, REPLICATION))

    # -- answers ----------------------------------------------------------------------------------

    def response(self, event: ResponseArrived, now: Now) -> None:
        """Give each partition its part of the answer, and ask for more."""
        flight = self._in_flight
        if flight is None or event.correlation_id != flight.correlation_id:
            return
        self._landed()
        back_off_until = now.mono_us + self._fetchers.back_off_us
        body = event.body
        if isinstance(body, FetchResponse) and body.error_code:
            self._ready_us = back_off_until
        for asked, result in _results(flight, body):
            state = asked.state
            key = state.partition.key
            if self.following.get(key) is not state or asked.offset != state.fetch_offset:
                continue
            if isinstance(result, PartitionData):
                outcome = following.take_data(self._replicas, state, result, now)
                if result.records and key in self.following:
                    # The others come first next time, should the answer be too small for all.
                    self.following[key] = self.following.pop(key)
            else:
                outcome = following.take_offset(self._replicas, state, result, now)
            if outcome is following.Outcome.FAILED:
                self.following.pop(key, None)  # who went offline has been forgotten already
            elif outcome is following.Outcome.LATER:
                state.ready_us = back_off_until
        self.send(now)


def _results(
    flight: _InFlight, body: Message
) -> Iterator[tuple[_Asked, PartitionData | ListOffsetsPartitionResponse]]:
    """What was asked for, each with its answer; what was not asked for is passed over."""
    if isinstance(body, FetchResponse):
        for topic in body.responses:
            for data in topic.partitions:
                asked = flight.asked.get((topic.topic_id, data.partition_index))
                if asked is not None:
                    yield asked, data
    elif isinstance(body, ListOffsetsResponse):
        for named in body.topics:
            for found in named.partitions:
                asked = flight.asked.get((named.name, found.partition_index))
                if asked is not None:
                    yield asked, found


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

    def next_correlation_id(self) -> int:
        """The lane is ours, and so are its numbers."""
        self._sent += 1
        return self._sent

    def deadline(self) -> int | None:
        """When a back-off or somebody's time is over; the past while something is to be sent."""
        if self._to_send:
            return 0
        times = [fetcher.deadline() for fetcher in self._by_leader.values()]
        return min((time for time in times if time is not None), default=None)

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
            self._by_leader[place.leader].following.pop(key, None)

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
