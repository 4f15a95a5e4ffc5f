"""The question on the page: it asks first, and answers only who has chosen."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from lessons.predict import MODULE

# What anywidget is to a widget, as far as this one looks: values, changes, and a place to save.
HOST = """
window.show = async (source, values) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const listeners = {};
  window.model = {
    get: (name) => values[name],
    set(name, value) {
      values[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    save_changes() {},
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off() {},
  };
  widget.render({ model: window.model, el: document.body });
};
"""
QUESTION = {"question": "How many?", "options": ["none", "three", "six"], "choice": "",
            "answer": "", "because": ""}  # fmt: skip
Ask = Callable[..., Page]


@pytest.fixture
def ask(browser: Browser) -> Iterator[Ask]:
    page = browser.new_page()

    def ask(**values: Any) -> Page:
        page.add_script_tag(content=HOST)
        page.evaluate("([source, values]) => show(source, values)", [MODULE, QUESTION | values])
        return page

    yield ask
    page.close()


def reveal(page: Page, answer: str, because: str) -> None:
    page.evaluate(
        "([a, b]) => { model.set('because', b); model.set('answer', a); }", [answer, because]
    )


def test_a_choice_is_noted_and_may_be_changed_until_there_is_an_answer(ask: Ask) -> None:
    page = ask()
    page.get_by_label("six").check()
    expect(page.get_by_role("status")).to_have_text("Noted. Run the next cell and see.")
    page.get_by_label("three").check()
    assert page.evaluate("model.get('choice')") == "three"
    reveal(page, "three", "each went to one of the two")
    expect(page.get_by_role("status")).to_have_text("Yes: three. each went to one of the two")
    expect(page.get_by_label("six")).to_be_disabled()


def test_an_answer_that_came_first_still_waits_for_a_choice(ask: Ask) -> None:
    """All cells were run at once, or the lesson is read where there is no kernel."""
    page = ask(answer="three", because="each went to one of the two")
    expect(page.get_by_role("status")).to_contain_text("Choose first")
    expect(page.locator("body")).not_to_contain_text("each went to")
    page.get_by_label("six").check()
    expect(page.get_by_role("status")).to_have_text(
        "You said six; it is three. each went to one of the two"
    )


def test_an_answer_outside_the_options_is_that_of_a_changed_run(ask: Ask) -> None:
    page = ask(choice="six")
    reveal(page, "four", "")
    expect(page.get_by_role("status")).to_contain_text("in this run it is four")


def test_the_keyboard_is_enough(ask: Ask) -> None:
    page = ask()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("model.get('choice')") == "three"
