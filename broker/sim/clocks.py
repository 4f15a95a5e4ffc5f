"""The clocks of one host, which need not agree with those of any other.

There are two, as on any computer. The *wall* clock says what time it is, and may be set: a step of
it moves the timestamps of records and what retention makes of them, and no timer. The *monotonic*
clock only counts; every time-out is measured on it. What can be wrong with it is its speed: a clock
that drifts makes one broker's session time-outs shorter than the others believe.

Virtual time is the truth that nobody in the simulated world can see. A host asks its clock what
time it seems to be, and when in truth a deadline will have come.
"""

from __future__ import annotations

from broker.events import Now
from broker.sim.world import START_WALL_US

MILLION = 1_000_000


class Clock:
    """What a host's clocks show."""

    __slots__ = ("_ppm", "_shown_us", "_since_us", "skew_us")

    def __init__(self) -> None:
        self.skew_us = 0
        """How far the wall clock has been set wrong."""
        self._ppm = 0
        self._since_us = 0
        self._shown_us = 0

    @property
    def drifts(self) -> bool:
        """Whether it runs at another speed than time."""
        return self._ppm != 0

    def now(self, true_us: int) -> Now:
        """Both clocks, at a moment of virtual time."""
        mono_us = self._shown_us + true_us - self._since_us
        if self._ppm:
            mono_us = self.mono(true_us)
        return Now(START_WALL_US + mono_us + self.skew_us, mono_us)

    def mono(self, true_us: int) -> int:
        """What the monotonic clock shows."""
        gone_us = true_us - self._since_us
        return self._shown_us + gone_us + gone_us * self._ppm // MILLION

    def when(self, mono_us: int) -> int:
        """The first moment of virtual time at which the monotonic clock has come so far."""
        if not self._ppm:
            return mono_us - self._shown_us + self._since_us
        # ceil(x * MILLION / (MILLION + ppm)), in integers.
        to_go_us = (mono_us - self._shown_us) * MILLION
        return self._since_us - (-to_go_us // (MILLION + self._ppm))

    def drift(self, true_us: int, ppm: int) -> None:
        """From now on run so many millionths too fast, or too slow where it is negative."""
        self._shown_us, self._since_us = self.mono(true_us), true_us
        self._ppm = ppm
