"""What clients did: the checker's whole world.

An operation is what a client did as one thing: a send, a poll, or a transaction of several of
them. It ends in one of three ways, and the third is what makes checking hard: OK, FAIL (certainly
not done), INFO (nobody can say: no answer came, or the client died).

Records should be unique in a run. Where one was sent several times, less can be concluded from it.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import NamedTuple

Place = tuple[str, int]
"""A topic and the index of one of its partitions; -1 if nobody knows which."""

Value = Hashable
"""What tells a record from all others."""


def place_name(place: Place) -> str:
    """A partition as people write it: orders-0."""
    return f"{place[0]}-{place[1]}"


END_OF_LOG = -1
"""A reader was placed where nothing is yet: after all that anybody has read."""


class End(Enum):
    """How an operation ended."""

    OK = "ok"
    FAIL = "fail"
    """Certainly not done."""
    INFO = "info"
    """Perhaps done."""


class Send(NamedTuple):
    """A record was to be written."""

    place: Place
    value: Value
    offset: int | None = None
    """Where the broker said it is; None if it said nothing."""


class Poll(NamedTuple):
    """Records were given to a reader."""

    place: Place
    records: tuple[tuple[int, Value], ...]
    """Offset and value, as they came."""
    beginning: int | None = None
    """For a final poll that read everything: the log start offset where it began."""


class Moved(NamedTuple):
    """A reader was placed: assigned, or told to seek. What it reads next need not follow."""

    place: Place
    to: int | None = None
    """The offset from which it is to read, END_OF_LOG, or None if that is not known."""
    found: int | None = None
    """Where the end of the log was, as the reader was told later."""


Action = Send | Poll | Moved


class Operation(NamedTuple):
    """Something a client did, with all that belonged to it."""

    number: int
    client: str
    """Who did it. A client that died and came back is another."""
    actions: tuple[Action, ...]
    end: End = End.OK
    transaction: bool = False

    def __str__(self) -> str:
        kind = "transaction" if self.transaction else "operation"
        return f"{kind} {self.number} of {self.client}"


class Anomaly(NamedTuple):
    """Something that no correct log explains."""

    kind: str
    text: str
    values: tuple[Value, ...]
    """The records that it is about."""
    operations: tuple[Operation, ...]
    where: tuple[Place, int] | None = None
    """The partition and the offset where it shows, if there is one."""
    allowed: bool = False
    """Whether Kafka allows it."""
