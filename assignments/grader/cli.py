"""The command `grade`: try a design, grade a class.

Nobody at a terminal sees a traceback. Exit statuses: 0 all went well (whatever the points are),
1 something could not be done, 2 it was asked for wrongly, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from assignments.grader.files import UnreadableError
from assignments.grader.grade import Grade
from assignments.grader.words import quoted, shortened

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
TITLE = "Kafka for a shop"
TEMPLATE = Path(__file__).parents[1] / "ecommerce" / "design.yaml"
WIDTH_MAX = 88
SECONDS = 20

_TOP = """\
Grades the design of the assignment: topics, keys and partitions for a shop.

For students:
  grade new design.yaml                    write the template, to be filled in
  grade try design.yaml                    run your design, and say what was seen
  grade try design.yaml --html page.html   the same as a page, with runs to scrub through

For instructors:
  grade run submissions --out results      grade a folder of designs, several at once

A design is run on a simulated broker. The same design always gets the same points.
`grade COMMAND --help` says more.
"""

_TRY = """\
Run a design, and print what was seen: points, records that were handled out of order, how far
behind each service was, and where the course explains it. Nothing is kept or sent anywhere.
"""

_RUN = """\
Grade every design in a folder, each in a process of its own, and write

  DIR/summary.csv          one row for each submission, for a spreadsheet
  DIR/NAME/results.json    what Gradescope reads, with all evidence

Submissions are looked for in two forms, which may be mixed:

  FOLDER/NAME.yaml         a file for each student
  FOLDER/NAME/design.yaml  a folder for each student

What is missing, empty, under another name, there twice, too large, a link or no text gets no
points and a sentence that says why. Hidden files and Gradescope's own are passed over.
A design is data: nothing in it is ever executed.
"""

_RUN_MORE = """\
exit status: 0 if every submission has a grade or a reason why it has none; 1 if something went
wrong on our side: a grading that failed or took too long, a file that could not be written.
The rest of the class is graded all the same, and the table says which one it was.
"""


class CommandError(Exception):
    """It could not be done; the sentence says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CommandError, UnreadableError) as error:
        return _complain(str(error))
    except ImportError as error:
        return _complain(f"the package {error.name} is not here: pip install 'offset-zero[grader]'")
    except OSError as error:
        place = f"{quoted(str(error.filename))}: " if error.filename else ""
        return _complain(f"{place}{error.strerror or error}")
    except Exception as error:  # a bug of ours, in one line all the same
        if given.verbose:
            raise
        said = shortened(f"{type(error).__name__}: {error}", 200)
        return _complain(f"{said} (this is a bug; --verbose shows where)")


def _complain(text: str) -> int:
    print(f"grade: {text}", file=sys.stderr)
    return FAILED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is for those who ask."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} ({self.prog} --help says more)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="grade", description=_TOP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    new = _add(commands, "new", "write the template", "Write the template, to be filled in.", start)
    new.add_argument("file", metavar="FILE", nargs="?", default="design.yaml")
    attempt = _add(commands, "try", "run one design, and explain", _TRY, try_design)
    attempt.add_argument("file", metavar="FILE", help="the design: design.yaml")
    attempt.add_argument("--html", metavar="FILE", help="write a page with the runs as well")
    many = _add(commands, "run", "grade a folder of designs", _RUN, run_folder, _RUN_MORE)
    many.add_argument("folder", metavar="FOLDER", help="where the submissions are")
    many.add_argument("--out", metavar="DIR", required=True, help="where the results go")
    many.add_argument(
        "--jobs", metavar="N", type=_count, default=os.cpu_count() or 1,
        help="how many at once (default: one for each core)",
    )  # fmt: skip
    many.add_argument(
        "--time-limit", metavar="S", type=_count, default=SECONDS,
        help=f"processor time that a design may take, in seconds (default: {SECONDS})",
    )  # fmt: skip
    return parser


def _add(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    summary: str,
    description: str,
    run: object,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show errors in full")
    parser.set_defaults(run=run)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3_600:
        raise argparse.ArgumentTypeError(f"{shortened(text)} is not a number from 1 to 3600")
    return int(text)


# -- for students ----------------------------------------------------------------------------


def start(given: argparse.Namespace) -> int:
    """`grade new`"""
    text = TEMPLATE.read_text(encoding="utf-8")
    try:
        with open(given.file, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{quoted(given.file)} is there already, and stays as it is") from None
    print(f"{given.file} is there. Fill it in, then: grade try {given.file}")
    return 0


def try_design(given: argparse.Namespace) -> int:
    """`grade try`"""
    from rich.console import Console
    from rich.text import Text

    from assignments.ecommerce.assess import assess
    from assignments.grader.files import read_bytes
    from assignments.grader.page import page

    path = Path(given.file)
    data = read_bytes(path, follow=True)
    grade = assess(data)
    if given.html is not None:
        _write_page(Path(given.html), path.name, data, grade)
    width = min(WIDTH_MAX, shutil.get_terminal_size().columns)
    console = Console(highlight=False, soft_wrap=True)
    for line in page(grade, title=TITLE, name=path.name, width=width):
        console.print(Text(line.text, style=line.style))
    if given.html is not None:
        console.print(Text(f"\nThe page with the runs is in {given.html}."))
    return 0 if grade.was_run else FAILED


def _write_page(target: Path, name: str, data: bytes, grade: Grade) -> None:
    """The page; the runs on it are made once more, this time with traces."""
    from assignments.ecommerce.assess import understand
    from assignments.ecommerce.pictures import pictures

    try:
        from assignments.grader.html import html

        text = html(grade, pictures(understand(data).choices, grade), title=TITLE, name=name)
    except ImportError as error:
        raise CommandError(f"--html needs the package {error.name}: make setup") from None
    target.write_text(text, encoding="utf-8")


# -- for instructors -------------------------------------------------------------------------


def run_folder(given: argparse.Namespace) -> int:
    """`grade run`"""
    from assignments.grader.folder import grade_folder

    return grade_folder(Path(given.folder), Path(given.out), given.jobs, given.time_limit, TITLE)
