"""Who still has a record, and when Kafka may lose one.

Kafka acknowledges what is in the page caches of all in-sync replicas. A process may die without
losing any of it; a machine that loses power loses what it had not synced. So a committed record may
be lost in one way only: *every* replica that could become leader (the ISR, and the eligible leader
replicas beside it) lost power before it had synced that record. Where one of them still has it, it
must come back.

`flush.messages` narrows this further: so many records, less one, is all that may be unsynced. And
where bits have rotted on the disk of the only copy there is nobody to repair from.

So before the power goes, we note what is up to chance; and right after it, before anything else
happens, we look on which disks it still is. What is there counts only as far as its broker will go:
a log ends at its first gap, however lucky the batches behind it were (`broker.log.recovery`; Kafka
cuts what lies behind a torn batch, and keeps what lies behind a missing one).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from broker.log.checkpoints import read_clean_shutdown
from broker.log.config import FOREVER
from broker.log.names import LOG, offset_of
from broker.sim.checker import Place
from broker.sim.disk import SimulatedDisk
from broker.sim.history import Content, named
from broker.sim.hosts import BrokerHost, Host
from broker.sim.invariants.agreement import Entry, Ledger, Mark, mark
from broker.sim.promises import Lost
from broker.sim.stored import StoredBatch, readable, stored_batches
from broker.wire.records import BatchHeader

if TYPE_CHECKING:
    from broker.replication.partition import Partition


class AtRisk(NamedTuple):
    """A batch that a fault may have taken from a disk."""

    node_id: int
    """Whose disk that is."""
    base_offset: int
    mark: Mark
    contents: list[tuple[int, Content]]
    why: str
    """Why it may be lost, if nobody else has it; empty if it may not."""


@dataclass
class Limit:
    """How much of a log may be unsynced."""

    messages: int = FOREVER


class Copies:
    """The disks of all brokers, and what was lost from them."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self.gone: dict[Place, dict[int, list[Lost]]] = {}
        self.at_risk: dict[Place, list[AtRisk]] = {}
        """What the last fault may have taken: looked into before anything else happens."""
        self._told: dict[tuple[Place, Mark], list[tuple[int, Content]]] = {}
        """The records of batches that were at risk before."""
        self._limits: dict[tuple[int, Place], Limit] = {}
        self._deceived: dict[tuple[int, Place], set[Mark]] = {}
        """What brokers were closed in order with, and disks that lied have lost since."""
        self._taken: dict[tuple[int, Place], dict[Mark, str]] = {}
        """What faults took from each disk, and why that is allowed if all others lose it, too."""

    def note_limit(self, host: BrokerHost, place: Place, partition: Partition) -> None:
        """A new flush limit speaks of new records; what lies unsynced came under the old one."""
        log, node_id = partition.log, host.node_id
        limit = self._limits.setdefault((node_id, place), Limit(log.config.flush_messages))
        if log.recovery_point >= log.log_end_offset:
            limit.messages = log.config.flush_messages
        else:
            limit.messages = max(limit.messages, log.config.flush_messages)

    # -- faults, as they are done ---------------------------------------------------------------

    def power_is_lost(self, host: BrokerHost, places: Collection[Place]) -> None:
        """Note what is not on the platter for certain, just before it is up to chance."""
        with host.disk.looking():
            in_order = read_clean_shutdown(host.disk) is not None
        for place in places:
            deceived = self._deceived.setdefault((host.node_id, place), set())
            if not in_order:
                deceived.clear()
            limit = self._limits.get((host.node_id, place), Limit()).messages
            if host.disk.lies:
                limit = FOREVER  # what it was asked to sync may not be
            count = 0
            for stored in unsynced(host.disk, named(place)):
                count += stored.header.record_count
                self._risk(host, place, stored, _excuse(limit, count))
                if in_order and host.disk.lies:
                    deceived.add(mark(stored.header))

    def bit_is_flipped(self, host: BrokerHost, place: Place, offset: int) -> None:
        """From here on this log is unreadable. Called when it is done."""
        why = ": bits of the only copy have rotted on the disk"
        for stored in stored_batches(host.disk, named(place)):
            if stored.header.next_offset > offset:
                self._risk(host, place, stored, why)

    def _risk(self, host: BrokerHost, place: Place, stored: StoredBatch, why: str) -> None:
        header = stored.header
        contents = [(r.offset, (r.key, r.value)) for r in stored.records(host.disk)]
        # A copy that is damaged already does not say what it was; an earlier one did.
        contents = contents or self._told.get((place, mark(header)), [])
        self._told[place, mark(header)] = contents
        risk = AtRisk(host.node_id, header.base_offset, mark(header), contents, why)
        self.at_risk.setdefault(place, []).append(risk)

    def settle(self, place: Place, ledger: Ledger, keepers: Collection[int]) -> int | None:
        """Look which of what was at risk is on no disk that matters. Returns the first offset
        from which the ledger is to be cut, if that is allowed.

        Only who may become leader has something to lose. What others may have lost is looked into
        when somebody leads without it.
        """
        risks = self.at_risk.pop(place, [])
        if not risks:
            return None
        nodes = {*keepers, *(risk.node_id for risk in risks)}
        held = {node_id: self._held(node_id, place, ledger) for node_id in nodes}
        cut: int | None = None
        for risk in risks:
            taken = self._taken.setdefault((risk.node_id, place), {})
            taken.pop(risk.mark, None)
            if risk.mark in held[risk.node_id] or not risk.why:
                continue
            taken[risk.mark] = risk.why
            if risk.node_id not in keepers or any(risk.mark in held[i] for i in keepers):
                continue
            self.lose(place, ledger, [risk.mark], risk.why)
            entry = ledger.at(risk.base_offset)
            if entry is not None and mark(entry.header) == risk.mark:
                cut = risk.base_offset if cut is None else min(cut, risk.base_offset)
        if cut is not None:
            self._lose_behind(place, ledger, cut, keepers)
        return cut

    def _held(self, node_id: int, place: Place, ledger: Ledger) -> set[Mark]:
        """What a broker will find on its disk."""
        host = self._hosts.get(str(node_id))
        if not isinstance(host, BrokerHost):
            return set()
        return set(map(mark, found_again(host.disk, named(place), ledger)))

    def _lose_behind(
        self, place: Place, ledger: Ledger, cut: int, keepers: Collection[int]
    ) -> None:
        """What stood behind a batch that is gone may have been taken by earlier faults, from one
        disk after the other, and saved each time by a replica that may not lead any more."""
        for entry in ledger.since(cut):
            key = mark(entry.header)
            whys = [self._taken.get((node_id, place), {}).get(key) for node_id in keepers]
            if key not in ledger.gone and whys and whys[0] and all(whys):
                self.lose(place, ledger, [key], whys[0])

    def is_deceived(self, node_id: int, place: Place, lacks: Collection[Entry]) -> bool:
        """Whether a broker vouches for all that it lacks, for it was closed in order, and only its
        disk could know that it lied. No controller distrusts it (KIP-966), nor would Kafka's."""
        lost = self._deceived.get((node_id, place), set())
        return all(mark(entry.header) in lost for entry in lacks)

    def lose(self, place: Place, ledger: Ledger, marks: Collection[Mark], why: str) -> None:
        """Batches were lost for a reason that is allowed, though disks may still hold them."""
        for node_contents in self.contents(place, marks).values():
            for offset, content in node_contents:
                self.gone.setdefault(place, {}).setdefault(offset, []).append(Lost(content, why))
        ledger.gone.update(marks)

    def written_again(self, place: Place, headers: Collection[BatchHeader]) -> None:
        """Batches were committed. A producer that sent anew what was lost, and had it written
        where it was, has made the loss good."""
        gone = self.gone.get(place, {})
        again = {
            mark(header)
            for header in headers
            if any(offset in gone for offset in range(header.base_offset, header.next_offset))
        }
        if not again:
            return
        for records in self.contents(place, again).values():
            for offset, content in records:
                if offset in gone:
                    gone[offset] = [
                        lost._replace(again=True) if lost.content == content else lost
                        for lost in gone[offset]
                    ]

    def contents(
        self, place: Place, marks: Collection[Mark]
    ) -> dict[Mark, list[tuple[int, Content]]]:
        """The records of some batches, from whichever disk still has them, or had them when they
        were put at risk."""
        found = {key: self._told[place, key] for key in marks if self._told.get((place, key))}
        for host in self._hosts.values():
            if isinstance(host, BrokerHost) and len(found) < len(marks):
                for stored in readable(host.disk, named(place)):
                    if (key := mark(stored.header)) in marks and key not in found:
                        records = stored.records(host.disk)
                        found[key] = [(r.offset, (r.key, r.value)) for r in records]
        return found

    def forget(self, place: Place) -> None:
        """A topic was deleted: nothing of it is owed any more."""
        self.gone.pop(place, None)
        self.at_risk.pop(place, None)
        for limit in [key for key in self._limits if key[1] == place]:
            del self._limits[limit]
        for told in [key for key in self._told if key[0] == place]:
            del self._told[told]
        for deceived in [key for key in self._deceived if key[1] == place]:
            del self._deceived[deceived]
        for taken in [key for key in self._taken if key[1] == place]:
            del self._taken[taken]


def _excuse(limit: int, count: int) -> str:
    """Why the power may take the last of `count` unsynced records; empty if it may not."""
    if count >= limit:
        return ""
    if limit == FOREVER:
        why = "and without flush.messages that is left to the other replicas"
    else:
        why = f"and flush.messages={limit} allows for as many as that"
    return f": the power went before it was flushed, {why}"


def unsynced(disk: SimulatedDisk, folder: str) -> Iterator[StoredBatch]:
    """The batches of a log from the first that the loss of power may take."""
    safe = True
    for stored in stored_batches(disk, folder):
        safe = safe and stored.durable(disk)
        if not safe:
            yield stored


def found_again(disk: SimulatedDisk, folder: str, ledger: Ledger) -> Iterator[BatchHeader]:
    """The batches of a log up to the first that is damaged, or that is missing: where no record
    was ever committed, there is no gap."""
    files = disk.list(folder) if disk.exists(folder) else []
    offsets = [offset for offset in (offset_of(name, LOG) for name in files) if offset is not None]
    end = min(offsets, default=0)
    for stored in readable(disk, folder):
        header = stored.header
        if header.base_offset > end and ledger.at(end) is not None:
            return
        end = header.next_offset
        yield header
