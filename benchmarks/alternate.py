"""Taking turns: a round here, a round there, the first of which does not count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmarks.brokers import Broker

Measure = Callable[[Broker, int], dict[str, float]]
"""Measures one broker once, and returns a few quantities by their names."""


def alternate(
    brokers: Sequence[Broker], rounds: int, measure: Measure
) -> dict[str, dict[str, list[float]]]:
    """For each quantity and broker what the rounds found. Round 0 is the warm-up.

    Whoever was first in one round is last in the next: neither has the better place.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(rounds + 1):
        order = brokers if turn % 2 else brokers[::-1]
        for broker in order:
            for quantity, value in measure(broker, turn).items():
                if turn:
                    found[quantity][broker.name].append(value)
    return found
