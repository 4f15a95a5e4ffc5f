"""The cluster view and the timeline as a reader meets them, on a failover written by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lessons.figures import ClusterView, Figure, Timeline, state_at
from tests.figures.failover import failover_trace
from tests.figures.stories import long_trace

OpenFigure = Callable[..., Page]


def seek(page: Page, step: float) -> None:
    """Be at a step."""
    page.evaluate("(step) => figure.player.seek(step)", step)


def step_with(trace: dict[str, Any], words: str) -> int:
    """The first step whose cause says this."""
    causes = [step["cause"]["text"] for step in trace["steps"]]
    return next(number for number, text in enumerate(causes) if words in text)


def letters(page: Page, row: str) -> str:
    """The records of a replica; those not yet committed, as far as it knows, in small letters."""
    found: list[list[Any]] = page.evaluate(
        """(row) => [...document.querySelectorAll(`[data-row="${row}"] .oz-cell[data-offset]`)]
          .map((cell) => [cell.querySelector(".oz-letter").textContent,
                          cell.classList.contains("oz-open")])""",
        row,
    )
    return "".join(letter.lower() if outlined else letter for letter, outlined in found)


def test_the_first_frame_shows_who_is_gone_and_what_only_it_may_have(
    open_figure: OpenFigure,
) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=ClusterView, title="Broker 2 is gone")
    expect(page.locator(".oz-broker[data-gone]")).to_have_count(1)
    expect(page.locator(".oz-broker[data-gone] .oz-danger").first).to_have_text("crashed")
    crash = step_with(trace, "crashes")
    held = state_at(trace, crash)["logs"]["2"]["payments-0"]
    assert len(letters(page, "2 payments-0")) == held["end"]
    # Nobody has been elected yet: whatever it is worth, it is the leader that clients are told of.
    expect(page.locator('[data-row="2 payments-0"] text').nth(1)).to_have_text("leader · epoch 4")


def test_every_replica_is_what_its_broker_has(open_figure: OpenFigure) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=ClusterView)
    for step in range(0, len(trace["steps"]), 5):
        seek(page, step)
        for node, logs in state_at(trace, step)["logs"].items():
            for name, log in logs.items():
                keys = [log["records"][str(offset)]["key"] for offset in range(log["end"])]
                shown = "".join(
                    key if offset < log["hw"] else key.lower() for offset, key in enumerate(keys)
                )
                assert letters(page, f"{node} {name}") == shown, (step, node, name)


def test_after_the_election_the_words_have_moved(open_figure: OpenFigure) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=ClusterView)
    expect(page.locator('[data-row="1 payments-0"] text').nth(1)).to_have_text("follower")
    seek(page, step_with(trace, "moves payments-0"))
    note = page.locator('[data-row="1 payments-0"] text').nth(1)
    expect(note).to_have_text("leader · epoch 5")
    expect(page.locator('[data-row="2 payments-0"] text').nth(1)).to_have_text("out of sync")


def test_what_a_message_means_stands_on_its_way(open_figure: OpenFigure) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=ClusterView)
    seek(page, step_with(trace, "moves payments-0") + 0.3)
    expect(page.locator(".oz-pill-word")).to_have_text("← payments-0: you lead")


def test_a_cut_is_a_gap_with_two_bars_and_says_who_cannot_reach_whom(
    open_figure: OpenFigure,
) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=ClusterView)
    assert page.locator(".oz-cut").count() == 0
    seek(page, step_with(trace, "is cut"))
    expect(page.locator(".oz-cut title")).to_have_text("1 and 3 are cut")
    expect(page.locator(".oz-live")).to_contain_text("1 and 3 are cut.")
    expect(page.locator(".oz-tick.oz-fault").last).to_have_attribute("title", "cut({1}, {3})")


def test_the_table_tells_what_the_picture_shows(open_figure: OpenFigure) -> None:
    page = open_figure(failover_trace(), kind=ClusterView, start=-1)
    page.get_by_role("button", name="table").click()
    table = page.locator(".oz-table").filter(has=page.locator("caption", has_text="Replicas"))
    expect(table.locator("tbody tr")).to_have_count(6)
    expect(table).to_contain_text("A B A C E E")


@pytest.mark.parametrize("kind", [ClusterView, Timeline])
@pytest.mark.parametrize("width", [360, 400, 768, 1600])
def test_nothing_leaves_the_stage(open_figure: OpenFigure, kind: type[Figure], width: int) -> None:
    page = open_figure(failover_trace(), kind=kind, width=width, start=-1)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    smallest = page.evaluate(
        """Math.min(...[...document.querySelectorAll("text")]
             .map((text) => parseFloat(getComputedStyle(text).fontSize)))"""
    )
    assert smallest >= 11


@pytest.mark.parametrize("kind", [ClusterView, Timeline])
def test_a_trace_without_a_failover_is_drawn_as_well(
    open_figure: OpenFigure, kind: type[Figure]
) -> None:
    page = open_figure(long_trace(400), kind=kind)
    for part in (0.2, 0.5, 0.9):
        page.evaluate("(part) => figure.player.seek(figure.clock.last * part)", part)
    expect(page.locator(".oz-count")).to_contain_text("step")


def test_the_timeline_has_a_line_for_each_and_marks_who_leads(open_figure: OpenFigure) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=Timeline, start=-1)
    names = page.locator(".oz-lane-name")
    expect(names).to_have_text(["shop", "broker 1", "broker 2", "broker 3"])
    expect(page.locator(".oz-span-gone")).to_have_count(1)
    words = page.evaluate(
        """[...document.querySelectorAll(".oz-span-leads")]
             .map((path) => path.parentNode.querySelector("title").textContent)"""
    )
    assert "1 leads payments-0" in words
    assert "3 leads payments-1" in words


def test_messages_are_strokes_from_line_to_line(open_figure: OpenFigure) -> None:
    trace = failover_trace()
    page = open_figure(trace, kind=Timeline, messages=["Produce"], start=-1)
    produced = [message for step in trace["steps"] for message in step["sent"]
                if message["name"] == "Produce"]  # fmt: skip
    page.get_by_role("button", name="table").click()
    table = page.locator(".oz-table").filter(has=page.locator("caption", has_text="so far"))
    expect(table.locator("tbody tr")).to_have_count(len(produced))


@pytest.mark.parametrize("kind", [ClusterView, Timeline])
def test_a_moment_that_is_named_is_stopped_at_and_what_arrives_is_shown(
    open_figure: OpenFigure, kind: type[Figure]
) -> None:
    trace = failover_trace()
    beat = {"id": 999, "from": "1", "to": "3", "name": "BrokerHeartbeat", "text": "1 lives"}
    crash = step_with(trace, "crashes")
    gone = trace["steps"][crash]["time"]
    sent, heard = (
        {"time": gone + wait, "cause": {"kind": "message", "who": who, "text": text},
         "sent": [], "received": [], "set": []}
        for wait, who, text in [(100, "1", "broker 1 is alive"), (200, "3", "1 lives")]
    )  # fmt: skip
    sent["sent"], heard["received"] = [{**beat, "arrives": gone + 200}], [999]
    trace["steps"][crash + 1 : crash + 1] = [sent, heard]
    trace["keyframes"] = trace["keyframes"][:1]
    page = open_figure(trace, kind=kind, moments=[(crash + 2, "a sign of life")])
    seek(page, crash + 2)
    expect(page.locator(".oz-caption")).to_have_text("1 lives")
    seek(page, crash + 1.5)
    expect(page.locator("title", has_text="BrokerHeartbeat: 1 lives")).to_have_count(1)


@pytest.mark.parametrize("width", [400, 1600])
def test_no_stroke_crosses_the_names_of_the_lines(open_figure: OpenFigure, width: int) -> None:
    page = open_figure(failover_trace(), kind=Timeline, width=width, start=-1)
    names, strokes = page.evaluate(
        """[Math.max(...[...document.querySelectorAll(".oz-lane-name")]
              .map((name) => name.getBBox().x + name.getBBox().width)),
            +document.querySelector(".oz-picture clipPath rect").getAttribute("x")]"""
    )
    assert names <= strokes


def test_what_led_to_a_moment_stays_in_the_picture_on_a_phone(open_figure: OpenFigure) -> None:
    """The window moves on before less than half of it is past."""
    page = open_figure(failover_trace(), kind=Timeline, width=400)
    for part in (percent / 100 for percent in range(50, 100, 2)):
        page.evaluate("(part) => figure.player.seek(figure.clock.last * part)", part)
        now, wide = page.evaluate(
            """[+document.querySelector(".oz-now").getAttribute("x1"),
                document.querySelector(".oz-picture").clientWidth]"""
        )
        assert now > wide * 0.45


def test_only_the_lines_that_are_named_are_drawn(open_figure: OpenFigure) -> None:
    page = open_figure(failover_trace(), kind=Timeline, who=["3", "1"])
    expect(page.locator(".oz-lane-name")).to_have_text(["broker 3", "broker 1"])


def test_in_plain_text_it_is_all_there() -> None:
    view = ClusterView(failover_trace(), start=-1)
    assert "broker 2  crashed" in view.text
    assert "payments-0  leader, epoch 5   A B A C E E" in view.text
    assert "1 and 3: cut" in view.text
