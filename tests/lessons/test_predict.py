"""A prediction is asked before the answer is shown; the page itself is tested in a browser."""

import pytest

from lessons.predict import predict
from lessons.verdict import not_yet, solved


@pytest.fixture
def guess():
    return predict("How many does billing see?", ["none", "three", 6])


def test_a_question_starts_without_choice_and_without_answer(guess):
    assert (guess.choice, guess.answer) == ("", "")
    assert guess.options == ["none", "three", "6"]


def test_the_answer_comes_from_a_run(guess):
    guess.reveal(6, because="all of them")
    assert (guess.answer, guess.because) == ("6", "all of them")


def test_an_answer_outside_the_options_is_told_all_the_same(guess):
    """The learner may have changed the run."""
    guess.reveal("four", because="the queue had eight messages")
    assert guess.answer == "four"


def test_without_a_browser_the_question_can_still_be_read(guess):
    assert str(guess) == "How many does billing see? (none / three / 6)"


def test_a_verdict_is_true_when_solved_and_always_has_a_next_step():
    assert solved("Six orders.")
    verdict = not_yet("One is missing.", "offset 4 (B, -25)", hint="Look at <B>.")
    assert not verdict
    assert str(verdict).splitlines() == [
        "Not yet. One is missing.",
        "  - offset 4 (B, -25)",
        "Hint: Look at <B>.",
    ]
    assert "Look at &lt;B&gt;." in verdict._repr_html_()
