"""The log view as a reader meets it: seen, played, stepped, scrubbed, read aloud, and narrow."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lessons.figures import state_at
from tests.figures.stories import long_trace, orders_trace, queue_trace

OpenFigure = Callable[..., Page]
LEADERS = {"orders-0": "1", "orders-1": "3", "orders-2": "1"}


def step_of(page: Page) -> int:
    """Where the figure is."""
    step: int = page.evaluate("figure.player.step")
    return step


def at_rest(page: Page) -> bool:
    """Whether nothing moves any more."""
    rests: bool = page.evaluate("!figure.player.playing && figure.player.target === null")
    return rests


def press(page: Page, *keys: str) -> None:
    """Press keys, and wait until what they began is over."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_function("!figure.player.playing && figure.player.target === null")


def seek(page: Page, step: float) -> None:
    """Be at a step."""
    page.evaluate("(step) => figure.player.seek(step)", step)


def cells(page: Page, row: str) -> dict[int, tuple[str, bool]]:
    """What a strip shows: letters by offset, and whether they are outlined."""
    found: list[list[Any]] = page.evaluate(
        """(row) => [...document.querySelectorAll(`[data-row="${row}"] .oz-cell[data-offset]`)]
          .filter((cell) => !cell.classList.contains("oz-ghost"))
          .map((cell) => [Number(cell.dataset.offset), cell.querySelector(".oz-letter").textContent,
                          cell.classList.contains("oz-open")])""",
        row,
    )
    return {offset: (letter, outlined) for offset, letter, outlined in found}


# -- what is seen ---------------------------------------------------------------------------------


def test_the_first_frame_makes_the_point(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), title="Broker 3 is gone", subtitle="nobody leads orders-1")
    expect(page.locator(".oz-title")).to_have_text("Broker 3 is gone")
    expect(page.locator(".oz-caption")).to_have_text("broker 3 crashes")
    expect(page.locator('[data-row="orders-1"] .oz-danger')).to_have_text("broker 3 crashed")
    expect(page.locator(".oz-names .oz-fault")).to_have_text("crash(3)")
    assert page.locator(".oz-strip.oz-gone").count() == 1


