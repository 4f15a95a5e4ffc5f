"""ListOffsets: the first, the last, the largest timestamp, and a point in time."""

from __future__ import annotations

import pytest

from broker.api import list_offsets as api
from broker.wire.errors import ErrorCode
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from tests.bench import Bench


@pytest.fixture
def bench() -> Bench:
    """Six records, one a second, in three batches: timestamps 1000 to 6000."""
    bench = Bench()
    bench.create_topic("orders")
    for first in (1, 3, 5):
        from broker.wire.records import build_batch

        batch = build_batch([(1000 * n, None, b"%d" % n, ()) for n in (first, first + 1)])
        answer = bench.ask(bench.produce_request("orders", bytes(batch)), version=12)
        assert answer.responses[0].partition_responses[0].error_code == 0
    return bench


def look_up(
    bench: Bench, timestamp: int, version: int = 11, epoch: int = -1
) -> ListOffsetsPartitionResponse:
    asked = ListOffsetsPartition(partition_index=0, timestamp=timestamp, current_leader_epoch=epoch)
    topic = ListOffsetsTopic(name="orders", partitions=[asked])
    request = ListOffsetsRequest(replica_id=-1, topics=[topic])
    answer: ListOffsetsPartitionResponse = bench.ask(request, version).topics[0].partitions[0]
    return answer


def test_the_first_and_the_last(bench: Bench) -> None:
    first, last = look_up(bench, api.EARLIEST), look_up(bench, api.LATEST)
    assert (first.offset, first.timestamp) == (0, -1)
    assert (last.offset, last.timestamp, last.leader_epoch) == (6, -1, 0)


@pytest.mark.parametrize(
    ("timestamp", "offset", "found"),
    [(0, 0, 1000), (1000, 0, 1000), (1001, 1, 2000), (4000, 3, 4000), (5999, 5, 6000)],
)
def test_a_time_is_the_first_record_at_or_after_it(
    bench: Bench, timestamp: int, offset: int, found: int
) -> None:
    answer = look_up(bench, timestamp)
    assert (answer.offset, answer.timestamp, answer.leader_epoch) == (offset, found, 0)


def test_after_the_last_record_there_is_nothing(bench: Bench) -> None:
    assert (look_up(bench, 6001).offset, look_up(bench, 6001).timestamp) == (-1, -1)


def test_the_largest_timestamp(bench: Bench) -> None:
    bench.produce("orders", "an old one, late", timestamp_ms=1)
    answer = look_up(bench, api.MAX_TIMESTAMP)
    assert (answer.offset, answer.timestamp) == (5, 6000)


def test_there_is_no_tiered_storage(bench: Bench) -> None:
    assert look_up(bench, api.EARLIEST_LOCAL).offset == 0
    assert look_up(bench, api.LATEST_TIERED).offset == -1
    assert look_up(bench, api.EARLIEST_PENDING_UPLOAD).offset == -1


def test_a_special_timestamp_needs_the_version_that_brought_it(bench: Bench) -> None:
    for timestamp, version in api.SINCE_VERSION.items():
        before = look_up(bench, timestamp, version - 1)
        assert before.error_code == ErrorCode.UNSUPPORTED_VERSION
        assert look_up(bench, timestamp, version).error_code == 0


@pytest.mark.parametrize("version", range(1, 12))
def test_every_served_version_answers(bench: Bench, version: int) -> None:
    assert look_up(bench, api.LATEST, version).offset == 6


def test_an_old_epoch_is_fenced(bench: Bench) -> None:
    bench.kill()
    assert look_up(bench, api.LATEST, epoch=0).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert look_up(bench, api.LATEST, epoch=9).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
