"""Records a second, for a block that handles a known number of them."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

RATES = (
    "fewer than 10,000",
    "10,000 to 100,000",
    "100,000 to a million",
    "more than a million",
)


class Stopwatch:
    """Times a block.

    with Stopwatch(50_000) as writing:
        ...
    writing.rate
    """

    def __init__(self, records: int, clock: Callable[[], float] = perf_counter) -> None:
        self.records = records
        self.seconds = 0.0
        self._clock = clock

    def __enter__(self) -> Stopwatch:
        self._began = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self._clock() - self._began

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / max(self.seconds, 1e-9)

    @property
    def range(self) -> str:
        """The rate as one of RATES, to be compared with a prediction."""
        bounds = (10_000, 100_000, 1_000_000)
        return RATES[sum(self.rate >= bound for bound in bounds)]

    def __str__(self) -> str:
        return f"{self.records:,} records in {self.seconds:.2f} s: {self.rate:,.0f} a second"

    __repr__ = __str__
