"""From the leaders on this broker to the controller: these are in sync now (AlterPartition).

    propose      a partition's change joins the others that wait
    send         all that wait go in one request; there is one under way at a time
    response     each partition takes its answer; what must be tried again waits again
    watch        look at a partition when a follower could have been behind for too long

A request that got lost is sent again, to whoever is the controller then: the partition epochs in it
make sure that it has an effect once (Kafka's `AlterPartitionManager`).
"""

from __future__ import annotations

import heapq
import logging
from typing import NamedTuple

from broker.events import ISR, Effect, HangUp, Now, PeerLost, ResponseArrived, Send
from broker.replication.follower import Follower
from broker.replication.isr import (
    Proposal,
    next_laggard_us,
    propose_to_expand,
    propose_to_shrink,
    request_for,
    take_answer,
)
from broker.replication.partition import Partition, PartitionKey
from broker.replication.surroundings import Surroundings
from broker.wire.errors import ErrorCode
from broker.wire.messages.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionResponse,
    PartitionResult,
    TopicData,
)

_LOG = logging.getLogger("broker.replication")

VERSION = 3
RETRY_US = 50_000
"""How soon a request is tried again that found no controller (Kafka waits as long)."""
LOOK_AGAIN_US = 500_000
"""How soon a refused change may be asked for again: about when the follower fetches again."""


class _InFlight(NamedTuple):
    correlation_id: int
    controller_id: int
    expires_us: int
    sent: dict[PartitionKey, tuple[Partition, Proposal]]


