"""One log on several machines: do its replicas agree on what is committed?

What a leader's high watermark has passed is committed, for ever. So there is one true log, and it
only grows: the *ledger*. It is written down here as the headers of its batches, whenever a leader
moves its high watermark; offset, epoch and checksum tell one batch from any other. Then

    log matching         below its own high watermark, every replica holds what is in the ledger
    leader completeness  who is elected holds all that was committed in earlier epochs
    one leader           in an epoch, and its high watermark does not go back

The same holds for a partition and for the metadata log, and is checked by the same code. Only
what is new is looked at: a replica's log from where it was compared last.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from broker.log.log import Log
from broker.sim.disk import SimulatedDisk
from broker.sim.invariants.report import Report
from broker.wire.errors import ApiError
from broker.wire.records import BatchHeader, iter_batches

READ_BYTES = 1 << 20

Mark = tuple[int, int, int, int]
"""What tells a batch from all others."""


def mark(header: BatchHeader) -> Mark:
    """The mark of a batch: first and last offset, leader epoch, checksum."""
    return header.base_offset, header.last_offset, header.leader_epoch, header.crc


class Entry(NamedTuple):
    """A committed batch."""

    header: BatchHeader
    committed_in: int
    """The epoch of the leader whose high watermark passed it."""
    time_us: int


class Ledger:
    """What is committed, in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.gone: set[Mark] = set()
        """Batches that were committed and lost in a way that is allowed."""
        self._bases: list[int] = []

    @property
    def end(self) -> int:
        """The true high watermark."""
        return self.entries[-1].header.next_offset if self.entries else 0

    @property
    def start(self) -> int:
        """Before this, nothing is known: it was deleted before anybody looked."""
        return self.entries[0].header.base_offset if self.entries else 0

    def append(self, header: BatchHeader, epoch: int, time_us: int) -> None:
        """A leader's high watermark has passed a batch."""
        self.entries.append(Entry(header, epoch, time_us))
        self._bases.append(header.base_offset)

    def since(self, offset: int) -> list[Entry]:
        """The entries that reach beyond an offset."""
        at = bisect_left(self._bases, offset)
        if at and self.entries[at - 1].header.next_offset > offset:
            at -= 1
        return self.entries[at:]

    def at(self, base_offset: int) -> Entry | None:
        """The entry that begins at an offset."""
        at = bisect_left(self._bases, base_offset)
        if at < len(self._bases) and self._bases[at] == base_offset:
            return self.entries[at]
        return None

    def cut(self, offset: int) -> None:
        """From here on nothing counts any more."""
        keep = len(self.entries) - len(self.since(offset))
        del self.entries[keep:]
        del self._bases[keep:]


@dataclass(slots=True)
class Seen:
    """A replica, as it was when it was looked at last."""

    log: Log
    end: int
    compared: int
    """Below this offset it is known to hold what the ledger holds."""
    high_watermark: int = -1
    epoch: int = -1
    leads: bool = False


class Loss(NamedTuple):
    """A leader was elected without something that is committed."""

    leader: int
    offset: int
    """Where its log leaves the ledger."""
    missing: list[Entry]


