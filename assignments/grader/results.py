"""What is left of a run: for each submission a `results.json`, and one table of them all.

`results.json` is Gradescope's. Its score is what the runs give; what a person has to judge is there
as tests without a score, with the student's own words in them, and says so. Nothing in a file tells
when or how fast it was made: the same submission gives the same bytes.

The table is CSV for a spreadsheet. A cell that begins like a formula would be run by it, so such a
cell gets an apostrophe in front, whoever chose that name.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from assignments.grader.grade import Check, ForReader, Grade, Verdict, shown
from assignments.grader.page import head
from assignments.grader.words import harmless

RESULTS = "results.json"
SUMMARY = "summary.csv"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

GRADED, REFUSED, FAILED = "graded", "refused", "failed"


class Outcome(NamedTuple):
    """What has become of a submission."""

    name: str
    folder: str
    """Where its results are, in the folder of all results."""
    status: str
    """graded, refused (it was nothing that can be graded), or failed (that is our fault)."""
    grade: Grade
    digest: str = ""
    """The SHA-256 of what was graded, so that nobody has to argue about which file it was."""


def gradescope(outcome: Outcome, *, title: str) -> dict[str, Any]:
    """The content of a results.json."""
    grade = outcome.grade
    tests = [_test(check, verdict) for check in grade.checks for verdict in check.verdicts]
    tests += [_part(part) for part in grade.for_reader]
    return {
        "score": grade.points,
        "output": _summary(outcome, title),
        "output_format": "text",
        "visibility": "visible",
        "tests": [{**test, "number": str(place)} for place, test in enumerate(tests, 1)],
        "extra_data": {
            "submission": harmless(outcome.name),
            "status": outcome.status,
            "sha256": outcome.digest,
            "points_by_runs": grade.points,
            "points_by_runs_max": grade.out_of,
            "points_for_a_reader_max": grade.waiting,
            "tags": list(grade.tags),
        },
    }


def _summary(outcome: Outcome, title: str) -> str:
    grade = outcome.grade
    if grade.refusal:
        return f"Not graded, and so no points. {grade.refusal}"
    lines = [line.text for line in head(grade, title=title, name=outcome.name)]
    if grade.problems:
        lines += ["", "In the file:", *(f"- {problem}" for problem in grade.problems)]
    return "\n".join(lines)


def _test(check: Check, verdict: Verdict) -> dict[str, Any]:
    thoughts = (("Why", verdict.because), ("Think", verdict.hint), ("Read", verdict.lesson))
    lines = [verdict.says, *(f"- {line}" for line in verdict.evidence)]
    lines += [f"{word}: {text}" for word, text in thoughts if text]
    if verdict.frame is not None:
        lines.append(f"See: step {verdict.frame} of the figure that `grade try --html` writes.")
    return {
        "name": f"{check.title} {verdict.stream} ({verdict.setting})",
        "score": verdict.points,
        "max_score": verdict.out_of,
        "status": "passed" if verdict.passed else "failed",
        "output": harmless_block(lines),
        "output_format": "text",
        "tags": list(verdict.tags),
        "visibility": "visible",
    }


def _part(part: ForReader) -> dict[str, Any]:
    """Without a score: a person gives it, and until then nobody shall think that it was given."""
    lines = [f"Not run. A reader gives 0 to {part.out_of} points.", part.question, *part.answers]
    return {
        "name": f"For a reader: {part.title}",
        "output": harmless_block(lines),
        "output_format": "text",
        "tags": ["for-a-reader"],
        "visibility": "visible",
    }


def harmless_block(lines: Iterable[str]) -> str:
    """Several lines, each harmless."""
    return "\n".join(harmless(line) for line in lines)


# -- the table -------------------------------------------------------------------------------


def summary(outcomes: list[Outcome]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns(outcomes))
    for outcome in outcomes:
        writer.writerow([no_formula(cell) for cell in _cells(outcome)])
    return text.getvalue()


def columns(outcomes: list[Outcome]) -> list[str]:
    """The head of the table."""
    checks = outcomes[0].grade.checks if outcomes else ()
    parts = [f"{check.name}: {verdict.stream}" for check in checks for verdict in check.verdicts]
    ends = ["misconceptions", "remarks", "results"]
    return ["submission", "status", "score", "out of", "for a reader", *parts, *ends]


def _cells(outcome: Outcome) -> list[str]:
    grade = outcome.grade
    return [
        harmless(outcome.name),
        outcome.status,
        shown(grade.points),
        str(grade.out_of),
        str(grade.waiting),
        *(shown(verdict.points) for verdict in grade.verdicts()),
        " ".join(grade.tags),
        grade.refusal or " | ".join(grade.problems),
        f"{outcome.folder}/{RESULTS}",
    ]


def no_formula(cell: str) -> str:
    """A cell that no spreadsheet takes for something to be worked out.

    >>> no_formula("=1+1")
    "'=1+1"
    """
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


# -- writing ---------------------------------------------------------------------------------


def write(out: Path, outcomes: list[Outcome], *, title: str) -> None:
    """All files. Each appears whole or not at all."""
    for outcome in outcomes:
        folder = out / outcome.folder
        folder.mkdir(exist_ok=True)
        text = json.dumps(gradescope(outcome, title=title), indent=2, ensure_ascii=False)
        _put(folder / RESULTS, text + "\n")
    _put(out / SUMMARY, summary(outcomes))


def _put(path: Path, text: str) -> None:
    # Names with bytes that are no text are escaped by now; what is left of them is replaced.
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", errors="replace", newline="")
    os.replace(beside, path)
