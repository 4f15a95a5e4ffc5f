"""Whatever happens to brokers and partitions, in any order: what must hold of metadata, holds."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from broker.metadata.image import ClusterImage
from broker.metadata.snapshot import snapshot_records
from broker.wire.errors import ApiError
from broker.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from broker.wire.messages.elect_leaders import ElectLeadersRequest
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest
from tests.metadata.council import Council

BROKERS = [1, 2, 3, 4]
STEPS = 120


class Weather:
    """Draws what happens next."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.council = Council(len(BROKERS), leader_imbalance_check_interval_seconds=1)
        for name, min_isr in (("one", 1), ("two", 2)):
            count = self.dice.randint(2, 4)
            replicas = [self.dice.sample(BROKERS, count) for _ in range(3)]
            self.council.create(name, replicas, min_isr=min_isr)

    def replicas(self) -> list[int]:
        return self.dice.sample(BROKERS, self.dice.randint(2, 4))

    def place(self) -> tuple[str, int]:
        return self.dice.choice(["one", "two"]), self.dice.randrange(3)

    def happens(self) -> None:
        council, broker_id = self.council, self.dice.choice(BROKERS)
        things: list[Callable[[], object]] = [
            lambda: council.silence(broker_id),
            lambda: council.speak(broker_id),
            lambda: council.come_back(broker_id, clean=True),
            lambda: council.come_back(broker_id, clean=False),
            lambda: council.heartbeat(broker_id, want_shut_down=True),
            lambda: council.heartbeat(broker_id, want_fence=True),
            lambda: council.wait(self.dice.choice([10, 1500])),
            council.fail_over,
            self.an_isr_changes,
            self.an_isr_changes,
            self.an_isr_changes,
            self.a_partition_moves,
            self.leaders_are_elected,
            lambda: council.controller.broker_hung_up(broker_id, council.now),
            lambda: council.controller.unregister_broker(
                UnregisterBrokerRequest(broker_id=broker_id), council.now
            ),
        ]
        with suppress(ApiError):  # refused, which is an answer
            self.dice.choice(things)()

    def an_isr_changes(self) -> None:
        """Its leader finds that some keep up, and that some do not."""
        topic, index = self.place()
        partition = self.council.partition(topic, index)
        if partition.leader >= 0:
            others = [one for one in partition.replicas if one != partition.leader]
            kept = self.dice.sample(others, self.dice.randint(0, len(others)))
            self.council.alter_isr(topic, [partition.leader, *kept], index)

    def a_partition_moves(self) -> None:
        topic, index = self.place()
        wish = None if self.dice.random() < 0.3 else self.replicas()
        partition = ReassignablePartition(partition_index=index, replicas=wish)
        body = AlterPartitionReassignmentsRequest(
            topics=[ReassignableTopic(name=topic, partitions=[partition])]
        )
        self.council.controller.alter_partition_reassignments(body, self.council.now)

    def leaders_are_elected(self) -> None:
        body = ElectLeadersRequest(election_type=self.dice.choice([0, 0, 1]), topic_partitions=None)
        self.council.controller.elect_leaders(body, self.council.now)


def check(image: ClusterImage) -> None:
    for topic in image.topics.values():
        for partition in topic.partitions:
            isr, elr, replicas = (
                set(partition.isr),
                set(partition.elr),
                set(partition.replicas),
            )
            assert len(isr) == len(partition.isr), partition
            assert len(replicas) == len(partition.replicas) == len(partition.directories), partition
            assert isr <= replicas, partition
            assert elr <= replicas, partition
            assert not isr & elr, partition
            assert all(image.is_active(one) for one in isr), "who is fenced is in no ISR"
            assert partition.leader == -1 or partition.leader in isr, partition
            assert isr or partition.leader == -1, partition
            assert partition.recovery == 0 or len(isr) <= 1, partition
            assert {*partition.adding, *partition.removing} <= replicas, partition
            assert not set(partition.adding) & set(partition.removing), partition


@pytest.mark.parametrize("seed", range(40))
def test_what_must_hold_holds(seed: int) -> None:
    weather = Weather(seed)
    council = weather.council
    for _ in range(STEPS):
        before = council.controller.latest
        weather.happens()
        after = council.controller.latest
        check(after)
        for name, topic in before.topics.items():
            for old, new in zip(topic.partitions, after.topics[name].partitions, strict=True):
                assert new.leader_epoch >= old.leader_epoch
                assert new.partition_epoch - old.partition_epoch >= (new != old)
                same_epoch = new.leader_epoch == old.leader_epoch
                assert not same_epoch or new.leader == old.leader, "one leader an epoch"
    replayed = council.image
    for name in ("topics", "brokers", "configs", "features"):
        assert getattr(replayed, name) == getattr(council.controller.latest, name), name
    records = [record for batch in snapshot_records(replayed, 7) for record in batch]
    assert ClusterImage().replay(records)[0].topics == replayed.topics


@pytest.mark.parametrize("seed", range(10))
def test_afterwards_every_partition_that_can_have_a_leader_has_one(seed: int) -> None:
    weather = Weather(seed)
    council = weather.council
    for _ in range(STEPS):
        weather.happens()
    for broker_id in BROKERS:
        council.silence(broker_id)
    for broker_id in BROKERS:
        council.come_back(broker_id, clean=True)
    for topic in council.controller.latest.topics.values():
        for partition in topic.partitions:
            assert partition.leader >= 0, partition