def test_without_a_fault_it_shows_records_on_their_way(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    trace["steps"] = trace["steps"][:130]
    page = open_figure(trace)
    assert page.locator(".oz-disc .oz-letter").count() > 0


def test_the_picture_is_the_state(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    page = open_figure(trace)
    for step in [*range(0, len(trace["steps"]), 16), len(trace["steps"]) - 1]:
        seek(page, step)
        state = state_at(trace, step)
        for row, node in LEADERS.items():
            log = state["logs"][node][row]
            shown = cells(page, row)
            wanted = {
                int(offset): (record["key"] or "", int(offset) >= log["hw"])
                for offset, record in log["records"].items()
                if int(offset) >= min(shown, default=0)
            }
            assert shown == wanted, (step, row)
            assert len(shown) >= min(len(log["records"]), 10)


def test_a_queue_forgets_what_a_log_keeps(open_figure: OpenFigure) -> None:
    page = open_figure(queue_trace(), start=-1)
    assert "".join(letter for letter, _ in cells(page, "queue").values()) == "ADC"
    assert "".join(letter for letter, _ in cells(page, "orders-0").values()) == "ABACBADC"
    same_place = page.evaluate(
        """["queue", "orders-0"].map((row) => document
          .querySelector(`[data-row="${row}"] [data-offset="5"]`).getBoundingClientRect().x)"""
    )
    assert same_place[0] == same_place[1]


def test_a_long_log_shows_its_tail_and_draws_no_more_than_that(open_figure: OpenFigure) -> None:
    page = open_figure(long_trace(1500), start=-1)
    assert max(cells(page, "orders-2")) == 499
    assert page.locator(".oz-cell").count() < 100
    expect(page.locator('[data-row="orders-2"] .oz-reader')).to_contain_text("lag 398")
    page.mouse.move(400, 170)
    page.mouse.wheel(-4000, 0)
    page.wait_for_function('document.querySelector(\'[data-row="orders-0"] [data-offset="400"]\')')


def test_what_the_story_is_about_is_not_rolled_out_of_sight(open_figure: OpenFigure) -> None:
    trace = long_trace(1500)
    gone = min(cells(open_figure(trace, start=-1), "orders-2")) - 2
    assert {gone, 499} <= set(
        cells(open_figure(trace, start=-1, focus={"orders-2": gone}), "orders-2")
    )


def test_long_keys_get_letters_and_a_legend(open_figure: OpenFigure) -> None:
    trace = queue_trace()
    for step in trace["steps"]:
        for change in step["set"]:
            if isinstance(change[1], dict) and change[1].get("key"):
                change[1] = {**change[1], "key": f"customer-{change[1]['key']}"}
    page = open_figure(trace, start=-1)
    expect(page.locator(".oz-legend li").first).to_have_text("Acustomer-A")
    expect(page.locator(".oz-legend li")).to_have_count(4)


def test_a_lost_message_falls_where_one_can_see_it(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    sends = next(i for i, step in enumerate(trace["steps"]) if step["sent"] and i > 60)
    number = trace["steps"][sends]["sent"][0]["id"]
    for step in trace["steps"]:
        if number in step["received"]:
            step.update(received=[], set=[])
    trace["steps"][sends]["sent"][0]["arrives"] = None
    trace["keyframes"] = []
    page = open_figure(trace, start=sends)
    assert page.locator(".oz-message.oz-lost").count() == 0
    page.get_by_role("slider").focus()
    press(page, "ArrowRight")
    expect(page.locator(".oz-message.oz-lost .oz-word")).to_have_text("lost")
    press(page, "ArrowRight")
    assert page.locator(".oz-message.oz-lost").count() == 0


# -- what is done ---------------------------------------------------------------------------------


def test_stepping_by_button_and_by_key(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), start=40)
    before = page.locator(".oz-caption").inner_text()
    page.get_by_role("button", name="One step forward").click()
    page.wait_for_function("figure.player.target === null")
    assert step_of(page) > 40
    assert page.locator(".oz-caption").inner_text() != before
    press(page, "ArrowLeft")
    assert step_of(page) == 40
    press(page, "Shift+ArrowRight")
    stops: list[int] = page.evaluate("figure.clock.stops")
    assert step_of(page) == stops[stops.index(40) + 10]
    press(page, "Home")
    assert step_of(page) == 0
    press(page, "End")
    assert step_of(page) == len(orders_trace()["steps"]) - 1
    expect(page.get_by_role("button", name="One step forward")).to_be_disabled()


def test_playing_by_the_space_bar(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), start=40, speed=4.0)
    page.get_by_role("slider").focus()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("figure.player.step > 44")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    here = step_of(page)
    page.wait_for_timeout(100)
    assert step_of(page) == here


def test_scrubbing_with_the_hand(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    page = open_figure(trace)
    box = page.locator(".oz-rail").bounding_box()
    assert box is not None
    y = box["y"] + 3
    page.mouse.move(box["x"] + 1, y)
    page.mouse.down()
    seen = []
    for part in (0.2, 0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + part * box["width"], y)
        seen.append(step_of(page))
    page.mouse.up()
    assert seen == sorted(set(seen))
    page.mouse.move(box["x"] + 5, y)
    assert step_of(page) == seen[-1]


def test_a_click_beside_a_fault_means_the_fault(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), start=0)
    box = page.locator(".oz-tick.oz-fault").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 4, box["y"] + 9)
    expect(page.locator(".oz-caption")).to_have_text("broker 3 crashes")


def test_a_click_on_a_record_tells_what_it_is(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace())
    page.locator('[data-row="orders-0"] [data-offset="6"]').click()
    note = page.get_by_role("note")
    expect(note).to_contain_text("offset 6")
    expect(note).to_contain_text("packed")
    expect(note).to_contain_text("offsets 6 to 7")
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()


