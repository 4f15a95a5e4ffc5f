"""What must hold of one partition, beyond what must hold of any replicated log.

log start <= last stable offset <= high watermark <= log end, on each replica
the high watermark moves only while enough are in sync (min.insync.replicas)
the leader's maximal ISR contains the controller's ISR
sequence numbers of a producer are contiguous within its epoch
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from broker.log.log import Log
from broker.metadata.registrations import RECOVERED, PartitionImage
from broker.sim.checker import Place
from broker.sim.history import described, named
from broker.sim.hosts import BrokerHost
from broker.sim.invariants.agreement import Agreement, Loss, batch_name, mark
from broker.sim.invariants.copies import Copies
from broker.sim.invariants.report import Report
from broker.wire.records import NO_PRODUCER_ID, BatchHeader, add_to_sequence

if TYPE_CHECKING:
    from broker.replication.partition import Partition


class PartitionWatch:
    """One partition on all brokers."""

    def __init__(self, place: Place, topic_id: bytes, copies: Copies, report: Report) -> None:
        self.place = place
        self.topic_id = topic_id
        self.name = named(place)
        self.copies = copies
        self.report = report
        self.agreement = Agreement(self.name, report)
        self.image: PartitionImage | None = None
        """What is committed in the metadata of it."""
        self._trusted: Collection[int] = ()
        """Who could become leader before the image said what it says now."""
        self.unclean = False
        """Whether the topic lets a leader be elected that is not in sync."""
        self._starts: dict[int, tuple[Log, int]] = {}
        self._in_sync: dict[int, int] = {}
        """How many were in sync when each leader was looked at last."""
        self._sequences: dict[tuple[int, int], int] = {}
        """The next sequence number of each producer id and epoch."""

    @property
    def keepers(self) -> Collection[int]:
        """Who may become leader, and so must not forget anything that is committed."""
        return () if self.image is None else (*self.image.isr, *self.image.elr)

    def heard(self, image: PartitionImage) -> None:
        """The controller has committed a change."""
        self._trusted = self.keepers or self._trusted
        self.image = image

    def settle(self) -> None:
        """After a fault that may have cost records: what is lost, and may be, is written off."""
        keepers = self.keepers or self._trusted
        cut = self.copies.settle(self.place, self.agreement.ledger, keepers)
        if cut is not None:
            self._forgive(cut)

    def _forgive(self, offset: int) -> None:
        self.agreement.forgive(offset)
        self._sequences.clear()
        self._contiguous([entry.header for entry in self.agreement.ledger.entries])

    # -- a replica was touched ------------------------------------------------------------------

    def look(self, host: BrokerHost, partition: Partition) -> None:
        """Look at one replica."""
        log, node_id = partition.log, host.node_id
        self._offsets(node_id, partition)
        self.copies.note_limit(host, self.place, partition)
        leading = partition.leader_epoch if partition.is_leader else None
        elected = self.agreement.is_new_leader(node_id, log, leading)
        if elected and leading is not None:
            self._elected(host, log, leading)
        before = self.agreement.seen.get(node_id)
        end_before = before.end if before is not None and before.log is log else None
        watermark_before = self.agreement.ledger.end
        committed = self.agreement.look(host.disk, node_id, log, partition.high_watermark, leading)
        if committed:
            self._contiguous(committed)
            self.copies.written_again(self.place, committed)
        if leading is not None:
            self._in_sync_replicas(node_id, partition, bool(committed))
        elif end_before is not None and log.log_end_offset < min(end_before, watermark_before):
            self._was_cut(node_id, log.log_end_offset)

    def _offsets(self, node_id: int, partition: Partition) -> None:
        log = partition.log
        start, stable, end = log.log_start_offset, partition.last_stable_offset, log.log_end_offset
        watermark = partition.high_watermark
        if not start <= stable <= watermark <= end:
            self.report.wrong(
                "offsets out of order",
                f"{self.name} on broker {node_id} has log start {start}, last stable offset "
                f"{stable}, high watermark {watermark} and log end {end}",
            )
        known = self._starts.get(node_id)
        if known is not None and known[0] is log and start < known[1]:
            self.report.wrong(
                "log start went back",
                f"the log of {self.name} on broker {node_id} started at {known[1]} and now at "
                f"{start}",
            )
        self._starts[node_id] = (log, start)

    def _was_cut(self, node_id: int, end: int) -> None:
        """A follower has truncated its log. One that counts as in sync must not cut too deep."""
        image = self.image
        true = self.agreement.ledger.end
        if image is not None and node_id in self.keepers and end < true:
            how = "in-sync" if node_id in image.isr else "eligible"
            self.report.wrong(
                "in-sync replica behind",
                f"broker {node_id}, an {how} replica of {self.name}, has cut its log back to "
                f"{end}, below the high watermark {true}: it throws away "
                f"{self._told(end)}",
            )

    def reaches(self, host: BrokerHost, partition: Partition) -> None:
        """A member of the ISR, or of the eligible replicas, has all that is committed."""
        end, true = partition.log.log_end_offset, self.agreement.ledger.end
        if self.image is not None and self.image.leader == host.node_id:
            return  # that is looked into when it takes over
        lacks = self.agreement.ledger.since(end)
        if end < true and not self.copies.is_deceived(host.node_id, self.place, lacks):
            self.report.wrong(
                "in-sync replica behind",
                f"broker {host.name} counts as in sync for {self.name}, and its log ends at {end}, "
                f"below the high watermark {true}: it lacks {self._told(end)}",
            )

    # -- the leader -----------------------------------------------------------------------------

    def _elected(self, host: BrokerHost, log: Log, epoch: int) -> None:
        loss = self.agreement.missing_in(host.disk, host.node_id, log, epoch)
        if loss is None:
            return
        first = loss.missing[0]
        why = self._excuse(loss)
        self.report.find(
            "leader completeness",
            f"broker {loss.leader} was elected leader of {self.name} in epoch {epoch}, without "
            f"{batch_name(first.header)}, committed in epoch {first.committed_in}: "
            f"{self._told(first.header.base_offset)} is lost{why}",
            allowed=bool(why),
        )
        if why:
            marks = [mark(entry.header) for entry in loss.missing]
            self.copies.lose(self.place, self.agreement.ledger, marks, why)
        self._forgive(loss.offset)

    def _excuse(self, loss: Loss) -> str:
        """Why a leader may be elected without a committed record; empty if it may not.

        Who crashed may have lost what it had not synced, and nobody knows: its controller has to
        distrust it (KIP-966). If that leaves nobody, the last leader is taken as it is.
        """
        if self.unclean:
            return ": unclean.leader.election.enable lets a replica lead that is not in sync"
        if self.copies.is_deceived(loss.leader, self.place, loss.missing):
            return ": it was closed in order, and its disk had lied to it"
        image, crashed = self.image, self.report.crashed
        if image is None or image.recovery == RECOVERED:
            return ""
        if any(crashed.get(i, -1) <= loss.missing[0].time_us for i in self._trusted):
            return ""
        return ": every replica that could have led crashed before it had synced"

    def _in_sync_replicas(self, node_id: int, partition: Partition, advanced: bool) -> None:
        now = len(partition.isr)
        before = self._in_sync.get(node_id, now)
        self._in_sync[node_id] = now
        least = partition.min_isr
        if advanced and max(before, now) < least and len(partition.replicas) > 1:
            self.report.wrong(
                "high watermark below min ISR",
                f"broker {node_id} moved the high watermark of {self.name} to "
                f"{partition.high_watermark} with {now} in sync, where min.insync.replicas asks "
                f"for {least}",
            )
        self.contains_controllers(node_id, partition)

    def contains_controllers(self, node_id: int, partition: Partition) -> None:
        """The leader waits for everybody whom the controller might elect."""
        image = self.image
        if image is None or image.leader_epoch != partition.leader_epoch:
            return
        if image.leader != node_id:
            return
        forgotten = sorted(set(image.isr) - set(partition.maximal_isr))
        if forgotten:
            self.report.wrong(
                "ISR too small",
                f"broker {node_id}, leader of {self.name} in epoch {partition.leader_epoch}, waits "
                f"for {sorted(partition.maximal_isr)}, and the controller may elect "
                f"{forgotten} as well",
            )

    # -- what was committed ---------------------------------------------------------------------

    def _contiguous(self, committed: list[BatchHeader]) -> None:
        for header in committed:
            if header.producer_id == NO_PRODUCER_ID or header.is_control:
                continue
            producer = (header.producer_id, header.producer_epoch)
            expected = self._sequences.get(producer)
            self._sequences[producer] = add_to_sequence(header.last_sequence, 1)
            if expected is not None and header.base_sequence != expected:
                self.report.wrong(
                    "sequence gap",
                    f"producer {producer[0]} in its epoch {producer[1]} has sequence "
                    f"{header.base_sequence} at offset {header.base_offset} of {self.name}, where "
                    f"{expected} comes next",
                )

    def _told(self, offset: int) -> str:
        """The first committed record from an offset on, by name if some disk still has it."""
        entries = self.agreement.ledger.since(offset)
        if not entries:
            return f"offset {offset}"
        found = self.copies.contents(self.place, [mark(entries[0].header)])
        for records in found.values():
            for at, content in records:
                if at >= offset:
                    more = self.agreement.ledger.end - at - 1
                    others = f" and {more} more" if more else ""
                    return f"{described(content)} at offset {at}{others}"
        return batch_name(entries[0].header)
