"""Scenarios: stories that are told by commands and what came of them.

Each bug of the museum has one, which is run twice. With the bug it has to say what it says, word
for word; without it, the same commands must end well. Others (`found_...`) tell of bugs of our own
that the simulator has found, and how it goes now.

`pytest tests/scenarios --rewrite` writes the answers anew: read the difference before it is
committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.sim import museum
from tests.scenarios.scene import Scene

FILES = sorted(Path(__file__).parent.glob("*.txt"))
FOUND = [file for file in FILES if file.stem.startswith("found_")]
MUSEUM = [file for file in FILES if file not in FOUND]
RULE = "----"


def told(text: str, *, bug: bool) -> Iterator[tuple[str, str]]:
    """Play a scenario: its paragraphs as they stand, and as they come out."""
    scene, name = Scene(), bug_of(text)
    with museum.planted(name if bug else None):
        for paragraph in text.strip().split("\n\n"):
            commands = paragraph.split(f"\n{RULE}")[0]
            if commands.startswith(("#", "bug ")):
                yield paragraph, paragraph
                continue
            answers = [scene.answer(line) for line in commands.splitlines()]
            said = "\n".join(answer for answer in answers if answer)
            yield paragraph, "\n".join(part for part in (commands, RULE, said) if part)


def bug_of(text: str) -> str | None:
    """The name of the bug that a scenario is about."""
    lines = (line.split()[1] for line in text.splitlines() if line.startswith("bug "))
    return next(lines, None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_goes_as_it_is_told(file: Path, request: pytest.FixtureRequest) -> None:
    paragraphs = list(told(file.read_text(), bug=True))
    now = "\n\n".join(out for _, out in paragraphs) + "\n"
    if request.config.getoption("--rewrite", default=False):
        file.write_text(now)
    assert now == file.read_text()
    assert ("WRONG" in now) == (file in MUSEUM), "with a bug, the checks must ring"


@pytest.mark.parametrize("file", MUSEUM, ids=lambda file: file.stem)
def test_without_it(file: Path) -> None:
    """A command may be refused: what the bug made possible does not come about."""
    said = [out for _, out in told(file.read_text(), bug=False)]
    assert not [line for line in "\n".join(said).splitlines() if line.startswith("WRONG")]


def test_every_bug_has_its_scenario() -> None:
    assert {bug_of(file.read_text()) for file in MUSEUM} == set(museum.BUGS)


def test_a_scenario_begins_with_the_lesson() -> None:
    for file in MUSEUM:
        opening = " ".join(file.read_text().split("\n\n")[0].replace("#", "").split())
        bug = museum.BUGS[bug_of(file.read_text()) or ""]
        assert opening == f"{bug.known_as}. {bug.lesson}", file.stem