def test_a_step_touches_only_what_it_changed(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    page = open_figure(trace, start=0)
    step = next(
        number for number, step in enumerate(trace["steps"])
        if "appends" in step["cause"]["text"] and "orders-0" in step["cause"]["text"]
    )  # fmt: skip
    seek(page, step - 1)
    touched = page.evaluate(
        """async (step) => {
          const rows = new Set();
          const watch = new MutationObserver((changes) => changes.forEach(({ target }) =>
            rows.add((target.closest ?? target.parentNode.closest)
              .call(target.closest ? target : target.parentNode, "[data-row]")?.dataset.row)));
          watch.observe(document.querySelector(".oz-picture"),
            { subtree: true, childList: true, attributes: true, characterData: true });
          figure.player.seek(step);
          await new Promise((done) => setTimeout(done, 0));
          return [...rows];
        }""",
        step,
    )
    assert "orders-0" in touched
    assert not {"orders-1", "orders-2"} & set(touched)


def test_nothing_glides_for_who_prefers_it_so(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), start=40, reduced_motion="reduce")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert at_rest(page)
    motion = (
        "getComputedStyle(document.querySelector('.oz-figure')).getPropertyValue('--oz-motion')"
    )
    assert page.evaluate(motion) == "0ms"


# -- what is read ---------------------------------------------------------------------------------


def table(page: Page, name: str) -> list[list[str]]:
    """The rows of a table, by the beginning of its caption."""
    found = page.locator(".oz-table").filter(has=page.locator("caption", has_text=name))
    return [row.split("\t") for row in found.locator("tbody").inner_text().splitlines()]


def test_the_table_is_the_same_state(open_figure: OpenFigure) -> None:
    trace = orders_trace()
    step = 120
    page = open_figure(trace, start=step)
    page.get_by_role("button", name="table").click()
    expect(page.locator(".oz-picture")).to_be_hidden()
    state = state_at(trace, step)
    for name, leader, _epoch, start, hw, end, _ in table(page, "Partitions"):
        log = state["logs"][LEADERS[name]][name]
        assert [start, hw, end] == [str(log[field]) for field in ("start", "hw", "end")]
        assert leader == f"broker {LEADERS[name]}"
    positions = {(who, where): int(offset) for who, where, offset, _ in table(page, "Positions")}
    assert positions == {
        (who, where): offset
        for who, client in state["clients"].items()
        for where, offset in client.get("positions", {}).items()
    }
    records = table(page, "Records of orders-0")
    log = state["logs"]["1"]["orders-0"]
    assert [row[:2] for row in records] == [
        [str(offset), log["records"][str(offset)]["key"] or ""]
        for offset in range(log["start"], log["end"])
    ]
    press(page, "End")
    assert len(table(page, "Records of orders-2")) == 14


def test_a_sentence_is_rewritten_at_each_step(open_figure: OpenFigure) -> None:
    page = open_figure(orders_trace(), start="shop sends A, C")
    live = page.locator("[aria-live=polite]")
    expect(live).to_contain_text("shop sends A, C to orders-0.")
    page.get_by_role("slider").focus()
    sentences = {live.inner_text()}
    for _ in range(4):
        press(page, "ArrowRight")
        sentences.add(live.inner_text())
    assert len(sentences) == 5
    assert any("log end" in sentence for sentence in sentences)
    slider = page.get_by_role("slider")
    assert slider.get_attribute("aria-valuenow") == str(step_of(page))
    assert re.search(r"Step \d+ of 149, 0\.\d+ s: ", slider.get_attribute("aria-valuetext") or "")


# -- where it is seen -----------------------------------------------------------------------------