class IsrChanges:
    """The changes that wait for the controller, and the clocks that lead to more of them."""

    def __init__(self, around: Surroundings, effects: list[Effect]) -> None:
        self._around = around
        self._effects = effects
        self._waiting: dict[PartitionKey, tuple[Partition, Proposal]] = {}
        self._in_flight: _InFlight | None = None
        self._sent = 0
        self._retry_us: int | None = None
        self._watched: list[tuple[int, int, Partition]] = []
        self._watches = 0
        self.to_reconsider: dict[PartitionKey, Partition] = {}
        """Partitions whose in-sync replicas were confirmed, or whose time has come: look at them
        again."""

    def deadline(self) -> int | None:
        """When something is due here."""
        first = self._retry_us if self._in_flight is None else self._in_flight.expires_us
        if self._watched and (first is None or self._watched[0][0] < first):
            first = self._watched[0][0]
        return first

    def run(self, now: Now) -> None:
        """Shrink what has become too slow, and give up on a controller that does not answer."""
        while self._watched and self._watched[0][0] <= now.mono_us:
            _, _, partition = heapq.heappop(self._watched)
            partition.lag_is_watched = False
            self._look_at(partition, now)
        flight = self._in_flight
        if flight is not None and flight.expires_us <= now.mono_us:
            self._effects.append(HangUp(flight.controller_id, ISR))
            self._in_flight, self._retry_us = None, now.mono_us
        if self._retry_us is not None and self._retry_us <= now.mono_us:
            self.send(now)

    # -- what a leader sees of its followers ------------------------------------------------------

    def watch(self, partition: Partition, now: Now) -> None:
        """Plan a look at the laggards of a partition, if there could be some."""
        if partition.lag_is_watched or partition.pending is not None or not partition.is_leader:
            return
        due_us = next_laggard_us(partition, now)
        if due_us is not None:
            self._look_later(partition, due_us)

    def reconsider(self, partition: Partition, now: Now) -> None:
        """A change is decided, or a broker has come: who else may join, who lags?

        A follower that has everything says so only once; so it is looked for, if it is alive.
        """
        if not partition.is_leader or partition.pending is not None:
            return
        end, lag_us = partition.log.log_end_offset, self._around.lag_us
        for follower in partition.followers.values():
            if (
                follower.broker_id not in partition.isr
                and now.mono_us - follower.heard_us() <= lag_us
                and follower.is_caught_up(end, now.mono_us, lag_us)
            ):
                self.consider(partition, follower, now)
        self.watch(partition, now)

    def consider(self, partition: Partition, follower: Follower, now: Now) -> None:
        """A follower has fetched: perhaps it is in sync now."""
        proposal = propose_to_expand(partition, follower)
        if proposal is not None:
            self._submit(partition, proposal, now)

    def _look_at(self, partition: Partition, now: Now) -> None:
        proposal = propose_to_shrink(partition, now)
        if proposal is None:
            self.to_reconsider[partition.key] = partition
            return
        out = [i for i in partition.isr if i not in proposal.isr]
        _LOG.info("%s: %s too far behind, no longer in sync", partition.name, out)
        self._submit(partition, proposal, now)

    def _look_later(self, partition: Partition, due_us: int) -> None:
        partition.lag_is_watched = True
        self._watches += 1
        heapq.heappush(self._watched, (due_us, self._watches, partition))

    # -- to the controller and back ---------------------------------------------------------------

    def _submit(self, partition: Partition, proposal: Proposal, now: Now) -> None:
        self._waiting[partition.key] = (partition, proposal)
        self.send(now)

    def send(self, now: Now) -> None:
        """Send all that waits, unless a request is under way or there is nobody to ask."""
        around = self._around
        if self._in_flight is not None or (
            self._retry_us is not None and self._retry_us > now.mono_us
        ):
            return
        self._retry_us = None
        self._waiting = {
            key: (partition, proposal)
            for key, (partition, proposal) in self._waiting.items()
            if partition.pending is proposal
        }
        if not self._waiting or around.controller_id < 0 or around.broker_epoch < 0:
            return
        self._sent += 1
        expires_us = now.mono_us + around.config.controller_quorum_request_timeout_ms * 1000
        self._in_flight = _InFlight(
            self._sent, around.controller_id, expires_us, dict(self._waiting)
        )
        body = AlterPartitionRequest(
            broker_id=around.broker_id, broker_epoch=around.broker_epoch, topics=self._topics()
        )
        self._effects.append(Send(around.controller_id, self._sent, VERSION, body, ISR))

    def _topics(self) -> list[TopicData]:
        topics: dict[bytes, TopicData] = {}
        for partition, proposal in self._waiting.values():
            topic = topics.setdefault(
                partition.topic_id, TopicData(topic_id=partition.topic_id, partitions=[])
            )
            topic.partitions.append(request_for(partition, proposal))
        return list(topics.values())

    def response(self, event: ResponseArrived, now: Now) -> None:
        """The controller has answered."""
        flight, answer = self._in_flight, event.body
        if flight is None or event.correlation_id != flight.correlation_id:
            return
        self._in_flight = None
        if not isinstance(answer, AlterPartitionResponse) or answer.error_code != ErrorCode.NONE:
            # Not the controller (any more), or it does not know this run of ours yet.
            self._retry_us = now.mono_us + RETRY_US
            return
        results = {
            (topic.topic_id, result.partition_index): result
            for topic in answer.topics
            for result in topic.partitions
        }
        for partition, proposal in flight.sent.values():
            self._answered(partition, proposal, results, now)
        self.send(now)

    def _answered(
        self,
        partition: Partition,
        proposal: Proposal,
        results: dict[tuple[bytes, int], PartitionResult],
        now: Now,
    ) -> None:
        key = partition.key
        result = results.get((partition.topic_id, partition.index))
        if result is None or take_answer(partition, proposal, result):
            # It stays among those that wait.
            self._retry_us = now.mono_us + RETRY_US
            return
        waiting = self._waiting.get(key)
        if waiting is not None and waiting[1] is proposal:
            del self._waiting[key]
        if result.error_code:
            # What was refused may be right a little later.
            self._look_later(partition, now.mono_us + LOOK_AGAIN_US)
        else:
            self.to_reconsider[key] = partition

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The way to the controller is gone."""
        if self._in_flight is not None and event.peer == self._in_flight.controller_id:
            self._in_flight = None
            self._retry_us = now.mono_us + RETRY_US

    def controller_changed(self, now: Now) -> None:
        """Somebody else decides now; what the one before did not answer is asked again."""
        flight = self._in_flight
        if flight is not None and flight.controller_id != self._around.controller_id:
            self._effects.append(HangUp(flight.controller_id, ISR))
            self._in_flight = None
        self._retry_us = None
        self.send(now)
