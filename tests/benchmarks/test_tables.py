"""How figures are gathered and shown: rounded, side by side, and with what they are worth."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import alternate as alternating
from benchmarks import report, results
from benchmarks.alternate import alternate
from benchmarks.brokers import OURS, PEERS, Broker
from benchmarks.measure import percentile
from benchmarks.table import SideBySide, Table, figure


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_234_567, "1,234,567"),
        (45.67, "45.7"),
        (0.123, "0.12"),
        (0.0123, "0.012"),
        (0, "0.00"),
        (None, "–"),
        ("v9", "v9"),
    ],
)
def test_a_figure_has_three_digits(value: float | str | None, shown: str) -> None:
    assert figure(value) == shown


def test_a_table_is_markdown() -> None:
    table = Table("Start", "Five starts.", ("", "seconds"))
    table.add("first answer", 0.4)
    assert str(table).splitlines() == [
        "## Start",
        "",
        "|              | seconds |",
        "| ------------ | ------: |",
        "| first answer |    0.40 |",
        "",
        "Five starts.",
    ]


def test_ahead_is_more_of_what_is_good_and_less_of_what_costs() -> None:
    table = SideBySide("Requests", "In turns.")
    table.compare("a second", {OURS: [200, 300], PEERS: [100, 100]}, more_is_better=True)
    table.compare("µs", {OURS: [50, 100], PEERS: [100, 100]})
    assert table.rows == [
        ["a second", 250, 100, 2.5, "2.00 to 3.00"],
        ["µs", 75, 100, 1.5, "1.00 to 2.00"],
    ]


def test_without_a_peer_our_own_figures_stand_alone() -> None:
    table = SideBySide("Requests", "In turns.")
    table.compare("µs", {OURS: [50, 60, 100]})
    assert table.rows == [["µs", 60, None, None, None]]


WORK_LEFT = 3
"""How often a look at a broker's CPU finds more of it used than the look before."""


class Quiet(Broker):
    """A broker that is never started, with some work left from what was asked of it last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.looked = 0

    @property
    def cpu(self) -> float:
        self.looked += 1
        return min(self.looked, WORK_LEFT) * 0.25

    def prepare(self) -> list[list[str]]:
        raise AssertionError("nobody starts it")


def test_brokers_take_turns_and_the_first_round_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[tuple[str, int]] = []

    def measure(broker: Broker, turn: int) -> dict[str, float]:
        turns.append((broker.name, turn))
        return {"rate": turn}

    monkeypatch.setattr(time, "sleep", lambda _: None)
    found = alternate([Quiet(OURS), Quiet(PEERS)], 2, measure)
    assert turns == [(PEERS, 0), (OURS, 0), (OURS, 1), (PEERS, 1), (PEERS, 2), (OURS, 2)]
    assert found["rate"] == {OURS: [1, 2], PEERS: [1, 2]}


def test_no_round_begins_while_a_broker_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would slow the other one down: two cores are not many."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    busy = Quiet(PEERS)
    alternating.come_to_rest([Quiet(OURS), busy])
    assert busy.looked > WORK_LEFT


def test_where_time_is_short_one_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    brokers = [Quiet(OURS), Quiet(PEERS)]
    found = alternate(brokers, 5, lambda broker, turn: {"rate": turn}, seconds=-1.0)
    assert found["rate"] == {OURS: [1], PEERS: [1]}


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, p) for p in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 99) == 7


# -- the page -------------------------------------------------------------------------------------


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Two rows, measured at different times."""
    path = tmp_path / "benchmarks.json"
    for row, when in (("start", "2026-01-01 10:00 UTC"), ("codec", "2026-01-02 11:00 UTC")):
        table = Table(f"Table of {row}", "Method.", ("", "seconds"))
        table.add("one", 0.5)
        facts = {"machine": "a machine", "broker": "0.1.0", "load": [0.1, 0.2], "seconds": 3.0}
        results.save(row, {"when": when, **facts, "tables": [table.as_json()]}, path)
    return path


def test_the_page_shows_each_row_with_its_method_and_its_load(measured: Path) -> None:
    page = report.markdown(measured)
    assert page.index("## Beside Apache Kafka") < page.index("| one") < page.index("## Alone")
    assert "### The start\n\nSeconds from the command to the first answer" in page
    assert "`make bench ROWS=codec`, 2026-01-02 11:00 UTC, 3 s; load 0.1 before and 0.2" in page
    assert page.count("a machine") == 1


def test_a_row_that_is_measured_again_replaces_itself_alone(measured: Path) -> None:
    start = results.load(measured)["start"]
    results.save("codec", {"when": "now"}, measured)
    assert results.load(measured) == {"start": start, "codec": {"when": "now"}}


def test_before_anything_was_measured_the_page_says_so(tmp_path: Path) -> None:
    assert "Nothing has been measured yet." in report.markdown(tmp_path / "none.json")


def test_the_page_of_the_site_can_be_made() -> None:
    assert report.markdown().startswith("# Benchmarks")
