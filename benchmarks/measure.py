"""How long something takes, in CPU time of this process or of another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil

ROUNDS = 5
ROUND_SECONDS = 0.05


def cpu_us(function: Callable[[], object], round_seconds: float = ROUND_SECONDS) -> float:
    """Microseconds of CPU that a call takes: the best of several rounds of many calls.

    The best, because everything that disturbs a round (another process, a cold cache) only ever
    makes it slower.
    """
    function()
    calls = 1
    while (taken := _round(function, calls)) < round_seconds:
        calls = max(calls * 2, int(calls * round_seconds / max(taken, 1e-9)))
    return min(_round(function, calls) for _ in range(ROUNDS)) / calls * 1e6


def _round(function: Callable[[], object], calls: int) -> float:
    started = cpu_now()
    for _ in range(calls):
        function()
    return cpu_now() - started


def cpu_now() -> float:
    """The CPU seconds that this process has used so far."""
    return time.process_time()


def cpu_seconds(process: psutil.Process) -> float:
    """The CPU time that a process has used so far, its own and the kernel's on its behalf."""
    times = process.cpu_times()
    return float(times.user + times.system)


def megabytes(process: psutil.Process) -> float:
    """The memory of a process that is in RAM, in MB."""
    return float(process.memory_info().rss) / 1e6


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]