DARK, LIGHT = "rgb(25, 25, 24)", "rgb(251, 249, 245)"
HOSTS = [
    ("data-jp-theme-light", "false", DARK), ("data-jp-theme-light", "true", LIGHT),
    ("data-md-color-scheme", "slate", DARK), ("data-md-color-scheme", "default", LIGHT),
    ("class", "vscode-dark", DARK), ("class", "vscode-light", LIGHT),
    ("data-theme", "dark", DARK), ("data-theme", "light", LIGHT),
]  # fmt: skip


@pytest.mark.parametrize("preferred", ["dark", "light"])
def test_the_theme_is_the_hosts_or_else_the_readers(
    open_figure: OpenFigure, preferred: str
) -> None:
    page = open_figure(orders_trace(), color_scheme=preferred)
    background = "getComputedStyle(document.querySelector('.oz-figure')).backgroundColor"
    assert page.evaluate(background) == (DARK if preferred == "dark" else LIGHT)
    for name, value, colour in HOSTS:
        page.evaluate("([name, value]) => document.body.setAttribute(name, value)", [name, value])
        assert page.evaluate(background) == colour, (name, value)
        page.evaluate("(name) => document.body.removeAttribute(name)", name)


@pytest.mark.parametrize("width", [400, 700, 1600])
def test_at_any_width_nothing_sticks_out_and_nothing_shrinks(
    open_figure: OpenFigure, width: int
) -> None:
    page = open_figure(orders_trace(), width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = page.evaluate(
        """[...document.querySelectorAll(".oz-figure *")].filter((node) =>
          [...node.childNodes].some((c) => c.nodeType === Node.TEXT_NODE && c.data.trim()))
          .map((node) => parseFloat(getComputedStyle(node).fontSize))"""
    )
    assert set(sizes) == {11.5, 13, 18}


CLEAR_OF_TEXT = """(steps) => {
  const found = [];
  for (const step of steps) {
    figure.player.seek(step);
    const boxes = [...document.querySelectorAll(".oz-picture text")]
      .filter((text) => !text.closest(".oz-message") && text.textContent
        && getComputedStyle(text).visibility === "visible" && getComputedStyle(text).opacity > 0)
      .map((text) => [text.textContent, text.getBoundingClientRect()]);
    for (const way of document.querySelectorAll(".oz-way")) {
      const matrix = way.getScreenCTM();
      for (let at = 0; at < way.getTotalLength(); at += 5) {
        const { x, y } = way.getPointAtLength(at).matrixTransform(matrix);
        for (const [text, box] of boxes) {
          if (x > box.left && x < box.right && y > box.top && y < box.bottom)
            found.push(`step ${step}: ${text}`);
        }
      }
    }
  }
  return [...new Set(found)];
}"""


@pytest.mark.parametrize("width", [400, 700, 1100])
def test_no_message_crosses_a_text(open_figure: OpenFigure, width: int) -> None:
    trace = orders_trace()
    page = open_figure(trace, width=width, reduced_motion="reduce")
    steps = [step + 0.5 for step in range(0, len(trace["steps"]) - 1, 3)]
    assert page.evaluate(CLEAR_OF_TEXT, steps) == []


OVERLAPPING = """(steps) => {
  const found = [];
  for (const step of steps) {
    figure.player.seek(step);
    const boxes = [...document.querySelectorAll(".oz-picture text")]
      .filter((text) => !text.closest(".oz-message, .oz-ghost") && text.textContent
        && getComputedStyle(text).visibility === "visible")
      .map((text) => [text.textContent, text.getBoundingClientRect()]);
    boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 4) found.push(`step ${step}: ${one} on ${other}`);
    }));
  }
  return [...new Set(found)];
}"""


@pytest.mark.parametrize("width", [400, 560, 1100])
def test_no_text_lies_on_another(open_figure: OpenFigure, width: int) -> None:
    for trace in (orders_trace(), queue_trace()):
        page = open_figure(trace, width=width, reduced_motion="reduce")
        assert page.evaluate(OVERLAPPING, list(range(0, len(trace["steps"]), 4))) == []
