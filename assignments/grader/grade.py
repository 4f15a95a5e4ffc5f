"""A grade: what each check has seen, what it gives for that, and why.

Everything that is written about a design (a page for a student, a file for Gradescope, a row of a
table) is made from this, and from nothing else; so they cannot disagree. It is plain data and goes
through JSON unchanged, because it comes from another process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Points = float
"""Halves of a point at the finest, so that sums are exact."""


@dataclass(frozen=True)
class Series:
    """A value over time: the lag of a service, second by second."""

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Verdict:
    """What a check says of one stream."""

    stream: str
    setting: str
    """What the design says, in short: `key order_id, 12 partitions`."""
    points: Points
    out_of: int
    says: str
    """What was seen, in a sentence."""
    evidence: tuple[str, ...] = ()
    because: str = ""
    """Why it came to that, when it should not have."""
    hint: str = ""
    """One thought that leads on, without giving the answer away."""
    lesson: str = ""
    """Which lesson explains it."""
    tags: tuple[str, ...] = ()
    """Misconceptions, for a table of the whole class."""
    frame: int | None = None
    """The step of the figure that shows it, counted from 1 as the figure counts."""
    series: tuple[Series, ...] = ()
    was_run: bool = True

    @property
    def passed(self) -> bool:
        """Whether nothing is left to be desired."""
        return self.points == self.out_of


@dataclass(frozen=True)
class Check:
    """A question that runs answer, stream by stream."""

    name: str
    title: str
    about: str
    """What was done to find out."""
    verdicts: tuple[Verdict, ...]

    @property
    def points(self) -> Points:
        """What it gives."""
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def out_of(self) -> int:
        """What it could have given."""
        return sum(verdict.out_of for verdict in self.verdicts)


@dataclass(frozen=True)
class ForReader:
    """A question that no run answers. A person reads what was written, and gives the points."""

    name: str
    title: str
    out_of: int
    question: str
    answers: tuple[str, ...]
    """The student's words."""


@dataclass(frozen=True)
class Grade:
    """All that is to be said of a design."""

    checks: tuple[Check, ...]
    for_reader: tuple[ForReader, ...]
    problems: tuple[str, ...] = ()
    """What is wrong with the file, each with its line and with what would be right."""
    refusal: str = ""
    """Why there is no grade at all: there was nothing that could be read."""

    @property
    def points(self) -> Points:
        """What the runs give."""
        return sum(check.points for check in self.checks)

    @property
    def out_of(self) -> int:
        """What the runs could have given."""
        return sum(check.out_of for check in self.checks)

    @property
    def waiting(self) -> int:
        """What a person may add."""
        return sum(part.out_of for part in self.for_reader)

    @property
    def was_run(self) -> bool:
        """Whether there was anything that could be run."""
        return any(verdict.was_run for verdict in self.verdicts())

    @property
    def tags(self) -> tuple[str, ...]:
        """Every misconception once, in the order of meeting them."""
        return tuple(dict.fromkeys(tag for verdict in self.verdicts() for tag in verdict.tags))

    def verdicts(self) -> Iterator[Verdict]:
        """Of all checks."""
        for check in self.checks:
            yield from check.verdicts

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Grade:
        """From plain data; KeyError, TypeError or ValueError if it is something else."""
        return cls(
            checks=tuple(_check(each) for each in data["checks"]),
            for_reader=tuple(
                ForReader(**{**each, "answers": tuple(each["answers"])})
                for each in data["for_reader"]
            ),
            problems=tuple(data["problems"]),
            refusal=data["refusal"],
        )


def _check(data: Mapping[str, Any]) -> Check:
    return Check(**{**data, "verdicts": tuple(_verdict(each) for each in data["verdicts"])})


def _verdict(data: Mapping[str, Any]) -> Verdict:
    series = tuple(Series(each["name"], tuple(each["values"])) for each in data["series"])
    lists = {"evidence": tuple(data["evidence"]), "tags": tuple(data["tags"]), "series": series}
    return Verdict(**{**data, **lists})


def shown(points: Points) -> str:
    """Points as people write them: 7.5, and 10 without a comma.

    >>> shown(10.0), shown(7.5)
    ('10', '7.5')
    """
    return f"{points:g}"
