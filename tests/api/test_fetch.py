"""Fetch: what comes back, what is refused, and how long it waits."""

from __future__ import annotations

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from tests.bench import Bench, values_of


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.create_topic("orders")
    return bench


def test_reading_begins_anywhere_and_takes_nothing_away(bench: Bench) -> None:
    bench.produce("orders", "a")
    bench.produce("orders", "b")
    assert bench.values("orders", 0) == ["a", "b"]
    assert bench.values("orders", 1) == ["b"]
    assert bench.values("orders", 0) == ["a", "b"]


def test_an_offset_within_a_batch_brings_the_whole_batch(bench: Bench) -> None:
    bench.produce("orders", "a", "b", "c")
    assert bench.values("orders", 1) == ["a", "b", "c"]


@pytest.mark.parametrize("version", range(4, 19))
def test_every_served_version_reads(version: int) -> None:
    bench = Bench()
    topic = bench.create_topic("orders")
    bench.produce("orders", "created")
    asked = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    named = FetchTopic(topic="orders", topic_id=topic.topic_id, partitions=[asked])
    answer = bench.ask(FetchRequest(max_wait_ms=0, min_bytes=1, topics=[named]), version=version)
    assert values_of(answer.responses[0].partitions[0]) == ["created"]


def test_the_answer_tells_where_the_log_begins_and_what_is_committed(bench: Bench) -> None:
    bench.produce("orders", "a", "b")
    data = bench.fetch("orders", 0)
    assert (data.log_start_offset, data.high_watermark, data.last_stable_offset) == (0, 2, 2)


def test_the_first_batch_comes_whole_however_small_the_limit(bench: Bench) -> None:
    bench.produce("orders", "x" * 5000)
    bench.produce("orders", "next")
    assert values_of(bench.fetch("orders", 0, max_bytes=1)) == ["x" * 5000]


def test_the_limit_of_the_whole_request_holds_over_partitions() -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=3)
    for partition in range(3):
        bench.produce("orders", "x" * 1000, partition=partition)
    asked = [
        FetchPartition(partition=index, fetch_offset=0, partition_max_bytes=1 << 20)
        for index in range(3)
    ]
    topic = FetchTopic(topic="orders", partitions=asked)
    request = FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=1500, topics=[topic])
    parts = bench.ask(request, version=12).responses[0].partitions
    assert [len(values_of(part)) for part in parts] == [1, 0, 0]


def test_an_offset_outside_of_the_log_is_refused(bench: Bench) -> None:
    bench.produce("orders", "a")
    assert bench.fetch("orders", 1).error_code == 0, "the end itself is fine: it will be next"
    assert bench.fetch("orders", 2).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert bench.fetch("orders", -5).error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_unknown_topics_partitions_and_ids_are_refused(bench: Bench) -> None:
    assert bench.fetch("nowhere", 0).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert bench.fetch("orders", 0, 7).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    asked = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1)
    topic = FetchTopic(topic_id=bytes(15) + b"\7", partitions=[asked])
    answer = bench.ask(FetchRequest(max_wait_ms=0, min_bytes=1, topics=[topic]), version=13)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_a_client_with_an_old_leader_epoch_is_fenced(bench: Bench) -> None:
    bench.kill()  # comes back in a new epoch
    epoch = bench.node.image.topics["orders"].partitions[0].leader_epoch
    assert epoch == 2
    assert bench.fetch("orders", 0, epoch=epoch).error_code == 0
    assert bench.fetch("orders", 0, epoch=epoch - 1).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert bench.fetch("orders", 0, epoch=epoch + 1).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH


def test_fetch_sessions_are_not_kept(bench: Bench) -> None:
    first = bench.fetch_request("orders", 0).replace(session_id=0, session_epoch=0)
    assert bench.ask(first, version=12).session_id == 0
    for session_id in (0, 77):
        later = bench.fetch_request("orders", 0).replace(session_id=session_id, session_epoch=1)
        assert bench.ask(later, version=12).error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    last = bench.fetch_request("orders", 0).replace(session_id=77, session_epoch=-1)
    assert bench.ask(last, version=12).error_code == 0, "closing one that is gone does no harm"


