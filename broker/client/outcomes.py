"""What became of a record that was sent, or of anything else that was asked for.

There are three ends, not two. Between "it is in the log" and "it is not" lies "nobody can say": the
request left, and no answer came, or one that leaves it open. A client that calls this a failure and
sends again may write the record twice; one that calls it a success may lose it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from broker.wire.errors import ErrorCode
from broker.wire.records import Headers

UNKNOWN_OFFSET = -1


class Status(Enum):
    """How far a delivery, or an administrator's operation, has come."""

    PENDING = "pending"
    ACKED = "acked"
    FAILED = "failed"
    """Certainly not done."""
    UNKNOWN = "unknown"
    """Perhaps done, now or later."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One record on its way. Plain data: read it whenever you like."""

    topic: str
    partition: int | None
    """None until the partitioner has chosen."""
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    status: Status = Status.PENDING
    offset: int = UNKNOWN_OFFSET
    """Where it is, once ACKED. Stays -1 with acks=0: the broker was not asked."""
    code: ErrorCode = ErrorCode.NONE
    text: str = ""

    @property
    def done(self) -> bool:
        """Whether there will be no more news."""
        return self.status is not Status.PENDING


@dataclass(slots=True)
class Result:
    """What came of an operation for one of the things it was about."""

    code: ErrorCode = ErrorCode.NONE
    text: str = ""
    value: object = None
    """The answer itself; what it is depends on the call."""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code is ErrorCode.NONE


@dataclass(slots=True, eq=False)
class Operation:
    """One call of an administrator on its way. Done when there is a result for every key."""

    name: str
    results: dict[object, Result] = field(default_factory=dict)
    status: Status = Status.PENDING
    """ACKED: all done. FAILED: something was certainly not done. UNKNOWN: nobody can say of some"""

    @property
    def done(self) -> bool:
        """Whether there will be no more news."""
        return self.status is not Status.PENDING


_CODES = {int(code): code for code in ErrorCode}


def error_code(number: int) -> ErrorCode:
    """The meaning of a number in an answer. A newer broker may know errors that we do not."""
    return _CODES.get(number, ErrorCode.UNKNOWN_SERVER_ERROR)
