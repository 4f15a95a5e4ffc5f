"""What must hold in a quorum, looked at after each event over all nodes there ever were.

    election safety      an epoch has one leader
    log matching         same offset, same epoch: the same record, and all before it
    leader completeness  a leader has every record that was committed before
    state machine safety what one node took for committed, no node ever has otherwise
    high watermarks      the leader's never goes back, and is never beyond a majority's disks

(The properties of Raft's Figure 3, and those of Kafka's RaftEventSimulationTest.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from broker.quorum.quorum import Quorum
from broker.wire.codec import decode_metadata_record
from broker.wire.messages.metadata_records import FeatureLevelRecord
from broker.wire.records import BatchHeader, iter_batches, read_records
from broker.wire.schema import Message

if TYPE_CHECKING:
    from tests.quorum.harness import Host


def record_of(value: int) -> FeatureLevelRecord:
    """A metadata record that says a number."""
    return FeatureLevelRecord(name=str(value), feature_level=1)


def value_of(record: Message) -> int:
    """The number that such a record says."""
    assert isinstance(record, FeatureLevelRecord)
    return int(record.name)


class Safety:
    """What is known to be committed, and by whom epochs were led."""

    def __init__(self, hosts: Mapping[int, Host]) -> None:
        self.hosts = hosts
        self.leaders: dict[int, int] = {}
        self.committed: list[tuple[int, int, int]] = []
        """For each offset that was ever committed: where its batch begins, epoch, checksum."""
        self.values: list[int] = []
        """What was ever committed: no state machine may say otherwise."""
        self.high_watermark = 0

    def check(self, host: Host) -> None:
        quorum = host.quorum
        assert quorum is not None
        log = quorum.log
        assert log.log_start_offset <= quorum.high_watermark <= log.log_end_offset
        host.durable_end = log.recovery_point
        self._learn_committed(quorum)
        if quorum.high_watermark > host.checked:
            self._compare(host, quorum, host.checked, quorum.high_watermark)
            host.checked = quorum.high_watermark
        count = len(host.values)
        assert host.values[host.compared : count] == self.values[host.compared : count], (
            f"node {host.node_id} applied other records than the rest"
        )
        host.compared = count
        if quorum.is_leader:
            self._check_leader(host, quorum)

    def _check_leader(self, host: Host, quorum: Quorum) -> None:
        if quorum.epoch not in self.leaders:
            self.leaders[quorum.epoch] = host.node_id
            assert quorum.log.log_end_offset >= len(self.committed), (
                f"leader {host.node_id} of epoch {quorum.epoch} lacks committed records"
            )
            self._compare(host, quorum, 0, len(self.committed))
        assert self.leaders[quorum.epoch] == host.node_id, f"epoch {quorum.epoch} has two leaders"
        if quorum.epoch_is_committed and quorum.high_watermark > self.high_watermark:
            self.high_watermark = quorum.high_watermark
            ends = [each.durable_end for each in self.hosts.values() if each.is_voter]
            majority = sorted(ends, reverse=True)[len(ends) // 2]
            assert quorum.high_watermark <= majority, "committed, and not on a majority of disks"
        if quorum.epoch_is_committed and quorum.epoch == max(self.leaders):
            assert quorum.high_watermark >= self.high_watermark, "the high watermark went back"

    def _learn_committed(self, quorum: Quorum) -> None:
        """Whoever is the first to call a record committed says what it is, once and for all."""
        for header, batch in self._batches(quorum, len(self.committed), quorum.high_watermark):
            self.committed += [_sign(header)] * (header.next_offset - header.base_offset)
            if not header.is_control:
                records = [decode_metadata_record(r.value or b"")[0] for r in read_records(batch)]
                self.values += [value_of(record) for record in records]

    def _compare(self, host: Host, quorum: Quorum, start: int, end: int) -> None:
        for header, _ in self._batches(quorum, start, end):
            assert self.committed[header.base_offset] == _sign(header), (
                f"node {host.node_id} has another record at offset {header.base_offset}"
            )

    @staticmethod
    def _batches(quorum: Quorum, start: int, end: int) -> Iterator[tuple[BatchHeader, memoryview]]:
        start = max(start, quorum.log.log_start_offset)
        while start < end:
            for header, batch in iter_batches(quorum.log.read(start, 1 << 20, end)):
                yield header, batch
                start = header.next_offset


def _sign(header: BatchHeader) -> tuple[int, int, int]:
    return header.base_offset, header.leader_epoch, header.crc
