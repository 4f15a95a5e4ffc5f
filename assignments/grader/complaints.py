"""What PyYAML complains of, in the words of somebody who has never read YAML's grammar.

Most broken designs are broken in one of six ways, and the parser's own sentence names none of them:
it says that it "expected <block end>" where a person has indented a line by one space too many.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

from assignments.grader.words import quoted

FIRST_LINE = 1
"""People count lines from one."""

BLOCK_TEXT = "For a longer text put `>-` after the name, and the text in the lines below, indented."


class Complaint(NamedTuple):
    """Words of the parser, and ours."""

    theirs: str
    wrong: str
    right: str


COMPLAINTS = (
    Complaint(
        "mapping values are not allowed here",
        "There is a colon here that YAML takes for the end of a name.",
        "If it belongs to the value, put the value into quotes; or a colon is missing in the "
        f"line above. {BLOCK_TEXT}",
    ),
    Complaint(
        "could not find expected ':'",
        "Here a name and a colon are missing, or the text above is not indented.",
        f"Every line is `name: value`. {BLOCK_TEXT}",
    ),
    Complaint(
        "found character '\\t'",
        "There is a tab here, and YAML is indented by spaces only.",
        "Replace it by two spaces.",
    ),
    Complaint(
        "expected <block end>",
        "This line is indented by another width than those it belongs to, "
        "or text goes on after a closing quote.",
        "Put it under the line that it belongs to, at exactly the same column.",
    ),
    Complaint(
        "found unexpected end of stream",
        "A quote is opened before here and never closed.",
        f"Close it, or take it away. {BLOCK_TEXT}",
    ),
    Complaint(
        "found character",
        "This character has a meaning of its own in YAML and cannot begin a value.",
        "Put the value into quotes.",
    ),
    Complaint(
        "found undefined tag",
        "`!` begins a tag, and a design has none.",
        "Put the value into quotes.",
    ),
)


NO_SPACE = re.compile(r"\s*[a-z_]+:[^\s:/]")
"""`key:sku` is only a text in YAML, and the parser stumbles over what stands below it."""


def explained(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """Line, what is wrong, and what would be right."""
    if isinstance(error, ReaderError):
        line = text[: int(error.position)].count("\n") + FIRST_LINE
        wrong = f"The character U+{int(error.character):04X} cannot stand in YAML."
        return line, wrong, "Take it away; it may have come along with something pasted."
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = (mark.line if mark else 0) + FIRST_LINE
    line = min(line, max(FIRST_LINE, len(text.splitlines())))
    joined = _without_space(text.splitlines(), line)
    if joined:
        return joined, "There is no space after the colon.", "Write `name: value`, with a space."
    said = str(getattr(error, "problem", None) or error)
    for theirs, wrong, right in COMPLAINTS:
        if theirs in said:
            return line, wrong, right
    wrong = f"From here on this is not YAML any more ({quoted(said)})."
    return line, wrong, "Compare it with the template; mostly it is a quote or the indentation."


def _without_space(lines: list[str], stumbled: int) -> int:
    """The last line up to where the parser stumbled in which a colon and a value touch, or 0."""
    for line in (stumbled, stumbled - 1):
        if 0 < line <= len(lines) and NO_SPACE.match(lines[line - 1]):
            return line
    return 0