# -- waiting --------------------------------------------------------------------------------------


def test_a_fetch_waits_for_data_and_gets_it_at_once(bench: Bench) -> None:
    number = bench.send(bench.fetch_request("orders", 0, wait_ms=500), version=12)
    bench.wait(100)
    assert not bench.answered(number)
    bench.produce("orders", "a")
    assert values_of(bench.answer(number).responses[0].partitions[0]) == ["a"]


def test_a_fetch_gives_up_after_max_wait(bench: Bench) -> None:
    number = bench.send(bench.fetch_request("orders", 0, wait_ms=500), version=12)
    bench.wait(499)
    assert not bench.answered(number)
    bench.wait(1)
    data = bench.answer(number).responses[0].partitions[0]
    assert (data.error_code, values_of(data)) == (0, [])


def test_a_fetch_waits_until_min_bytes_are_there(bench: Bench) -> None:
    bench.produce("orders", "x" * 100)
    size = len(bench.fetch("orders", 0).records)
    request = bench.fetch_request("orders", 0, wait_ms=500, min_bytes=2 * size + 1)
    number = bench.send(request, version=12)
    bench.produce("orders", "x" * 100)
    assert not bench.answered(number)
    bench.produce("orders", "x" * 100)
    assert len(values_of(bench.answer(number).responses[0].partitions[0])) == 3


def test_nobody_waits_for_more_bytes_than_the_answer_may_carry(bench: Bench) -> None:
    for _ in range(2):
        bench.produce("orders", "x" * 600)
    request = bench.fetch_request("orders", 0, wait_ms=500, min_bytes=2000)
    assert bench.answered(bench.send(request.replace(max_bytes=1000), version=12))
    request = bench.fetch_request("orders", 0, wait_ms=500, min_bytes=1000, max_bytes=1000)
    assert bench.answered(bench.send(request, version=12))
    request = bench.fetch_request("orders", 0, wait_ms=500, min_bytes=2000)
    assert not bench.answered(bench.send(request, version=12)), "all that there is, and too little"


def test_the_end_of_an_older_segment_is_not_waited_with(bench: Bench) -> None:
    """An answer never spans two segments, so more will not come (DelayedFetch, case F)."""
    bench.create_topic("small", internal_segment_bytes=1000)
    for _ in range(3):
        bench.produce("small", "x" * 500)
    request = bench.fetch_request("small", 0, wait_ms=500, min_bytes=1200)
    assert bench.answered(bench.send(request, version=12))


def test_a_fetch_that_names_a_partition_twice_is_answered_once(bench: Bench) -> None:
    request = bench.fetch_request("orders", 0, wait_ms=500)
    twice = bench.send(request.replace(topics=request.topics * 2), version=12)
    other = bench.send(request, version=12, connection=2)
    bench.wait(500)
    assert bench.answered(twice)
    assert bench.answered(other)


def test_an_error_does_not_wait(bench: Bench) -> None:
    request = bench.fetch_request("nowhere", 0, wait_ms=500)
    assert bench.answered(bench.send(request, version=12))


def test_a_fetch_of_nothing_does_not_wait(bench: Bench) -> None:
    request = FetchRequest(max_wait_ms=500, min_bytes=1, topics=[])
    assert bench.answered(bench.send(request, version=12))


def test_whoever_hangs_up_is_forgotten(bench: Bench) -> None:
    number = bench.send(bench.fetch_request("orders", 0, wait_ms=500), 12, connection=3)
    bench.disconnect(3)
    bench.produce("orders", "a")
    assert not bench.answered(number)
    assert len(bench.node.broker.fetches) == 0
    assert bench.node.broker.fetches.deadline() is None


def test_a_fetch_wakes_when_its_topic_goes(bench: Bench) -> None:
    from broker.wire.messages.delete_topics import DeleteTopicsRequest

    number = bench.send(bench.fetch_request("orders", 0, wait_ms=500), version=12)
    bench.ask(DeleteTopicsRequest(topic_names=["orders"], timeout_ms=100), version=5)
    data = bench.answer(number).responses[0].partitions[0]
    assert data.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
