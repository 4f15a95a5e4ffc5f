"""Virtual time: the world's clock moves only when the next thing happens.

Everything that is going to happen (a message arrives, a deadline comes, a disk reports that it
has synced) lies in one heap, ordered by time and then by the order in which it was planned. A
step takes the earliest entry, sets the clock to its time and lets it happen. Two seconds of idle
cluster cost nothing; a microsecond in which a hundred things happen has a definite order.

That order is the whole trick. A run is a function of its seed and of the commands given to it,
so the same run can be repeated, drawn step by step, and forked. Three rules keep it true:

- time is an integer, in microseconds since the start of the run;
- chance comes from `Random.random()` alone (the one method whose sequence Python promises to
  keep), from one stream for each purpose, so that one more client does not move the others' dice;
- what will not happen any more (the deadline of a broker that has crashed) is taken off the heap
  right after the step that made it so, and never counts as a step.
"""

from __future__ import annotations

import heapq
import re
import zlib
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Protocol

from broker.wire.errors import OffsetZeroError

START_WALL_US = 1_767_225_600_000_000
"""Every run starts on the first of January 2026, 00:00 UTC, whatever the day is outside."""

STEPS_AT_ONE_TIME_MAX = 200_000
"""More than this without the clock moving: some machine asks for the same deadline for ever."""

FIRST = 1 << 62
"""More than there will ever be on the plan."""

UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000,
            "d": 86_400_000_000}  # fmt: skip


class SimulationError(OffsetZeroError):
    """Something was asked of a simulation that makes no sense; the sentence says what."""


Duration = str | int
"""A span of virtual time: "200ms", "1.5s", "7d", or an integer of microseconds."""


def microseconds(duration: Duration) -> int:
    """The microseconds of a duration.

    >>> microseconds("1.5s")
    1500000
    """
    if isinstance(duration, int) and not isinstance(duration, bool):
        if duration < 0:
            raise SimulationError(f"time does not run backwards: {duration} microseconds")
        return duration
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(us|ms|s|m|h|d)", str(duration))
    if found is None:
        raise SimulationError(
            f"{duration!r} is not a duration: write a number and a unit, as in '200ms' or '1.5s'"
        )
    # A Fraction, because 1.1 * 1_000_000 is not 1_100_000 everywhere one looks.
    return int(Fraction(found[1]) * UNITS_US[found[2]])


def dice(seed: int, purpose: str) -> Random:
    """A stream of chance of its own for one purpose, fixed by the seed and its name."""
    return Random(seed << 32 | zlib.crc32(purpose.encode()))


class Happening(Protocol):
    """Something planned. Its turn comes once, unless it has lost its point by then."""

    def still(self) -> bool:
        """Whether this is still going to happen."""

    def happen(self) -> None:
        """Let it happen."""


class World:
    """The clock, the plan, and the dice."""

    __slots__ = ("_heap", "_order", "_steps_at_this_time", "after_step", "now_us", "seed", "steps")

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise SimulationError(f"a seed is a whole number from 0 up, not {seed!r}")
        self.seed = seed
        self.now_us = 0
        self.steps = 0
        """How many steps are done; also the number of the step that comes next."""
        self.after_step: Callable[[], None] | None = None
        """Called when a step has happened, before it is counted."""
        self._heap: list[tuple[int, int, Happening]] = []
        self._order = 0
        self._steps_at_this_time = 0

    def dice(self, purpose: str) -> Random:
        """A stream of chance of its own for one purpose, fixed by the seed and its name."""
        return dice(self.seed, purpose)

    def plan(self, time_us: int, happening: Happening, *, first: bool = False) -> None:
        """Put something on the plan; what is planned for the past happens now.

        With `first` it comes before all that is planned for the same moment in the common way.
        """
        self._order += 1
        if time_us < self.now_us:
            time_us = self.now_us
        order = self._order - FIRST if first else self._order
        heapq.heappush(self._heap, (time_us, order, happening))

    def next_time(self) -> int | None:
        """When the next step will happen, or None when nothing is planned."""
        return self._heap[0][0] if self._heap else None

    def planned(self) -> list[Happening]:
        """All that is planned, in no particular order."""
        return [happening for _, _, happening in self._heap]

    def step(self) -> bool:
        """Let the next thing happen; False when nothing is planned."""
        if not self._heap:
            return False
        time_us, _, happening = heapq.heappop(self._heap)
        if time_us > self.now_us:
            self.now_us = time_us
            self._steps_at_this_time = 0
        else:
            self._stand_still()
        happening.happen()
        self.end_step()
        return True

    def run_to(self, time_us: int) -> None:
        """Let everything happen that is planned up to a time, and that time come."""
        heap = self._heap
        while heap and heap[0][0] <= time_us:
            self.step()
        self.idle_until(time_us)

    def end_step(self) -> None:
        """Count a step, and clear the head of the plan of what will not happen any more.

        Done with every step and not when the next one is looked for, because the plan must be a
        function of the steps alone: a replay looks at other moments than the first run did.
        """
        if self.after_step is not None:
            self.after_step()
        self.steps += 1
        heap = self._heap
        while heap and not heap[0][2].still():
            heapq.heappop(heap)

    def idle_until(self, time_us: int) -> None:
        """Let time pass in which nothing happens."""
        upcoming = self.next_time()
        if upcoming is not None and upcoming < time_us:
            raise SimulationError(f"something happens at {upcoming} us, before {time_us} us")
        if time_us > self.now_us:
            self.now_us = time_us
            self._steps_at_this_time = 0

    def _stand_still(self) -> None:
        self._steps_at_this_time += 1
        if self._steps_at_this_time > STEPS_AT_ONE_TIME_MAX:
            raise SimulationError(
                f"{STEPS_AT_ONE_TIME_MAX} steps at {self.now_us} us: something asks for the same "
                "deadline again and again"
            )