class Agreement:
    """One log and its replicas."""

    def __init__(self, name: str, report: Report) -> None:
        self.name = name
        self.report = report
        self.ledger = Ledger()
        self.seen: dict[int, Seen] = {}
        self.leaders: dict[int, int] = {}
        """Who led in which epoch."""

    def look(
        self, disk: SimulatedDisk, node_id: int, log: Log, high_watermark: int, leading: int | None
    ) -> list[BatchHeader]:
        """A replica was touched. Returns what its high watermark has newly committed.

        `leading` is the epoch in which it leads, None if it follows.
        """
        seen = self.seen.get(node_id)
        if seen is None or seen.log is not log:
            seen = Seen(log, log.log_end_offset, log.log_start_offset)
            self.seen[node_id] = seen
        seen.compared = max(min(seen.compared, log.log_end_offset), log.log_start_offset)
        seen.end = log.log_end_offset
        if leading is not None:
            self._leads(node_id, seen, leading, high_watermark)
        committed: list[BatchHeader] = []
        if high_watermark > max(seen.compared, seen.high_watermark):
            # A leader may have moved it and resigned in one step.
            by = seen.epoch if leading is None and seen.leads else leading
            committed = self._compare(disk, node_id, seen, high_watermark, by)
        seen.high_watermark, seen.leads = high_watermark, leading is not None
        seen.epoch = -1 if leading is None else leading
        return committed

    def _leads(self, node_id: int, seen: Seen, epoch: int, high_watermark: int) -> None:
        other = self.leaders.setdefault(epoch, node_id)
        if other != node_id:
            self.report.wrong(
                "two leaders",
                f"broker {other} and broker {node_id} both lead {self.name} in epoch {epoch}",
            )
        if seen.leads and seen.epoch == epoch and high_watermark < seen.high_watermark:
            self.report.wrong(
                "high watermark went back",
                f"the high watermark of broker {node_id}, leader of {self.name} in epoch {epoch}, "
                f"went back from {seen.high_watermark} to {high_watermark}",
            )

    def is_new_leader(self, node_id: int, log: Log, leading: int | None) -> bool:
        """Whether a replica leads in an epoch in which it was not seen yet."""
        if leading is None:
            return False
        seen = self.seen.get(node_id)
        return seen is None or seen.log is not log or not seen.leads or seen.epoch != leading

    def missing_in(self, disk: SimulatedDisk, node_id: int, log: Log, epoch: int) -> Loss | None:
        """What a newly elected leader lacks, though it was committed before its epoch."""
        offset = self._agrees_until(disk, log)
        missing = [entry for entry in self.ledger.since(offset) if entry.committed_in < epoch]
        return Loss(node_id, offset, missing) if missing else None

    def _agrees_until(self, disk: SimulatedDisk, log: Log) -> int:
        """Up to where a log is as the ledger says."""
        end = min(log.log_end_offset, self.ledger.end)
        at = log.log_start_offset
        for header in headers(disk, log, at, end):
            entry = self.ledger.at(header.base_offset)
            if entry is None and header.base_offset >= self.ledger.start:
                return min(at, header.base_offset)  # the two are divided in other ways
            if entry is not None and mark(entry.header) != mark(header):
                return header.base_offset
            if header.base_offset > at >= self.ledger.start:
                return at  # a hole
            at = header.next_offset
        return at

    def forgive(self, offset: int) -> None:
        """The ledger is cut, and what replicas hold from here on is compared anew."""
        self.ledger.cut(offset)
        for seen in self.seen.values():
            seen.compared = min(seen.compared, offset)

    def compare_all(self, disk: SimulatedDisk, node_id: int, log: Log, high_watermark: int) -> None:
        """Compare a replica's log from its start, whatever was compared before."""
        seen = Seen(log, log.log_end_offset, log.log_start_offset)
        self._compare(disk, node_id, seen, min(high_watermark, self.ledger.end), None)

    def _compare(
        self, disk: SimulatedDisk, node_id: int, seen: Seen, end: int, leading: int | None
    ) -> list[BatchHeader]:
        committed = []
        fresh = seen.high_watermark < 0
        for header in headers(disk, seen.log, seen.compared, end):
            if header.base_offset >= self.ledger.end:
                if leading is None:
                    if not fresh and mark(header) not in self.ledger.gone:
                        self._ahead(node_id, end)
                    break
                self.ledger.append(header, leading, self.report.now_us)
                committed.append(header)
            elif self._skips(node_id, seen.compared, header) or not self._matches(node_id, header):
                break
            seen.compared = header.next_offset
        return committed

    def _skips(self, node_id: int, offset: int, header: BatchHeader) -> bool:
        """Whether a log has nothing where something is committed."""
        missing = self.ledger.since(offset)
        if not missing or offset < self.ledger.start:
            return False
        first = missing[0].header
        if first.base_offset >= header.base_offset:
            return False
        self.report.wrong(
            "log matching",
            f"broker {node_id} has nothing of {batch_name(first)} of {self.name}, which is "
            f"committed, and goes on with {batch_name(header)}",
        )
        return True

    def _matches(self, node_id: int, header: BatchHeader) -> bool:
        entry = self.ledger.at(header.base_offset)
        if entry is not None and mark(entry.header) == mark(header):
            return True
        if mark(header) in self.ledger.gone:
            return False
        if header.base_offset < self.ledger.start:
            return True
        there = self.ledger.since(header.base_offset)
        committed = there[0].header if there else header
        self.report.wrong(
            "log matching",
            f"broker {node_id} has {batch_name(header)} below its high watermark of {self.name}, "
            f"where {batch_name(committed)} is committed",
        )
        return False

    def _ahead(self, node_id: int, high_watermark: int) -> None:
        self.report.wrong(
            "high watermark ahead",
            f"broker {node_id}, a follower, has high watermark {high_watermark} for {self.name}, "
            f"and no leader has had more than {self.ledger.end}",
        )


def headers(disk: SimulatedDisk, log: Log, start: int, end: int) -> Iterator[BatchHeader]:
    """The headers of the batches between two offsets, seen from outside."""
    start = max(start, log.log_start_offset)
    while start < end:
        before = start
        with disk.looking():
            try:
                data = log.read(start, READ_BYTES, end)
                found = [header for header, _ in iter_batches(data)]
            except ApiError:
                return
        for header in found:
            start = header.next_offset
            yield header
        if start == before:
            return


def batch_name(header: BatchHeader) -> str:
    """A batch in a sentence."""
    first, last = header.base_offset, header.last_offset
    what = f"offset {first}" if first == last else f"offsets {first} to {last}"
    return f"{what} of epoch {header.leader_epoch}"
