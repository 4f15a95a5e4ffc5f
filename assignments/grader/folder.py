"""`grade run`: from a folder of submissions to a folder of results, with a bar on the way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from assignments.ecommerce.assess import refuse
from assignments.grader.collect import FolderError, Submission, folder_names, submissions
from assignments.grader.grade import Grade, shown
from assignments.grader.pool import Answer, Pool
from assignments.grader.results import FAILED, GRADED, REFUSED, SUMMARY, Outcome, write
from assignments.grader.words import counted, shortened

NAME_SHOWN = 28
TABLE_WIDTH = 110
"""Where nobody looks at it, in a file or a pipe."""


def grade_folder(folder: Path, out: Path, jobs: int, seconds: int, title: str) -> int:
    """Grade all of it; the exit status says whether that went well."""
    from assignments.grader.cli import CommandError

    try:
        found = submissions(folder)
    except FolderError as error:
        raise CommandError(str(error)) from None
    _prepare(folder, out)
    outcomes = _graded(found, jobs, seconds)
    write(out, outcomes, title=title)
    _tell(outcomes, out)
    return 1 if any(outcome.status == FAILED for outcome in outcomes) else 0


def _prepare(folder: Path, out: Path) -> None:
    """Results must never be taken for submissions, nor old ones for new ones."""
    from assignments.grader.cli import CommandError

    if out.resolve().is_relative_to(folder.resolve()):
        raise CommandError("--out must not lie in the folder of submissions")
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()) and not (out / SUMMARY).is_file():
        raise CommandError(f"{shortened(str(out))} holds other things; give an empty folder")
    for old in out.glob("*/results.json"):
        old.unlink()


def _graded(found: list[Submission], jobs: int, seconds: int) -> list[Outcome]:
    """Every submission with its outcome, in the order in which they were found."""
    answers: dict[int, Answer] = {
        number: (REFUSED, "", refuse(submission.refusal))
        for number, submission in enumerate(found)
        if submission.refusal
    }
    waiting = {
        number: submission.path for number, submission in enumerate(found) if not submission.refusal
    }
    pool = Pool(min(jobs, max(1, len(waiting))), seconds, refuse)
    with _bar() as bar:
        task = bar.add_task("grading", total=len(found), completed=len(answers))
        for number, answer in pool.grade(waiting):
            answers[number] = answer
            bar.advance(task)
    return [
        Outcome(submission.name, name, status, grade, digest)
        for number, (submission, name) in enumerate(zip(found, folder_names(found), strict=True))
        for status, digest, grade in [answers[number]]
    ]


def _bar() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _tell(outcomes: list[Outcome], out: Path) -> None:
    """The table, and what stands in no row of it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=TABLE_WIDTH)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("submission", no_wrap=True)
    table.add_column("points", justify="right")
    for check in outcomes[0].grade.checks:
        table.add_column(check.name, justify="right")
    table.add_column("remarks", overflow="fold")
    for outcome in outcomes:
        table.add_row(*_row(outcome))
    console.print(table)
    counts = Counter(outcome.status for outcome in outcomes)
    parts = [f"{counts[status]} {status}" for status in (GRADED, REFUSED, FAILED) if counts[status]]
    waiting = max(outcome.grade.waiting for outcome in outcomes)
    console.print()
    console.print(
        Text(f"{counted(len(outcomes), 'submission')}: {', '.join(parts)}. Points are those of "
             f"runs; a reader gives up to {waiting} more.")
    )  # fmt: skip
    console.print(Text(f"Results are in {shortened(str(out), 200)}, the table in {SUMMARY}."))


def _row(outcome: Outcome) -> list[Text]:
    grade = outcome.grade
    name = Text(shortened(outcome.name, NAME_SHOWN))
    if outcome.status != GRADED:
        reason = grade.refusal or grade.problems[0]
        return [name, Text("0"), *(Text("") for _ in grade.checks), Text(reason)]
    points = Text(f"{shown(grade.points)} of {grade.out_of}")
    return [name, points, *(Text(shown(check.points)) for check in grade.checks), _remarks(grade)]


def _remarks(grade: Grade) -> Text:
    remarks = list(grade.tags)
    if grade.problems:
        remarks.append(f"{counted(len(grade.problems), 'problem')} in the file")
    return Text(", ".join(remarks))
