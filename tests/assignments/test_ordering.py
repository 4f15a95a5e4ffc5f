"""Is order kept? Keys that hold a story together, keys that tear it apart, and luck."""

import re

import pytest

from assignments.ecommerce.checks import ordering
from assignments.ecommerce.stage import perform, range_assignment
from assignments.ecommerce.streams import STREAMS
from tests.assignments.designs import choice

KEEPS = [
    ("orders", "order_id"), ("orders", "customer_id"), ("orders", "country"),
    ("payments", "payment_id"), ("payments", "order_id"), ("payments", "customer_id"),
    ("payments", "method"), ("stock", "sku"), ("stock", "category"),
]  # fmt: skip
TEARS = [
    ("orders", "event_type"), ("orders", "event_id"), ("orders", None),
    ("payments", "event_type"), ("payments", "event_id"), ("payments", None),
    ("stock", "order_id"), ("stock", "warehouse"), ("stock", "event_type"),
    ("stock", "event_id"), ("stock", None),
]  # fmt: skip


def test_every_field_is_one_or_the_other() -> None:
    fields = {(stream.name, field) for stream in STREAMS.values() for field in stream.fields}
    assert {*KEEPS, *TEARS} - {(name, None) for name in STREAMS} == fields


@pytest.mark.parametrize(("stream", "key"), KEEPS)
def test_a_key_that_a_story_has_in_common_keeps_it_in_order(stream: str, key: str) -> None:
    played = perform(ordering.play(STREAMS[stream], choice(stream, key), 5))
    assert ordering.inversions(played) == []
    assert len(played.handled[STREAMS[stream].slowest.name]) > 0


@pytest.mark.parametrize(("stream", "key"), TEARS)
def test_a_key_that_differs_within_a_story_is_caught(stream: str, key: str | None) -> None:
    verdict = ordering.check(STREAMS[stream], choice(stream, key, 8))
    assert verdict.points < verdict.out_of
    assert {"no-key", "key-splits-entity"} & set(verdict.tags)


@pytest.mark.parametrize("key", ["event_type", None])
def test_on_one_partition_order_is_luck(key: str | None) -> None:
    verdict = ordering.check(STREAMS["orders"], choice("orders", key, 1))
    assert verdict.points == 5
    assert verdict.tags[0] == "order-by-accident"
    assert "one partition" in verdict.says
    assert "On 7" in verdict.says


def test_a_good_key_on_one_partition_is_no_luck() -> None:
    assert ordering.check(STREAMS["orders"], choice("orders", "order_id", 1)).passed


def test_the_two_records_are_named_and_the_frame_shows_the_moment() -> None:
    stream, design = STREAMS["orders"], choice("orders", None, 8)
    verdict = ordering.check(stream, design)
    places = [re.search(r"orders-(\d), offset (\d+)", line) for line in verdict.evidence[:2]]
    assert all(places)
    assert verdict.frame is not None
    played = perform(ordering.play(stream, design, 8), trace=True)
    assert played.trace is not None
    shown = played.trace.steps[verdict.frame - 1]
    late = places[1]
    assert late is not None
    assert shown.text.endswith(f"handles offset {late[2]} of orders-{late[1]}")
    early = places[0]
    assert early is not None
    state = played.trace.frame(verdict.frame - 1)
    reached = [
        client["positions"][f"orders-{early[1]}"]
        for client in state["clients"].values()
        if f"orders-{early[1]}" in client.get("positions", {})
    ]
    assert reached[0] <= int(early[2]), "the first of the two is not handled yet"


def test_looking_at_a_run_does_not_change_it() -> None:
    play = ordering.play(STREAMS["payments"], choice("payments", "payment_id"), 5)
    plain, traced = perform(play), perform(play, trace=True)
    assert plain.written == traced.written
    assert plain.handled == traced.handled
    assert plain.steps == traced.steps == len(traced.trace or ())


def test_a_compacted_topic_takes_no_record_without_a_key() -> None:
    verdict = ordering.check(STREAMS["stock"], choice("stock", None, 8, "compact"))
    assert verdict.points == 0
    assert verdict.tags == ("refused-by-broker",)
    assert "INVALID_RECORD" in verdict.evidence[0]


def test_a_topic_with_very_many_partitions_is_run_with_fewer_and_says_so() -> None:
    verdict = ordering.check(STREAMS["stock"], choice("stock", None, 1_000))
    assert "(Run with 32 partitions.)" in verdict.evidence


@pytest.mark.parametrize(
    ("partitions", "members", "sizes"),
    [(6, 3, [2, 2, 2]), (5, 3, [2, 2, 1]), (2, 3, [1, 1, 0]), (1, 8, [1, 0, 0, 0, 0, 0, 0, 0])],
)
def test_partitions_are_shared_out_as_the_range_assignor_does(
    partitions: int, members: int, sizes: list[int]
) -> None:
    shares = range_assignment(partitions, members)
    assert [len(share) for share in shares] == sizes
    assert [each for share in shares for each in share] == list(range(partitions))
