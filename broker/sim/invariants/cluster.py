"""What must hold of the metadata: of the quorum that writes them, and of what they say.

one leader in an epoch of the quorum; a node's epoch does not go back
committed metadata are on a majority of the voters' disks, synced
ISR and eligible leader replicas are disjoint, and replicas all of them
a fenced broker is in no ISR (without eligible leader replicas, the last member stays)
a leader is in the ISR; leader epochs and partition epochs do not go back
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING

from broker.metadata.image import ClusterImage, PartitionImage
from broker.quorum.metadata_log import METADATA_FOLDER
from broker.sim.checker import Place
from broker.sim.history import named
from broker.sim.hosts import BrokerHost, Host
from broker.sim.invariants.agreement import Agreement, batch_name
from broker.sim.invariants.report import Report
from broker.sim.stored import stored_batches

if TYPE_CHECKING:
    from broker.node import Node
    from broker.quorum.quorum import Quorum

ELR_FEATURE = "eligible.leader.replicas.version"


class QuorumWatch:
    """The metadata log on all voters."""

    def __init__(self, report: Report, hosts: Mapping[str, Host]) -> None:
        self.report = report
        self._hosts = hosts
        self.agreement = Agreement("the metadata log", report)
        self._epochs: dict[int, int] = {}

    def look(self, host: BrokerHost, quorum: Quorum, voters: tuple[int, ...]) -> None:
        """A node's part in the quorum was touched."""
        node_id, log = host.node_id, quorum.log
        epoch = quorum.epoch
        if epoch < self._epochs.get(node_id, epoch):
            self.report.wrong(
                "quorum epoch went back",
                f"broker {node_id} was in epoch {self._epochs[node_id]} of the quorum, and is now "
                f"in {epoch}",
            )
        self._epochs[node_id] = epoch
        leading = epoch if quorum.is_leader else None
        if leading is not None and self.agreement.is_new_leader(node_id, log, leading):
            self._elected(host, quorum, leading)
        committed = self.agreement.look(host.disk, node_id, log, quorum.high_watermark, leading)
        if leading is not None and committed:
            self._on_majority(node_id, quorum.high_watermark, voters)

    def _elected(self, host: BrokerHost, quorum: Quorum, epoch: int) -> None:
        loss = self.agreement.missing_in(host.disk, host.node_id, quorum.log, epoch)
        if loss is not None:
            first = loss.missing[0]
            self.report.wrong(
                "quorum leader completeness",
                f"broker {loss.leader} was elected leader of the quorum in epoch {epoch}, without "
                f"{batch_name(first.header)} of the metadata log, which is committed",
            )
            self.agreement.forgive(loss.offset)

    def _on_majority(self, node_id: int, high_watermark: int, voters: tuple[int, ...]) -> None:
        having = [voter for voter in voters if self._has_synced(voter, high_watermark)]
        if len(having) <= len(voters) // 2:
            self.report.wrong(
                "metadata not on a majority",
                f"broker {node_id} takes the metadata log to be committed up to {high_watermark}, "
                f"and of the voters {list(voters)} only {having} have synced as much",
            )

    def _has_synced(self, voter: int, offset: int) -> bool:
        """Whether a voter's metadata log is on its platter up to an offset.

        A voter that runs knows how far it has synced. One that is down, or has just come back,
        may have more than it knows: then the disk is asked.
        """
        host = self._hosts.get(str(voter))
        if not isinstance(host, BrokerHost):
            return False
        if host.machine is not None:
            log = host.machine.quorum.log
            if min(log.recovery_point, log.log_end_offset) >= offset:
                return True
        safe = takewhile(lambda b: b.durable(host.disk), stored_batches(host.disk, METADATA_FOLDER))
        last = next(iter(deque(safe, 1)), None)
        return last is not None and last.header.next_offset >= offset


class ImageWatch:
    """The committed metadata, as the node says that has heard most of them."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.image = ClusterImage()

    def look(self, node: Node) -> Iterator[tuple[Place, PartitionImage | None]]:
        """A node's image has changed: yields the partitions that have, if it is news."""
        image, before = node.image, self.image
        if image.offset <= before.offset:
            return
        self.image = image
        same_brokers = image.brokers is before.brokers
        if same_brokers and image.topics is before.topics:
            return
        for topic in image.topics.values():
            known = before.topics.get(topic.name)
            if known is topic and same_brokers:
                continue
            if known is not None and known.topic_id != topic.topic_id:
                yield from (((topic.name, part.index), None) for part in known.partitions)
                known = None
            for part in topic.partitions:
                place = (topic.name, part.index)
                old = before.partition(*place) if known is not None else None
                if old is not part:
                    self._went_forward(place, old, part)
                    yield place, part
                if old is not part or not same_brokers:
                    self._sets(place, part, image)
        for name, topic in before.topics.items():
            if name not in image.topics:
                yield from (((name, part.index), None) for part in topic.partitions)

    def _went_forward(self, place: Place, old: PartitionImage | None, new: PartitionImage) -> None:
        if old is not None and (
            new.leader_epoch < old.leader_epoch or new.partition_epoch < old.partition_epoch
        ):
            self.report.wrong(
                "partition epoch went back",
                f"{named(place)} was in leader epoch {old.leader_epoch} and partition epoch "
                f"{old.partition_epoch}, and is now in {new.leader_epoch} and "
                f"{new.partition_epoch}",
            )

    def _sets(self, place: Place, part: PartitionImage, image: ClusterImage) -> None:
        isr, elr, replicas = set(part.isr), set(part.elr), set(part.replicas)
        if isr & elr or not isr | elr <= replicas:
            self.report.wrong(
                "ISR and ELR",
                f"{named(place)} has replicas {sorted(replicas)}, in sync {sorted(isr)}, eligible "
                f"{sorted(elr)}: these must be replicas, and none of them both",
            )
        if part.leader >= 0 and part.leader not in isr:
            self.report.wrong(
                "leader out of sync",
                f"{named(place)} is led by broker {part.leader}, and in sync are {sorted(isr)}",
            )
        fenced = [i for i in sorted(isr) if i in image.brokers and image.brokers[i].fenced]
        last_stays = not image.features.get(ELR_FEATURE, 0) and len(isr) == 1
        if fenced and not last_stays and len(image.brokers) > 1:
            self.report.wrong(
                "fenced broker in the ISR",
                f"broker {fenced[0]} is fenced, and counts as in sync for {named(place)}",
            )
