"""The follower's side: one long poll to each leader, for all partitions that are followed there.

    follow       the metadata name a leader: its fetcher asks for the partition from now on
    send         one request at a time; what may not be asked for yet (a back-off) is left out
    response     to each partition what is its own: records, a divergence, an error
    run          a back-off has passed, or an answer has not come in time

The position in the log *is* the fetch offset; nothing else is remembered. An answer counts only if
the partition is still where it was when it was asked for: same offset, same leader epoch (Kafka's
`AbstractFetcherThread`, as a state machine in the place of a thread). Within a session only what
has changed is asked for again (`broker.replication.asking`).

A leader that holds a fetch back does not know of a partition that is new in the next one. Rather
than to let it wait out the long poll, the fetcher hangs up and asks anew.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from broker.events import (
    REPLICATION,
    HangUp,
    Now,
    ResponseArrived,
    Send,
    earliest,
)
from broker.replication import following
from broker.replication.asking import Asking
from broker.replication.contact import Contact
from broker.replication.following import Following, Outcome, Step
from broker.replication.partition import PartitionKey
from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import FetchResponse
from broker.wire.messages.list_offsets import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from broker.wire.schema import Message

if TYPE_CHECKING:
    from broker.replication.fetchers import Fetchers

FETCH_VERSION = 18
LIST_OFFSETS_VERSION = 11
PATIENCE_US = 10_000
"""How long a fetch may be under way before a partition that is new is a reason to hang up."""
SESSION_IS_OVER = (
    ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    ErrorCode.INVALID_FETCH_SESSION_EPOCH,
    ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
)


class _InFlight(NamedTuple):
    correlation_id: int
    sent_us: int
    expires_us: int
    offsets_of: dict[tuple[str, int], Following] | None
    """Whose ends of the log are asked for, in ListOffsets; None: this is a Fetch."""


class LeaderFetcher:
    """All that is fetched from one leader. Times are monotonic microseconds."""

    def __init__(self, leader: int, fetchers: Fetchers) -> None:
        self.leader = leader
        self.following: dict[PartitionKey, Following] = {}
        self.contact = Contact()
        self._fetchers = fetchers
        self._replicas = fetchers.replicas
        self._asking = Asking()
        self._resting: list[tuple[int, int, Following]] = []
        """Who backs off, and until when: a heap."""
        self._lost: dict[PartitionKey, Following] = {}
        """Who is out of range, and asks next where the leader's log begins and ends."""
        self._in_flight: _InFlight | None = None
        self._ready_us = 0
        self._next_us: int | None = None
        self._hang_up_us: int | None = None
        self.waits_for_disk = False

    # -- whom to follow ---------------------------------------------------------------------------

    def add(self, state: Following, now: Now) -> None:
        """Ask for one more partition."""
        self.following[state.partition.key] = state
        self._asking.ask(state)
        flight = self._in_flight
        if flight is not None and flight.offsets_of is None and self._asking.in_session:
            self._hang_up_us = max(now.mono_us, flight.sent_us + PATIENCE_US)

    def drop(self, key: PartitionKey) -> None:
        """Ask for a partition no longer."""
        state = self.following.pop(key, None)
        self._lost.pop(key, None)
        if state is not None:
            self._asking.leave(state)

    def deadline(self) -> int | None:
        """When something is due."""
        if self._in_flight is None:
            return self._next_us
        return earliest(self._hang_up_us, self._in_flight.expires_us)

    def run(self, now: Now) -> None:
        """A back-off has passed, or patience ran out."""
        flight = self._in_flight
        if flight is not None:
            expired = flight.expires_us <= now.mono_us
            if not expired and (self._hang_up_us is None or self._hang_up_us > now.mono_us):
                return
            self._fetchers.effects.append(HangUp(self.leader, REPLICATION))
            self._broken()
            if expired:
                self._ready_us = now.mono_us + self._fetchers.back_off_us
        self.send(now)

    def lost(self, now: Now) -> None:
        """The connection is gone; if it was not the first, leave the leader alone for a moment."""
        self._broken()
        if not self.contact.broke(now):
            self._ready_us = now.mono_us + self._fetchers.back_off_us
        self.send(now)

    def _broken(self) -> None:
        """Without its connection the session is gone; everything is asked for anew."""
        self._landed()
        resting = {id(state) for _, _, state in self._resting}
        self._asking.begin_anew(
            state
            for key, state in self.following.items()
            if key not in self._lost and id(state) not in resting
        )

    def _landed(self) -> None:
        self._in_flight = self._hang_up_us = None

    def synced(self, now: Now) -> None:
        """A log is durable now; perhaps it was waited for."""
        if self.waits_for_disk:
            self.send(now)

    # -- asking -----------------------------------------------------------------------------------

    def send(self, now: Now) -> None:
        """Ask for what may be asked for, unless an answer is awaited or nothing may be."""
        self._next_us = None
        self.waits_for_disk = False
        if self._in_flight is not None or self._fetchers.broker_epoch < 0 or not self.following:
            return
        if self._ready_us > now.mono_us:
            self._next_us = self._ready_us
            return
        while self._resting and self._resting[0][0] <= now.mono_us:
            state = heapq.heappop(self._resting)[2]
            if self.following.get(state.partition.key) is state:
                self._ask(state)
        if self._resting:
            self._next_us = self._resting[0][0]
        if self._lost:
            self._ask_offsets(now)
        elif self._asking.awaits_disk():
            # flush.messages: with the next fetch we would vouch for what is not durable.
            self.waits_for_disk = True
        elif self._asking:
            self._ask_records(now)

    def _ask(self, state: Following) -> None:
        if state.step is Step.FETCH:
            self._asking.ask(state)
        else:
            self._lost[state.partition.key] = state

    def _ask_records(self, now: Now) -> None:
        config = self._replicas.config
        wait_ms = config.replica_fetch_wait_max_ms
        if self._next_us is not None:
            # A partition may be asked for again before the long poll would end.
            wait_ms = min(wait_ms, -(-(self._next_us - now.mono_us) // 1000))
        body = self._asking.request(config, self._fetchers.broker_epoch, wait_ms)
        self._send(FETCH_VERSION, body, None, now)

    def _ask_offsets(self, now: Now) -> None:
        """Where does the leader's log end, or begin? (With our id: its real end.) One of the two in
        a request; whoever needs the other waits for the next."""
        step = next(iter(self._lost.values())).step
        asked = {key: state for key, state in self._lost.items() if state.step is step}
        topics: dict[str, ListOffsetsTopic] = {}
        for state in asked.values():
            partition = state.partition
            topic = topics.setdefault(
                partition.topic, ListOffsetsTopic(name=partition.topic, partitions=[])
            )
            topic.partitions.append(
                ListOffsetsPartition(
                    partition_index=partition.index,
                    current_leader_epoch=state.leader_epoch,
                    timestamp=LATEST_TIMESTAMP if step is Step.LATEST else EARLIEST_TIMESTAMP,
                )
            )
        body = ListOffsetsRequest(
            replica_id=self._replicas.config.node_id, topics=list(topics.values())
        )
        self._send(LIST_OFFSETS_VERSION, body, asked, now)

    def _send(
        self,
        version: int,
        body: Message,
        offsets_of: dict[tuple[str, int], Following] | None,
        now: Now,
    ) -> None:
        correlation_id = self._fetchers.next_correlation_id()
        expires_us = now.mono_us + self._replicas.config.replica_socket_timeout_ms * 1000
        self._in_flight = _InFlight(correlation_id, now.mono_us, expires_us, offsets_of)
        self._fetchers.effects.append(Send(self.leader, correlation_id, version, body, REPLICATION))

    # -- answers ----------------------------------------------------------------------------------

    def response(self, event: ResponseArrived, now: Now) -> None:
        """Give each partition its part of the answer, and ask for more."""
        flight, body = self._in_flight, event.body
        if flight is None or event.correlation_id != flight.correlation_id:
            return
        self._landed()
        self.contact.answered()
        if isinstance(body, FetchResponse):
            if body.error_code:
                # The session is over. Anything else than that is the leader's trouble.
                self._broken()
                if body.error_code not in SESSION_IS_OVER:
                    self._ready_us = now.mono_us + self._fetchers.back_off_us
            self._asking.answered(body.session_id)
            self._take_records(body, now)
        elif isinstance(body, ListOffsetsResponse) and flight.offsets_of is not None:
            self._take_offsets(body, flight.offsets_of, now)
        self._replicas.write_cuts()
        self.send(now)

    def _take_records(self, body: FetchResponse, now: Now) -> None:
        asking = self._asking
        for topic in body.responses:
            for data in topic.partitions:
                asked = asking.asked(topic.topic_id, data.partition_index)
                if asked is None or asked.offset != asked.state.fetch_offset:
                    continue
                state = asked.state
                if self.following.get(state.partition.key) is not state:
                    # It was asked in another epoch, and is asked for anew.
                    continue
                outcome = following.take_data(self._replicas, state, data, now)
                self._go_on(state, outcome, now)

    def _take_offsets(
        self, body: ListOffsetsResponse, asked: dict[tuple[str, int], Following], now: Now
    ) -> None:
        for topic in body.topics:
            for found in topic.partitions:
                key = (topic.name, found.partition_index)
                state = self._lost.get(key)
                if state is None or asked.get(key) is not state:
                    continue
                del self._lost[key]
                outcome = following.take_offset(self._replicas, state, found, now)
                self._go_on(state, outcome, now)

    def _go_on(self, state: Following, outcome: Outcome, now: Now) -> None:
        """What becomes of a partition after an answer."""
        if outcome is Outcome.ON and state.step is Step.FETCH:
            self._asking.ask(state)
            return
        self._asking.leave(state)
        if outcome is Outcome.ON:
            self._lost[state.partition.key] = state
        elif outcome is Outcome.LATER:
            self._fetchers.rest(self._resting, state, now)
        else:
            self.following.pop(state.partition.key, None)
