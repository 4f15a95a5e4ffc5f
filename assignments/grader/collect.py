"""A folder of submissions: whose is which, and what is none.

Two conventions, which may be mixed, cover what learning platforms export:

    alice.yaml              a file for each student, the name before the dot
    bob/design.yaml         a folder for each student, with the file in it

Nothing is guessed. A file under another name, two that could both be meant, a link, a pipe: each is
a submission that gets no points and a sentence that says what to do. Looking never follows a link
and never opens anything.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assignments.grader.results import SUMMARY
from assignments.grader.words import listed, quoted

DESIGN = "design.yaml"
ENDING = ".yaml"
NAME_MAX = 80
ENTRIES_MAX = 1_000
"""How much of a student's folder is looked at: it holds one file, or it is not what was asked."""

_YAML = re.compile(r"\.ya?ml$", re.IGNORECASE)
_EXPORT = re.compile(r"submission_metadata\.(ya?ml|json)", re.IGNORECASE)
"""Gradescope puts this beside the submissions it exports."""


class Submission(NamedTuple):
    """Something to be graded, or the reason why it is not."""

    name: str
    """The student's, as far as a file name tells it. It may hold anything."""
    path: Path
    refusal: str = ""


class FolderError(Exception):
    """There is no folder of submissions; the sentence says why."""


def submissions(folder: Path) -> list[Submission]:
    """All of a folder, in the order of their names."""
    try:
        entries = [entry for entry in os.scandir(folder) if not _is_none(entry.name)]
    except OSError as error:
        raise FolderError(f"{quoted(str(folder))}: {error.strerror}") from None
    found = [_submission(entry) for entry in entries]
    if not found:
        raise FolderError(f"{quoted(str(folder))} has no submissions in it")
    found.sort(key=lambda submission: os.fsencode(submission.path))
    return list(_without_twins(folder, found))


def _is_none(name: str) -> bool:
    """Hidden files, and what a platform adds, belong to nobody."""
    return name.startswith(".") or _EXPORT.fullmatch(name) is not None


def _submission(entry: os.DirEntry[str]) -> Submission:
    path = Path(entry.path)
    if entry.is_symlink():
        refusal = "This is a link to somewhere else. Hand in the file itself."
        return Submission(_YAML.sub("", entry.name), path, refusal)
    if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(ENDING):
        return _in_folder(entry.name, path)
    if entry.name.endswith(ENDING) and entry.name != ENDING:
        # A folder or a pipe with such a name is refused when somebody tries to read it.
        return Submission(entry.name.removesuffix(ENDING), path)
    refusal = f"Hand in a file whose name ends with `{ENDING}`, or a folder with `{DESIGN}` in it."
    return Submission(_YAML.sub("", entry.name), path, refusal)


def _in_folder(name: str, folder: Path) -> Submission:
    """The one file that a student's folder is about."""
    try:
        with os.scandir(folder) as entries:
            found = [(e.name, e.is_dir(follow_symlinks=False)) for e, _ in zip(
                entries, range(ENTRIES_MAX), strict=False)]  # fmt: skip
    except OSError as error:
        return Submission(name, folder, f"The folder cannot be opened: {error.strerror}.")
    names = sorted(each for each, is_folder in found if not is_folder)
    near = [each for each in names if _could_be_meant(each)]
    others = [each for each in names if _YAML.search(each) and not each.startswith(".")]
    if DESIGN in names and len(near) == 1:
        return Submission(name, folder / DESIGN)
    if len(near) > 1:
        both = listed([quoted(each) for each in near[:3]], "and")
        refusal = f"There are {both}, and nobody can tell which one counts. Keep `{DESIGN}` only."
    elif near or others:
        refusal = f"The file is called {quoted((near or others)[0])}. Call it `{DESIGN}`."
    elif not found:
        refusal = f"The folder is empty. Put `{DESIGN}` into it."
    elif (DESIGN, True) in found:
        return Submission(name, folder / DESIGN)
    elif any(is_folder for _, is_folder in found):
        refusal = f"There is no `{DESIGN}` here, only further folders. Put it on top of them."
    else:
        refusal = f"There is no `{DESIGN}` in the folder."
    return Submission(name, folder, refusal)


def _could_be_meant(name: str) -> bool:
    """`design.yml`, `Design.yaml`, `design (1).yaml`: anything that its author may take for it."""
    return name.lower().startswith("design") and _YAML.search(name) is not None


def _without_twins(folder: Path, found: list[Submission]) -> Iterator[Submission]:
    """Two submissions of one name: nobody can tell which of them counts, so neither does."""
    groups: dict[str, list[Submission]] = {}
    for submission in found:
        groups.setdefault(_same(submission.name), []).append(submission)
    for submission in found:
        twins = groups[_same(submission.name)]
        if len(twins) == 1:
            yield submission
            continue
        places = [quoted(str(each.path.relative_to(folder))) for each in twins[:3]]
        refusal = f"There are {listed(places, 'and')}, and nobody can tell which one counts."
        yield submission._replace(refusal=refusal)


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def folder_names(found: list[Submission]) -> list[str]:
    """For each submission the name of a folder for its results, whatever its own name holds."""
    taken = {SUMMARY}  # beside the folders lies the table, and a student's file may be called so
    names = []
    for submission in found:
        plain = re.sub(r"[^A-Za-z0-9._@+-]+", "_", submission.name)[:NAME_MAX].lstrip("._-") or "_"
        name, number = plain, 2
        while name.casefold() in taken:
            name, number = f"{plain}~{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names
