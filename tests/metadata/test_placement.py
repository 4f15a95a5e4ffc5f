"""Which brokers get a new partition's replicas (after Kafka's StripedReplicaPlacerTest)."""

from __future__ import annotations

from collections import Counter

import pytest

from broker.metadata.placement import Usable, place
from broker.wire.errors import ApiError, ErrorCode

THREE = [Usable(1), Usable(2), Usable(3)]
RACKS = [Usable(i, rack) for i, rack in enumerate("AABBCC", 1)]


def test_leaders_go_round_and_followers_follow() -> None:
    assert place(THREE, 3, 2) == [[1, 2], [2, 3], [3, 1]]
    assert place(THREE, 1, 3, start=2) == [[3, 1, 2]]


def test_what_one_leads_is_followed_by_different_ones() -> None:
    placed = place(THREE, 6, 2)
    assert Counter(leader for leader, _ in placed) == {1: 2, 2: 2, 3: 2}
    assert len({tuple(replicas) for replicas in placed}) == 6, "every pair, and none twice"


@pytest.mark.parametrize("start", range(7))
def test_replicas_are_spread_over_racks(start: int) -> None:
    rack = {broker.broker_id: broker.rack for broker in RACKS}
    placed = place(RACKS, 12, 3, start)
    for replicas in placed:
        assert sorted(rack[broker] or "" for broker in replicas) == ["A", "B", "C"]
    assert set(Counter(replicas[0] for replicas in placed).values()) == {2}
    assert set(Counter(broker for replicas in placed for broker in replicas).values()) == {6}, (
        "and evenly over the brokers"
    )


def test_more_replicas_than_racks_share_them_evenly() -> None:
    rack = {broker.broker_id: broker.rack for broker in RACKS}
    for replicas in place(RACKS, 12, 5):
        assert len(set(replicas)) == 5
        assert max(Counter(rack[broker] for broker in replicas).values()) == 2


def test_a_fenced_broker_follows_only_where_no_other_is_left_and_never_leads() -> None:
    brokers = [Usable(1), Usable(2, None, fenced=True), Usable(3)]
    assert all(2 not in replicas for replicas in place(brokers, 6, 2))
    for replicas in place(brokers, 6, 3):
        assert sorted(replicas) == [1, 2, 3]
        assert replicas[0] != 2


def test_a_rack_without_a_live_broker_gives_no_leader() -> None:
    brokers = [Usable(1, "A"), Usable(2, "B", fenced=True)]
    assert place(brokers, 2, 2) == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("brokers", "replication_factor", "why"),
    [
        ([], 1, "All brokers are currently fenced"),
        ([Usable(1, None, fenced=True)], 1, "All brokers are currently fenced"),
        ([Usable(1), Usable(2)], 3, "cannot be reached because only 2 broker"),
        (THREE, 0, "must be positive"),
    ],
)
def test_what_is_impossible_says_why(
    brokers: list[Usable], replication_factor: int, why: str
) -> None:
    with pytest.raises(ApiError, match=why) as error:
        place(brokers, 1, replication_factor)
    assert error.value.code == ErrorCode.INVALID_REPLICATION_FACTOR
