"""Is the peak met? It depends on how many members have something to do, and on nothing else."""

import pytest

from assignments.ecommerce.checks import parallelism
from assignments.ecommerce.streams import STREAMS
from assignments.grader.grade import Verdict
from tests.assignments.designs import choice


def judged(stream: str, key: str | None, partitions: int) -> Verdict:
    """What the check says."""
    return parallelism.check(STREAMS[stream], choice(stream, key, partitions))


def test_more_partitions_are_more_points_until_there_are_enough() -> None:
    points = [judged("payments", "payment_id", count).points for count in (1, 2, 3, 8)]
    assert points == sorted(points)
    assert points[0] < 2
    assert points[-1] == 10


def test_one_partition_is_one_member() -> None:
    verdict = judged("payments", "payment_id", 1)
    assert verdict.tags == ("one-partition",)
    assert "Of the 8 members of ledger, 7 had nothing to do at all." in verdict.evidence


def test_the_lag_is_told_second_by_second() -> None:
    [series] = judged("payments", "payment_id", 1).series
    assert series.name == "ledger"
    assert len(series.values) == parallelism.SECONDS + 1
    assert series.values[0] == 0
    assert series.values[-1] > 100
    assert list(series.values[::15]) == sorted(series.values[::15])


def test_the_sum_is_there_for_everybody_to_check() -> None:
    [line, *_] = judged("payments", "payment_id", 8).evidence
    assert line == (
        "2.7 events a second, 1.2 s each for ledger: 3.3 members must be busy all the time."
    )


@pytest.mark.parametrize(
    ("stream", "key"),
    [("orders", "country"), ("payments", "method"), ("stock", "category"), ("stock", "warehouse")],
)
def test_a_key_with_few_values_keeps_members_idle_however_many_partitions(
    stream: str, key: str
) -> None:
    verdict = judged(stream, key, 12)
    assert verdict.points < 10
    assert verdict.tags == ("hot-key",)
    assert any("different keys" in line for line in verdict.evidence)


def test_without_a_key_the_work_is_spread_well() -> None:
    assert judged("payments", None, 8).passed


@pytest.mark.parametrize("key", ["order_id", "customer_id"])
def test_two_tastes_of_key_both_keep_up(key: str) -> None:
    assert judged("payments", key, 8).passed


def test_every_service_of_a_stream_has_its_own_lag() -> None:
    verdict = judged("orders", "order_id", 2)
    assert [series.name for series in verdict.series] == [
        "fulfilment", "notifications", "analytics",
    ]  # fmt: skip
    fulfilment, _, analytics = (series.values[-1] for series in verdict.series)
    assert fulfilment > 50 > analytics
    assert verdict.tags == ("too-few-partitions",)


def test_partitions_that_nothing_will_need_cost_three_points() -> None:
    verdict = judged("payments", "payment_id", 65)
    assert verdict.points == 7
    assert verdict.tags == ("too-many-partitions",)
