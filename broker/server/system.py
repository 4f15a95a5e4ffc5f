"""What a broker gets from the machine it runs on: the time, and chance."""

from __future__ import annotations

import os
import time
from random import SystemRandom

from broker.events import Now
from broker.wire.errors import OffsetZeroError


def now() -> Now:
    """Both clocks of this machine, in microseconds."""
    return Now(time.time_ns() // 1000, time.monotonic_ns() // 1000)


def describe(error: BaseException) -> str:
    """An error in one line: our own speak for themselves, others need their name."""
    line = " ".join(str(error).split())
    if isinstance(error, OffsetZeroError | OSError) and line:
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


class SystemEntropy:
    """Randomness of the operating system."""

    def __init__(self) -> None:
        self._random = SystemRandom()

    def uuid(self) -> bytes:
        """Sixteen bytes that nobody has had before: a UUID of version 4.

        None whose base64 starts with a dash: a command line would take it for an option
        (KAFKA-14616, Uuid.randomUuid).
        """
        while True:
            drawn = bytearray(os.urandom(16))
            drawn[6] = drawn[6] & 0x0F | 0x40
            drawn[8] = drawn[8] & 0x3F | 0x80
            if drawn[0] >> 2 != 62:
                return bytes(drawn)

    def random(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()
