"""One partition's next state: who is in sync, who is eligible, who leads.

Whatever happens to a partition, a broker that is fenced, an ISR that its leader changed, a
reassignment, an election asked for, is said as what *should* hold. Here it becomes the record of
what will hold, always in the same steps:

    1  a reassignment whose new replicas are all in sync is completed
    2  who leaves an ISR that is below min.insync.replicas stays eligible (KIP-966)
    3  if the leader cannot go on, another is elected:
         from the ISR; from the eligible replicas, if the ISR is empty; the one that led last, if
         both are; and any replica at all, where unclean elections are allowed
    4  what differs from before is written down, and nothing if nothing does

Why 2: the leader advances the high watermark only while min.insync.replicas are in sync. So a
replica that was in sync when the ISR fell below that number has every acknowledged record, and
whoever is elected from the eligible ones loses nothing. A replica that died without a clean
shutdown may have lost what its disk had not made durable, and is not eligible any more.

(Kafka's `PartitionChangeBuilder`.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from broker.metadata.image import ClusterImage
from broker.metadata.reassigned import completed
from broker.metadata.registrations import (
    NO_LEADER,
    NO_LEADER_CHANGE,
    RECOVERING,
    PartitionImage,
)
from broker.wire.messages.metadata_records import PartitionChangeRecord


class Election(Enum):
    """How far to go to have a leader."""

    PREFERRED = "preferred"
    """The first replica, if it can lead; else whoever keeps the partition online."""
    ONLINE = "online"
    """Whoever leads goes on; else the first that is in sync, or eligible."""
    UNCLEAN = "unclean"
    """And if nobody is, the first replica that is alive, whatever it lacks."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about a topic's elections besides the partition itself."""

    image: ClusterImage
    topic_id: bytes
    min_isr: int
    """min.insync.replicas, as far as there are so many replicas."""
    elr: bool
    """Whether the cluster keeps eligible leader replicas."""
    unclean: bool = False
    """Whether the topic's settings allow unclean elections."""
    leaving: int = NO_LEADER
    """A broker that is being fenced, and may not lead any more."""
    lost: int = NO_LEADER
    """A broker that came back from an unclean shutdown, and may lack records."""

    def can_lead(self, partition: PartitionImage, broker_id: int) -> bool:
        """Whether a broker is there to lead: active, and the replica's directory is online."""
        if broker_id in (self.leaving, self.lost):
            return False
        broker = self.image.brokers.get(broker_id)
        if broker is None or not broker.active:
            return False
        return broker.has_online(partition.directory(broker_id))

    @property
    def election(self) -> Election:
        """The election that the topic's settings allow by themselves."""
        return Election.UNCLEAN if self.unclean else Election.ONLINE


@dataclass(slots=True)
class Target:
    """What should hold of a partition; what is left out stays as it is."""

    election: Election = Election.ONLINE
    isr: Sequence[int] | None = None
    replicas: Sequence[int] | None = None
    adding: Sequence[int] | None = None
    removing: Sequence[int] | None = None
    recovery: int | None = None
    directories: Mapping[int, bytes] = field(default_factory=dict)


def plan_change(
    rules: Rules, partition: PartitionImage, target: Target
) -> PartitionChangeRecord | None:
    """The record that makes a partition what it should be; None if it is so already."""
    return _Builder(rules, partition, target).build()


