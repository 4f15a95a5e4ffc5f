"""The metadata log by itself: what comes back of what went in."""

from __future__ import annotations

from broker.events import Now
from broker.log.disk import MemoryDisk
from broker.quorum.config import QuorumConfig
from broker.quorum.metadata_log import MetadataLog
from broker.wire.messages.metadata_records import FeatureLevelRecord
from broker.wire.schema import Message

NOW = Now(1_700_000_000_000_000, 0)


def feature(level: int) -> FeatureLevelRecord:
    return FeatureLevelRecord(name="f", feature_level=level)


def opened(disk: MemoryDisk | None = None) -> MetadataLog:
    return MetadataLog(disk or MemoryDisk(), QuorumConfig(node_id=1, voters=(1, 2, 3)), NOW)


def read(log: MetadataLog, offset: int = 0) -> list[Message]:
    log.advance_high_watermark(log.end_offset)
    return [record for batch in log.committed_since(offset) for record in batch.records]


def test_a_leader_gets_back_the_very_records_that_it_appended() -> None:
    log, record = opened(), feature(1)
    log.append_records([record], 1, NOW)
    assert read(log)[0] is record
    again = read(log)[0]
    assert again == record, "from its bytes, the second time"
    assert again is not record


def test_what_another_leader_put_in_their_place_is_read_from_the_log() -> None:
    """The lead is lost before the record is committed, and another one takes its offset."""
    ours, theirs = opened(), opened()
    ours.append_records([feature(1)], 1, NOW)
    theirs.append_records([feature(2)], 2, NOW)
    ours.log.truncate_to(0)
    ours.append_fetched(bytes(theirs.log.read(0, 1 << 20, 1)), 2, NOW)
    assert read(ours) == [feature(2)]


def test_a_record_of_an_earlier_epoch_is_not_taken_for_one_of_this() -> None:
    log = opened()
    log.append_records([feature(1)], 1, NOW)
    log.log.truncate_to(0)
    log.append([(None, b"")], 2, NOW, control=True)
    assert read(log) == [], "a control batch says nothing to the image"
