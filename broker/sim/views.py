"""Small views on what the machines hold, for the trace.

After each step the simulation looks at what the step touched, compares that with what it saw last,
and notes the difference. Records are unpacked here and nowhere else in a simulated broker: the
broker itself stores batches as they come.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from broker.sim.narration import shown
from broker.sim.trace import Change
from broker.wire.errors import ApiError
from broker.wire.records import BatchHeader, Record, check_batch, iter_batches, read_records

if TYPE_CHECKING:
    from broker.node import Node
    from broker.replication.partition import Partition
    from broker.sim.clients import ClientHost
    from broker.sim.hosts import BrokerHost

READ_BYTES = 1 << 20
COMMIT = 1
"""The type of a control record that says "committed"; 0 says "aborted"."""

Cell = dict[str, Any]
Place = tuple[str, int]
"""A topic and the index of one of its partitions."""


class Views:
    """What was last seen of everything, and how it differs from what is there now."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._cells: dict[str, dict[int, Cell]] = {}
        """For each log, the records that the trace shows, in order of offset."""
        self._brokers: dict[str, tuple[Any, ...]] = {}
        self._clients: dict[str, tuple[str, list[tuple[str, Any]]]] = {}
        """What a host looked like last time: most steps change little of it."""
        self._newest = -1
        """The offset of the newest metadata that were seen anywhere."""
        self._cuts: dict[str, str] = {}
        self.changes: list[Change] = []

    def take(self) -> list[Change]:
        """The changes since the last call."""
        changes, self.changes = self.changes, []
        return changes

    def put(self, path: str, value: Any) -> None:
        """Note a value, if it is another than last time."""
        if self._seen.get(path, _NOTHING) != value:
            self._seen[path] = value
            self.changes.append((path, value))

    def remove(self, path: str) -> None:
        """Note that something is gone, with all that is below it."""
        self.changes.append((path, None))
        for known in [p for p in self._seen if p == path or p.startswith(path + "/")]:
            del self._seen[known]
        self._cells.pop(path, None)

    # -- brokers --------------------------------------------------------------------------------

    def broker(self, host: BrokerHost) -> None:
        """A broker as such, and its part in the quorum."""
        node = host.machine
        view: tuple[Any, ...] = (host.status, False, None)
        if node is not None:
            quorum = node.quorum
            active = node.broker.controller.active
            view = (host.status, active, quorum.role, quorum.epoch, node.image.offset)
        if self._brokers.get(host.name) == view:
            return
        self._brokers[host.name] = view
        base = f"nodes/{host.name}"
        self.put(f"{base}/kind", "broker")
        for name, value in zip(_OF_A_BROKER, view, strict=False):
            self.put(f"{base}/{name}", value)

    def metadata(self, node: Node) -> None:
        """What the metadata say of brokers and partitions, as the node says that knows most."""
        if node.image.offset <= self._newest:
            return
        self._newest = node.image.offset
        for broker in node.image.brokers.values():
            self.put(f"nodes/{broker.broker_id}/fenced", broker.fenced)
        there = set()
        for topic in node.image.topics.values():
            for part in topic.partitions:
                base = f"partitions/{topic.name}-{part.index}"
                there.add(base)
                self.put(f"{base}/topic", topic.name)
                self.put(f"{base}/index", part.index)
                self.put(f"{base}/leader", part.leader)
                self.put(f"{base}/epoch", part.leader_epoch)
                self.put(f"{base}/replicas", list(part.replicas))
                self.put(f"{base}/isr", list(part.isr))
                if part.elr or f"{base}/elr" in self._seen:
                    self.put(f"{base}/elr", list(part.elr))
        known = dict.fromkeys(
            "/".join(path.split("/")[:2]) for path in self._seen if path.startswith("partitions/")
        )
        for base in known:
            if base not in there:
                self.remove(base)

    def links(self, cuts: Iterable[tuple[str, str]]) -> None:
        """Which links are cut: in both directions, or in one."""
        ways = set(cuts)
        now: dict[str, str] = {}
        for a, b in sorted(ways):
            if (b, a) not in ways:
                now[f"links/{a}~{b}"] = "cut ->"
            elif a < b:
                now[f"links/{a}~{b}"] = "cut"
        for path in self._cuts:
            if path not in now:
                self.put(path, None)
        for path, value in now.items():
            self.put(path, value)
        self._cuts = now

    def log(self, host: BrokerHost, place: Place, partition: Partition | None) -> None:
        """One replica's log."""
        base = f"logs/{host.name}/{place[0]}-{place[1]}"
        if partition is None:
            if f"{base}/end" in self._seen:
                self.remove(base)
            return
        log = partition.log
        self.put(f"{base}/role", "leader" if partition.is_leader else "follower")
        self.put(f"{base}/epoch", partition.leader_epoch)
        self.put(f"{base}/start", log.log_start_offset)
        self.put(f"{base}/hw", partition.high_watermark)
        self._update_records(host, base, partition)
        self.put(f"{base}/end", log.log_end_offset)

    def _update_records(self, host: BrokerHost, base: str, partition: Partition) -> None:
        """Take away what has gone at either end, and add what is new at the end."""
        log = partition.log
        cells = self._cells.setdefault(base, {})
        start, end = log.log_start_offset, log.log_end_offset
        if cells and (next(iter(cells)) < start or next(reversed(cells)) >= end):
            gone = list(takewhile(lambda offset: offset < start, cells))
            gone += takewhile(lambda offset: offset >= max(start, end), reversed(cells))
            for offset in gone:
                del cells[offset]
                self.changes.append((f"{base}/records/{offset}", None))
        seen_end = self._seen.get(f"{base}/end", start)
        for header, record in records_of(host, partition, max(start, min(seen_end, end))):
            self._put_cell(base, record.offset, _cell(header, record))

    def _put_cell(self, base: str, offset: int, cell: Cell) -> None:
        self._cells[base][offset] = cell
        self.changes.append((f"{base}/records/{offset}", cell))

    def reread(self, host: BrokerHost, place: Place, partition: Partition) -> None:
        """After a restart a log may hold other records than before at the same offsets."""
        base = f"logs/{host.name}/{place[0]}-{place[1]}"
        before = self._cells.get(base, {})
        found = records_of(host, partition, partition.log.log_start_offset)
        now = {record.offset: _cell(header, record) for header, record in found}
        for offset in before:
            if offset not in now:
                self.changes.append((f"{base}/records/{offset}", None))
        self._cells[base] = {}
        for offset, cell in now.items():
            if before.get(offset) == cell:
                self._cells[base][offset] = cell
            else:
                self._put_cell(base, offset, cell)
        self.put(f"{base}/end", partition.log.log_end_offset)
        self.log(host, place, partition)

    # -- clients --------------------------------------------------------------------------------

    def client(self, host: ClientHost) -> None:
        """A client: what it waits for, and how far it has come."""
        name, view = host.name, host.view()
        status, before = self._clients.get(name, ("", []))
        if status == host.status and before == view:
            return
        self._clients[name] = (host.status, view)
        base = f"clients/{name}"
        if status != host.status:
            before = []
            self.put(f"{base}/kind", host.kind)
            self.put(f"{base}/status", host.status)
            if not host.alive and any(p.startswith(f"{base}/positions/") for p in self._seen):
                self.remove(f"{base}/positions")
        for cell in view:
            if cell not in before:
                self.put(f"{base}/{cell[0]}", cell[1])

    def client_sent(self, name: str, text: str) -> None:
        """What a client has said last, if it is a client."""
        if name in self._clients:
            self.put(f"clients/{name}/last", text)


_NOTHING = object()
_OF_A_BROKER = ("status", "controller", "role", "epoch", "metadata")


def records_of(
    host: BrokerHost, partition: Partition, start: int
) -> list[tuple[BatchHeader, Record]]:
    """The records of a log from `start` on, seen from outside, as far as they can be read."""
    log = partition.log
    first = start
    found: list[tuple[BatchHeader, Record]] = []
    with host.disk.looking():
        while start < log.log_end_offset:
            before = start
            try:
                data = log.read(start, READ_BYTES, log.log_end_offset)
                for header, batch in iter_batches(data):
                    check_batch(batch, header)
                    records = read_records(batch)
                    found += [(header, record) for record in records if record.offset >= first]
                    start = header.next_offset
            except ApiError:
                return found
            if start == before:
                return found
    return found


def _cell(header: BatchHeader, record: Record) -> Cell:
    """A record as a figure draws it."""
    if header.is_control:
        commit = record.key is not None and record.key[-1] == COMMIT
        return {"kind": "commit" if commit else "abort"}
    cell: Cell = {"key": shown(record.key), "value": shown(record.value)}
    if record.value is None:
        cell["kind"] = "tombstone"
    if record.offset != header.base_offset:
        cell["batch"] = header.base_offset
    return cell