class _Builder:
    def __init__(self, rules: Rules, partition: PartitionImage, target: Target) -> None:
        self.rules, self.partition, self.target = rules, partition, target
        self.isr = _or(target.isr, partition.isr)
        self.elr = partition.elr
        self.replicas = _or(target.replicas, partition.replicas)
        self.adding = _or(target.adding, partition.adding)
        self.removing = _or(target.removing, partition.removing)
        self.changes: dict[str, Any] = {}

    def build(self) -> PartitionChangeRecord | None:
        done = completed(self.replicas, self.adding, self.removing, self.isr)
        if done is not None:
            self.replicas, self.isr = done
            self.adding = self.removing = ()
        self.keep_eligible()
        self.elect()
        partition, changes = self.partition, self.changes
        if "leader" not in changes and not set(partition.replicas) <= set(self.replicas):
            # A replica that goes must not be served by an old leader any more: a new epoch.
            changes["leader"] = partition.leader
        self.write_isr_and_elr()
        self.write_assignment()
        recovery = self.target.recovery
        if recovery is not None and recovery != partition.recovery:
            changes["leader_recovery_state"] = recovery
        if not changes:
            return None
        return PartitionChangeRecord(
            partition_id=partition.index, topic_id=self.rules.topic_id, **changes
        )

    def keep_eligible(self) -> None:
        """Step 2: below min.insync.replicas, whoever leaves the ISR stays eligible."""
        least = min(self.rules.min_isr, len(self.replicas))
        if not self.rules.elr or len(self.isr) >= least:
            self.elr = ()
            return
        candidates = {*self.elr, *self.partition.isr} - {*self.isr, self.rules.lost}
        # Who was moved away is no replica any more (Kafka's builder forgets to take it out).
        self.elr = tuple(sorted(candidates & set(self.replicas)))

    # -- step 3 -----------------------------------------------------------------------------------

    def elect(self) -> None:
        leader, unclean = self.elected()
        if leader == self.partition.leader:
            return
        self.changes["leader"] = leader
        if unclean:
            # What the others have and the new leader lacks is lost: only it is in sync now.
            self.isr, self.elr = (leader,), ()
            if self.partition.recovery != RECOVERING:
                self.changes["leader_recovery_state"] = RECOVERING
        elif leader in self.elr:
            self.isr = (leader,)
            self.elr = tuple(eligible for eligible in self.elr if eligible != leader)

    def elected(self) -> tuple[int, bool]:
        """The leader, and whether its election is unclean."""
        partition, election = self.partition, self.target.election
        first = [self.replicas[0]] if election is Election.PREFERRED else []
        for replica in (*first, partition.leader, *self.replicas):
            if self.is_safe(replica) and self.can_lead(replica):
                return replica, False
        if self.can_elect_last_known_leader():
            return partition.last_known_elr[0], True
        if election is Election.UNCLEAN:
            for replica in self.replicas:
                if self.can_lead(replica):
                    return replica, True
        return NO_LEADER, False

    def is_safe(self, replica: int) -> bool:
        """Whether a replica has all that was acknowledged."""
        return replica in (self.isr or self.elr)

    def can_lead(self, replica: int) -> bool:
        return self.rules.can_lead(self.partition, replica)

    def can_elect_last_known_leader(self) -> bool:
        """Nobody is safe, but the one that led last is back: it lost no more than any other can
        have (KIP-966, the balanced recovery)."""
        if not self.rules.elr or self.isr or self.elr:
            return False
        last = self.partition.last_known_elr
        return len(last) == 1 and self.can_lead(last[0])

    # -- step 4 -----------------------------------------------------------------------------------

    def write_isr_and_elr(self) -> None:
        partition, changes, rules = self.partition, self.changes, self.rules
        if self.elr != partition.elr:
            changes["eligible_leader_replicas"] = list(self.elr)
        # Without eligible replicas the last member of an ISR stays: only it may lead again.
        if self.isr != partition.isr and (self.isr or rules.elr):
            changes["isr"] = list(self.isr)
        leader = changes.get("leader", NO_LEADER_CHANGE)
        if not rules.elr:
            return
        if leader == NO_LEADER and not partition.last_known_elr:
            changes["last_known_elr"] = [partition.leader]
        elif leader >= 0 and partition.last_known_elr:
            changes["last_known_elr"] = []

    def write_assignment(self) -> None:
        partition, changes = self.partition, self.changes
        if self.replicas != partition.replicas or self.target.directories:
            directories = tuple(map(self.directory, self.replicas))
            if directories != partition.directories:
                changes["directories"] = list(directories)
            if self.replicas != partition.replicas:
                changes["replicas"] = list(self.replicas)
        if self.removing != partition.removing:
            changes["removing_replicas"] = list(self.removing)
        if self.adding != partition.adding:
            changes["adding_replicas"] = list(self.adding)

    def directory(self, replica: int) -> bytes:
        if replica in self.target.directories:
            return self.target.directories[replica]
        if replica in self.partition.replicas:
            return self.partition.directory(replica)
        return self.rules.image.brokers[replica].default_directory()


def _or(wanted: Sequence[int] | None, before: tuple[int, ...]) -> tuple[int, ...]:
    return before if wanted is None else tuple(wanted)
