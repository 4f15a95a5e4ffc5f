"""A prediction is asked for before the answer is shown.

Guessing first is what makes an answer stick: it turns "of course" into "oh". So a lesson
asks in one cell and answers in the next, with what the run really did:

    guess = predict("How many orders does billing get?", ["none", "three", "six"])
    ...
    guess.reveal(story.taken_by_billing, because.QUEUE)

The question is a small widget (an anywidget, like the figures). Its answer arrives as a
trait, and the page unfolds it only after a choice has been made, also when all cells were
run at once. Comparing the two is done in the page, so a saved lesson on a static site,
without a kernel, still asks first. The reasons lie in `because`, out of sight: a cell is read
before it is run, and would give them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from lessons.style import CSS

MODULE = (Path(__file__).parent / "predict.js").read_text(encoding="utf-8")


class Prediction(anywidget.AnyWidget):
    """A question with a few possible answers; `choice` is what the learner picked."""

    _esm = MODULE
    _css = CSS

    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    choice = traitlets.Unicode("").tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)
    because = traitlets.Unicode("").tag(sync=True)

    def reveal(self, answer: object, because: str) -> None:
        """Give the answer. It is shown as soon as there is a choice to compare it with.

        The answer comes from a run the learner may have changed, so it need not be among the
        options: then that is what the page says.
        """
        self.because = because
        self.answer = str(answer)

    def __str__(self) -> str:
        return f"{self.question} ({' / '.join(self.options)})"

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # Where no widget can be drawn (a terminal, a diff), the question is still readable.
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = str(self)
        return bundle


def predict(question: str, options: Sequence[object]) -> Prediction:
    """Ask. The learner clicks one of `options`, then runs the next cell."""
    return Prediction(question=question, options=[str(option) for option in options])
