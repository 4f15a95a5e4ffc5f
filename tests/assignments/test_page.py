"""The page of text and the page for a browser: what they teach, and what they never let through."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from assignments.ecommerce import rubric
from assignments.ecommerce.assess import assess, understand
from assignments.ecommerce.pictures import pictures
from assignments.ecommerce.streams import STREAMS
from assignments.grader.grade import Series
from assignments.grader.html import html
from assignments.grader.page import curves, page
from assignments.grader.words import harmless, listed, shortened
from tests.assignments.designs import GOOD, sample

FLAWED = "flawed-one-partition"
EVIL = "</script><img src=x onerror=alert(1)>\u202e\x1b[2J"


def text_of(name: str, width: int = 84) -> str:
    """A sample's page."""
    lines = page(sample(name), title="Kafka for a shop", name=f"{name}.yaml", width=width)
    return "\n".join(line.text for line in lines)


# -- text ------------------------------------------------------------------------------------------


def test_the_page_of_text() -> None:
    for width in (40, 60, 84):
        lines = text_of(FLAWED, width).splitlines()
        wide = [line for line in lines if len(line) > width and "▁" not in line]
        assert wide == [], "only curves do not fold"
    lines = text_of(FLAWED).splitlines()
    assert lines[0].endswith(" of the 60 points that runs give"), "not: of all points"
    assert lines[1].endswith("a reader gives up to 40 more")
    text = " ".join(" ".join(lines).split())
    assert text.count("one partition means one member") == 1, "said once for three streams"
    assert text.count("what lag is, and when it stops being harmless") == 1


def test_curves_share_a_scale() -> None:
    flat, steep = curves([Series("a", (0, 1, 0, 1)), Series("bb", (0, 40, 80, 160))])
    assert flat == "a   ▁▁▁▁  1 event behind at the end"
    assert steep == "bb  ▁▃▅█  160 events behind at the end"


def test_words_of_strangers_are_harmless() -> None:
    assert harmless("a\nb\x1b[2J\u202e") == r"a\nb\x1b[2J\u202e"
    assert harmless("Grüße, 日本") == "Grüße, 日本"
    assert shortened("x" * 100, 10) == "xxxxxxxxx…"
    assert listed(["a", "b", "c"]) == "a, b or c"


def test_a_lesson_that_is_named_has_the_section_that_is_named(root: Path) -> None:
    for lesson in (rubric.PARTITION, rubric.LAG, rubric.KEPT):
        notebook = json.loads((root / "lessons" / f"{lesson.notebook}.ipynb").read_text())
        cells = ["".join(cell["source"]) for cell in notebook["cells"]]
        assert any(f"## {lesson.section}\n" in f"{cell}\n" for cell in cells)
        assert any(re.search(rf"^# \d+ · {lesson.title}$", cell, re.MULTILINE) for cell in cells)
    handout = (root / "assignments" / "ecommerce" / "handout.md").read_text(encoding="utf-8")
    assert "## Keys and partitions" in handout


def test_the_handout_has_the_rubric(root: Path) -> None:
    handout = (root / "assignments" / "ecommerce" / "handout.md").read_text(encoding="utf-8")
    for title, points in (("Is order kept?", 10), ("Is the peak met?", 10)):
        assert f"| {title} | {points * len(STREAMS)}: ten for each stream | a run |" in handout
    points = re.findall(r"\| (\d+) \| a reader \|", handout)
    assert [int(each) for each in points] == [part.points for part in rubric.FOR_READER]


# -- a browser -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a design with one stream in order, one out of order, and one not understood."""
    text = GOOD.replace("key: payment_id", "key: event_type").replace("key: sku", "key: skus")
    text = text.replace("Fulfilment must not", f'Fulfilment "{EVIL[:-5]}" must not')
    grade = assess(text.encode())
    grade = replace(grade, problems=(*grade.problems, EVIL))
    path = tmp_path_factory.mktemp("page") / "page.html"
    runs = pictures(understand(text.encode()).choices, grade)
    path.write_text(html(grade, runs, title="Kafka for a shop", name=EVIL), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1600, "light")])
def test_the_page_in_a_browser(browser: Browser, written: Path, width: int, scheme: str) -> None:
    complaints: list[str] = []
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    shown.on("console", lambda line: complaints.append(f"console: {line.text}"))
    shown.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    shown.on("request", lambda asked: asked.url == written.as_uri()
             or complaints.append(f"request: {asked.url}"))  # fmt: skip
    shown.goto(written.as_uri())
    the_run_stands_at_the_step_that_the_verdict_names(shown)
    a_run_that_is_in_order_can_be_opened(shown)
    lag_is_drawn_for_each_service(shown)
    nothing_sticks_out_and_nothing_is_too_small(shown)
    shown.close()
    assert complaints == []


def the_run_stands_at_the_step_that_the_verdict_names(shown: Page) -> None:
    figure = shown.locator("article.poor .oz-figure").first
    expect(figure.locator(".oz-title")).to_have_text("Out of order")
    summary = shown.locator("details[open] summary").first.inner_text()
    step = summary.rpartition(" ")[2]
    expect(figure.locator(".oz-count")).to_contain_text(f"step {step} of")
    expect(figure.locator(".oz-caption")).to_contain_text("ledger-")
    expect(figure.locator(".oz-strip")).to_have_count(4)
    both_records_are_in_sight(shown, figure)


def both_records_are_in_sight(shown: Page, figure: Locator) -> None:
    """What the sentences name can be seen, without rolling a strip."""
    named = shown.locator("article.poor li", has_text=", offset ").all_inner_texts()[:2]
    for line in named:
        found = re.search(r": ([a-z]+-[0-9]+), offset ([0-9]+);", line)
        assert found, line
        strip = figure.locator(f".oz-strip[data-row='{found[1]}']")
        assert found[2] in strip.locator(".oz-offsets text").all_text_contents()


def a_run_that_is_in_order_can_be_opened(shown: Page) -> None:
    folded = shown.locator("article.good details").first
    expect(folded.locator(".oz-figure")).not_to_be_visible()
    folded.locator("summary").click()
    expect(folded.locator(".oz-title")).to_have_text("In order")
    expect(folded.locator(".oz-cell").first).to_be_visible()


def lag_is_drawn_for_each_service(shown: Page) -> None:
    orders = shown.locator(".lag").first
    expect(orders.locator("polyline")).to_have_count(3)
    expect(orders.locator(".names li").first).to_contain_text("fulfilment")


def nothing_sticks_out_and_nothing_is_too_small(shown: Page) -> None:
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = shown.evaluate(
        "[...document.querySelectorAll('main p, main li, main span, main dd')]"
        ".map((node) => parseFloat(getComputedStyle(node).fontSize))"
    )
    assert min(sizes) >= 11
