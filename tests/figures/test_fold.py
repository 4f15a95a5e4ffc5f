"""A trace folded into states: forwards, backwards, from keyframes, in Python and in JavaScript."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from lessons.figures import state_at, trace_of
from tests.figures.stories import orders_trace

SMALL = {
    "schema": 1,
    "header": {},
    "steps": [
        {"time": 0, "set": [["logs/1/t-0", {"end": 0, "records": {}}]]},
        {"time": 1, "set": [["logs/1/t-0/records/0", {"key": "A"}], ["logs/1/t-0/end", 1]]},
        {"time": 2, "set": [["logs/1/t-0/records/0", None], ["new/path/to", [1, {"x": None}]]]},
        {"time": 3, "set": [["logs/1/t-0", None], ["missing/below", None]]},
        {"time": 4, "set": [["logs/1/t-0", {"end": 5}], ["new/path", {"again": True}]]},
    ],
    "keyframes": [[0, {"logs": {"1": {"t-0": {"end": 0, "records": {}}}}}]],
}  # fmt: skip


def test_each_step_sets_and_deletes() -> None:
    assert state_at(SMALL, 0) == {"logs": {"1": {"t-0": {"end": 0, "records": {}}}}}
    assert state_at(SMALL, 1)["logs"]["1"]["t-0"] == {"end": 1, "records": {"0": {"key": "A"}}}
    assert state_at(SMALL, 2) == {
        "logs": {"1": {"t-0": {"end": 1, "records": {}}}}, "new": {"path": {"to": [1, {"x": None}]}}
    }  # fmt: skip
    assert state_at(SMALL, 3)["logs"] == {"1": {}}


def test_a_keyframe_is_only_a_shorter_way() -> None:
    trace = orders_trace()
    bare = {**trace, "keyframes": []}
    assert len(trace["keyframes"]) > 1
    for step in range(0, len(trace["steps"]), 13):
        assert state_at(trace, step) == state_at(bare, step)


def test_folding_does_not_change_the_trace() -> None:
    before = json.dumps(SMALL)
    for step in range(len(SMALL["steps"])):
        state_at(SMALL, step)
    assert json.dumps(SMALL) == before


@pytest.mark.parametrize("make", [lambda: SMALL, orders_trace])
def test_the_page_folds_as_python_does(
    open_figure: Callable[..., Page], make: Callable[[], Any]
) -> None:
    trace = make()
    last = len(trace["steps"]) - 1
    # Forwards, far back, far forwards, and every step on the way down.
    walk = [0, last // 2, last, 1, last - 1, *range(last, -1, -1), last]
    page = open_figure(trace)
    states = page.evaluate(
        """([trace, walk]) => {
          const Fold = figure.fold.constructor;
          const fold = new Fold(trace);
          const states = walk.map((step) => JSON.stringify(fold.at(step)));
          return [states, JSON.stringify(trace)];
        }""",
        [trace, walk],
    )
    assert [json.loads(state) for state in states[0]] == [state_at(trace, step) for step in walk]
    assert json.loads(states[1]) == trace


class Simulated:
    """Anything with a trace that knows how to write itself."""

    class Trace:
        def to_json(self) -> str:
            return json.dumps(SMALL)

    trace = Trace()


def test_a_trace_comes_in_many_forms(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(SMALL), encoding="utf-8")
    for source in (SMALL, path, str(path), Simulated(), Simulated.trace):
        assert trace_of(source)["steps"] == SMALL["steps"]


def test_what_is_no_trace_is_refused_in_one_sentence() -> None:
    with pytest.raises(TypeError, match="a figure is drawn from a trace"):
        trace_of(7)
