"""A trace as plain data, and the state after any of its steps.

The figures fold a trace in JavaScript; this is the same fold for Python, used for the text that
stands in for a figure where none can be drawn. A trace may be given in any of the forms in which
one meets it: the data itself, a JSON file, or an object that has a trace (a simulation).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Trace = dict[str, Any]
State = dict[str, Any]


def trace_of(source: object) -> Trace:
    """The trace that `source` is, holds, or names as a file."""
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, (str, Path)):
        return _checked(json.loads(Path(source).read_text(encoding="utf-8")), source)
    holder = getattr(source, "trace", source)
    to_json = getattr(holder, "to_json", None)
    if to_json is None:
        kind = type(source).__name__
        raise TypeError(
            f"a figure is drawn from a trace: give a simulation, a trace, its data or the path "
            f"of its JSON file, not a {kind}"
        )
    data = to_json()
    return _checked(json.loads(data) if isinstance(data, (str, bytes)) else data, source)


def _checked(data: object, source: object) -> Trace:
    if not isinstance(data, dict) or "steps" not in data:
        raise TypeError(f"{source!r} holds no trace: it has no steps")
    return data


def state_at(trace: Trace, step: int) -> State:
    """The whole state after a step."""
    first, whole = 0, {}
    for number, frame in trace.get("keyframes", []):
        if first <= number <= step:
            first, whole = number, frame
    state: State = copy.deepcopy(whole)
    for done in trace["steps"][first : step + 1]:
        for path, value in done.get("set", []):
            put(state, path, value)
    return state


def put(state: State, path: str, value: Any) -> None:
    """Set what lies at a path; None deletes it."""
    *folders, name = path.split("/")
    at = state
    for folder in folders:
        inner = at.get(folder)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = at[folder] = {}
        at = inner
    if value is None:
        at.pop(name, None)
    else:
        at[name] = copy.deepcopy(value)
