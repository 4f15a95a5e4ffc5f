"""Taking turns: a round here, a round there, the first of which does not count.

Before each of them everybody comes to rest. A broker that has been written to goes on for a second
or two (it deletes what the round has left, compiles, collects garbage), and on two cores that would
slow the other one down by half.

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
AT_REST = 0.2
"""A broker, or all of a cluster, that uses less than this of one core does nothing of note."""
LOOK_S = 0.25
REST_MAX_S = 5.0
"""Longer nobody is waited for: some work may not end."""
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
            come_to_rest(brokers)
            measured = patiently(partial(measure, broker, turn))
            for quantity, value in measured.items():
                if turn:
                    found[quantity][broker.name].append(value)
    return found


def come_to_rest(brokers: Sequence[Broker]) -> None:
    """Wait until no broker does anything but wait itself."""
    ends = time.monotonic() + REST_MAX_S
    busy = True
    while busy and time.monotonic() < ends:
        before = sum(broker.cpu for broker in brokers)
        time.sleep(LOOK_S)
        busy = sum(broker.cpu for broker in brokers) - before > AT_REST * LOOK_S


def patiently(step: Callable[[], _T]) -> _T:
    """Do it again if something came between."""
    for _ in range(TRIES - 1):
        try:
            return step()
        except DisturbedError as error:
            print(f"once more: {error}", file=sys.stderr)
    return step()
