"""Pages that do something: figures that scrub, questions that wait, a search, a theme."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from maker import npm
from playwright.sync_api import Locator, Page

Open = Callable[..., Page]


def step(figure: Locator) -> int:
    """The step that a figure shows, as it says itself."""
    text = figure.locator(".oz-count").inner_text()
    found = re.match(r"step (\d+) of", text)
    assert found, text
    return int(found[1])


def lesson(site: Path) -> str:
    return (site / "lessons" / "01_the_log.html").as_uri()


# -- figures ---------------------------------------------------------------------------------------


def test_the_first_page_plays_its_run(site: Path, open_page: Open) -> None:
    page = open_page((site / "index.html").as_uri(), reduced_motion="no-preference")
    figure = page.locator(".run-figure")
    figure.locator(".oz-play[aria-label=Pause]").wait_for()
    first = step(figure)
    page.wait_for_function(f"document.querySelector('.run-figure').figure.player.step > {first}")
    figure.locator(".oz-play").click()
    assert figure.locator(".oz-play").get_attribute("aria-label") == "Play"


def test_nothing_moves_for_who_wants_no_movement(site: Path, open_page: Open) -> None:
    page = open_page((site / "index.html").as_uri(), reduced_motion="reduce")
    figure = page.locator(".run-figure")
    figure.locator(".oz-cell").first.wait_for(state="attached")
    assert figure.locator(".oz-play").get_attribute("aria-label") == "Play"


def test_a_figure_of_the_lesson_is_scrubbed_with_the_keyboard(site: Path, open_page: Open) -> None:
    page = open_page(lesson(site))
    figure = page.locator("[data-trace='01_the_log-replay-run']")
    track = figure.get_by_role("slider")
    track.focus()
    page.keyboard.press("Home")
    assert step(figure) == 1
    page.keyboard.press("ArrowRight")
    assert step(figure) > 1
    page.keyboard.press("End")
    assert "lag 0" in figure.inner_text()


def test_both_pictures_of_a_failover_go_to_the_moment_that_is_chosen(
    site: Path, open_page: Open
) -> None:
    page = open_page((site / "failover.html").as_uri())
    cluster = page.locator("[data-figure='cluster_view']")
    timeline = page.locator("[data-figure='timeline']")
    timeline.locator(".oz-span").first.wait_for(state="attached")
    moments = page.locator("[data-step]")
    for number in (1, 5, 8):
        moment = moments.nth(number)
        moment.click()
        wanted = int(moment.get_attribute("data-step") or -1) + 1
        assert (step(cluster), step(timeline)) == (wanted, wanted)
        assert page.locator("[aria-current]").count() == 1
    cluster.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.wait_for_function(
        "document.querySelector('[data-figure=timeline]').figure.player.step === 0"
    )


# -- questions -------------------------------------------------------------------------------------


def test_a_run_stays_folded_until_there_is_a_guess(site: Path, open_page: Open) -> None:
    page = open_page(lesson(site))
    question = page.locator("[data-guess=queue-predict]")
    run = page.locator("[data-waits-for=queue-predict]")
    run.get_by_role("button", name="without a guess").wait_for()
    assert not run.locator(".run-figure").is_visible()
    question.get_by_label("none").check(force=True)
    assert "You said none; it is three." in question.inner_text()
    run.locator(".oz-cell").first.wait_for()
    assert run.get_by_role("button", name="without a guess").count() == 0


def test_who_does_not_want_to_guess_need_not(site: Path, open_page: Open) -> None:
    page = open_page(lesson(site), width=400)
    run = page.locator("[data-waits-for=retention-predict]")
    run.get_by_role("button", name="without a guess").click()
    run.locator(".oz-cell").first.wait_for()
    assert "OFFSET_OUT_OF_RANGE" not in page.locator("[data-guess=retention-predict]").inner_text()


def test_every_question_of_the_lesson_has_its_answer_on_the_page(
    site: Path, open_page: Open
) -> None:
    page = open_page(lesson(site))
    for question in page.locator("[data-guess]").all():
        question.locator("input").first.check(force=True)
        said = question.locator("[role=status]").inner_text()
        assert re.match(r"(Yes: |You said ).+\.", said), said


# -- without JavaScript ----------------------------------------------------------------------------


def test_without_javascript_figures_and_questions_are_words(site: Path, open_page: Open) -> None:
    page = open_page(lesson(site), java_script_enabled=False)
    figure = page.locator("[data-trace='01_the_log-queue-run'] pre")
    assert "high watermark 6, log end 6" in figure.inner_text()
    assert "none · three · six" in page.locator("[data-guess=queue-predict]").inner_text()


# -- around the text -------------------------------------------------------------------------------


@pytest.mark.skipif(not npm.SEARCH.exists(), reason="needs iframe-worker (make site fetches it)")
def test_search_finds_a_page_without_a_server(site: Path, open_page: Open) -> None:
    page = open_page((site / "index.html").as_uri())
    page.get_by_placeholder("Search").fill("high watermark")
    page.locator(".md-search-result__link").first.wait_for(timeout=20_000)


def test_a_server_changes_nothing(address: str, open_page: Open) -> None:
    page = open_page(f"{address}rooms/log.html")
    assert page.get_by_role("heading", level=1).inner_text().startswith("log")


def test_the_page_for_a_wrong_address_leads_back(address: str, open_page: Open) -> None:
    page = open_page(f"{address}404.html")
    assert "no such page" in page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="at offset zero").click()
    page.wait_for_url("**/index.html")
    assert "offset zero" in page.get_by_role("heading", level=1).inner_text()


def test_the_code_is_shown_in_the_theme_that_was_chosen(site: Path, open_page: Open) -> None:
    page = open_page((site / "rooms" / "node.html").as_uri(), color_scheme="light")
    page.locator("label[title='Switch to dark']").click()
    page.wait_for_selector("body[data-md-color-scheme=slate]")
    page.get_by_role("link", name="broker/node.py").click()
    page.wait_for_selector("main .highlight")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"


def test_the_keyboard_reaches_the_text_first(site: Path, open_page: Open) -> None:
    page = open_page(lesson(site))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to content"
