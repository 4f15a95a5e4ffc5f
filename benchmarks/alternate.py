"""Taking turns: a round here, a round there, the first of which does not count.

A round that something came between is measured again: on a busy machine a cluster may find that one
of its brokers has died, though it only did not get its turn, and move what that one led.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import TypeVar

from benchmarks.brokers import Broker
from benchmarks.messages import DisturbedError

TRIES = 3
_T = TypeVar("_T")

Measure = Callable[[Broker, int], dict[str, float]]
"""Measures one broker once, and returns a few quantities by their names."""


def alternate(
    brokers: Sequence[Broker], rounds: int, measure: Measure, seconds: float = inf
) -> dict[str, dict[str, list[float]]]:
    """For each quantity and broker what the rounds found. Round 0 is the warm-up.

    Whoever was first in one round is last in the next: neither has the better place. After so many
    seconds no other round begins, if there is one that counts: on a busy machine they are fewer.
    """
    ends = time.monotonic() + seconds
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(rounds + 1):
        if turn > 1 and time.monotonic() > ends:
            break
        order = brokers if turn % 2 else brokers[::-1]
        for broker in order:
            measured = patiently(partial(measure, broker, turn))
            for quantity, value in measured.items():
                if turn:
                    found[quantity][broker.name].append(value)
    return found


def patiently(step: Callable[[], _T]) -> _T:
    """Do it again if something came between."""
    for _ in range(TRIES - 1):
        try:
            return step()
        except DisturbedError as error:
            print(f"once more: {error}", file=sys.stderr)
    return step()
