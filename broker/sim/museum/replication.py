"""Bugs of replication: how acknowledged records were lost, or logs grew apart.

Each function here makes a wrong one out of the right one. Read them beside what they replace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.api import list_offsets, produce
from broker.events import Now
from broker.log.log import Log
from broker.log.producer_state import ProducerState
from broker.metadata import brokers
from broker.metadata.broker_config import BrokerConfig
from broker.metadata.elections import without_broker
from broker.metadata.image import ClusterImage
from broker.metadata.partition_change import Election, Rules
from broker.replication import following
from broker.replication.fetchers import Fetchers
from broker.replication.partition import Partition
from broker.sim.museum.bug import Bug
from broker.sim.swarm import TopicPlan
from broker.wire.records import BATCH_OVERHEAD, read_header
from broker.wire.schema import Message

Right = Callable[..., Any]
ONE_PARTITION = (TopicPlan("t1", 1, 3, {"min.insync.replicas": "2"}),)
"""All that goes wrong is about one partition with three replicas."""


# -- truncation ----------------------------------------------------------------------------------


def _cut_to_own_watermark(right: Right) -> Right:
    def follow(self: Fetchers, partition: Partition, now: Now) -> None:
        place = self._places.get(partition.key)
        if place is None or place.state.leader_epoch != partition.leader_epoch:
            following._cut(self.replicas, partition, partition.high_watermark)
        right(self, partition, now)

    return follow


def _compare_ends_without_epochs(_: Right) -> Right:
    def diverges(self: Partition, epoch: int, offset: int) -> tuple[int, int] | None:
        _, end = self.log.end_offset_for_epoch(epoch)
        return (epoch, end) if 0 <= end < offset else None

    return diverges


def _compare_nothing(_: Right) -> Right:
    def diverges(self: Partition, epoch: int, offset: int) -> tuple[int, int] | None:
        return None

    return diverges


def _note_no_epoch(right: Right) -> Right:
    def _begin_epoch(self: Partition, led_before: bool, now: Now) -> None:
        noted, self.log.assign_epoch = self.log.assign_epoch, lambda _: None  # type: ignore
        try:
            right(self, led_before, now)
        finally:
            self.log.assign_epoch = noted  # type: ignore[method-assign]

    return _begin_epoch


# -- elections -----------------------------------------------------------------------------------


def _trust_who_crashed(_: Right) -> Right:
    def after_restart(
        image: ClusterImage, config: BrokerConfig, broker_id: int, clean: bool
    ) -> list[Message]:
        return without_broker(image, config, broker_id)

    return after_restart


def _elect_anybody(_: Right) -> Any:
    return property(lambda self: Election.UNCLEAN)


# -- what clients are told -----------------------------------------------------------------------


def _tell_the_end_at_once(right: Right) -> Right:
    def _find(partition: Partition, asked: Any, body: Any, version: int) -> list_offsets.Found:
        if asked.timestamp != list_offsets.LATEST:
            return right(partition, asked, body, version)  # type: ignore[no-any-return]
        end = list_offsets._end(partition, body)
        return list_offsets.Found(end, leader_epoch=partition.leader_epoch)

    return _find


def _begin_with_the_next_batch(right: Right) -> Right:
    def read(
        self: Log, offset: int, max_bytes: int, end_offset: int, min_one: bool = True
    ) -> bytes:
        data: bytes = right(self, offset, max_bytes, end_offset, min_one)
        if len(data) >= BATCH_OVERHEAD:
            first = read_header(data)
            if first.base_offset < offset and first.next_offset < end_offset:
                return data[first.size :] or right(
                    self, first.next_offset, max_bytes, end_offset, min_one
                )
        return data

    return read


def _answer_when_the_leader_has_it(_: Right) -> Right:
    def _is_safe(partition: Partition, acks: int, end_offset: int) -> bool:
        return partition.own_end_offset >= end_offset

    return _is_safe


def _forget_producers(_: Right) -> Right:
    def check(self: ProducerState, header: Any, origin: Any) -> None:
        return None

    return check


BUGS = [
    Bug(
        "truncate-to-own-watermark",
        "KAFKA-1211, KIP-101",
        "A follower that cuts its log to its own high watermark, which it learns one fetch late, "
        "throws away acknowledged records, and may be elected next.",
        Fetchers, "follow", _cut_to_own_watermark,
        ("crash", "clean stop", "election", "flapping"),
        2,
    ),
    Bug(
        "ends-without-epochs",
        "KAFKA-6361, KIP-279",
        "Who is told only where an epoch ended, and not which epoch that was, keeps records of a "
        "leader that lost: after a fast double failover logs still diverge.",
        Partition, "diverges", _compare_ends_without_epochs,
        ("double failover",),
        3, 5, ONE_PARTITION,
    ),
    Bug(
        "no-fencing",
        "KIP-320",
        "Fetch, truncation and high watermark must all be fenced by the leader epoch: else a "
        "follower goes on in another leader's log as if it were the same.",
        Partition, "diverges", _compare_nothing,
        ("pause", "isolation", "one-way cut", "slowness", "election", "flapping"),
        12,
    ),
    Bug(
        "epoch-not-noted",
        "KAFKA-7415, KAFKA-7164",
        "A leader must note where its epoch begins when it is elected, and not with its first "
        "record: until then it cannot tell followers where they went another way.",
        Partition, "_begin_epoch", _note_no_epoch,
        ("double failover",),
        7, 5, ONE_PARTITION,
    ),
    Bug(
        "end-goes-back",
        "KIP-207, KAFKA-2334",
        "A new leader learns the high watermark late; who asks it for the end of the log too soon "
        "is sent back to offsets that others have read long ago.",
        list_offsets, "_find", _tell_the_end_at_once,
        ("crash", "pause", "seek"),
    ),
    Bug(
        "last-replica-standing",
        "KIP-966",
        "The last in-sync replica, back from a loss of power, is trusted and leads: its followers "
        "cut off the good copies that they still had.",
        brokers, "after_restart", _trust_who_crashed,
        ("power loss", "torn batch", "crash"),
        6,
    ),
    Bug(
        "batch-begun-late",
        "what fetching inside a batch must give back",
        "Batches are stored and sent whole: who asks for an offset inside of one must get all of "
        "it, or the rest of that batch is skipped.",
        Log, "read", _begin_with_the_next_batch,
        ("seek",),
        6,
    ),
    Bug(
        "no-idempotence",
        "before KIP-98",
        "A lost answer looks like a lost request: without sequence numbers the retry is written "
        "again, or behind what was sent after it.",
        ProducerState, "check", _forget_producers,
        ("loss", "repetition", "lonely client"),
        2,
    ),
    Bug(
        "unclean-election",
        "unclean.leader.election.enable",
        "A replica that was not in sync keeps the partition online, and everything that it lacks "
        "is lost, acknowledged or not.",
        Rules, "election", _elect_anybody,
        ("clean stop", "isolation", "pause", "partition"),
        37,
    ),
    Bug(
        "acks-1",
        "acks=1",
        "What the leader alone has is lost with the leader, whatever the producer was told.",
        produce, "_is_safe", _answer_when_the_leader_has_it,
        ("crash", "power loss", "isolation"),
        6,
    ),
]  # fmt: skip
"""The rows of the museum that are about replication."""
