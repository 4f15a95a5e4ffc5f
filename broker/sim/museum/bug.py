"""A bug that Kafka has had, put back in for the length of one run.

A switch replaces one function of the broker, on its class or in its module, and puts it back. That
is all it may do: if a bug needs more than one function to be wrong, the real code is well divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from broker.sim.swarm import TopicPlan


@dataclass(frozen=True)
class Bug:
    """A switch, and what it teaches."""

    name: str
    """As in `broker simulate --bug NAME`."""
    known_as: str
    """Kafka's numbers for it."""
    lesson: str
    """One sentence."""
    owner: Any
    """The class or the module whose function is replaced."""
    function: str
    make: Callable[[Any], Any]
    """Makes the wrong function out of the right one."""
    faults: tuple[str, ...] = ()
    """The kinds of faults that bring it out, by their names in `episodes`; empty: any."""
    seeds: int = 0
    """The median number of seeds until the checks ring, as it was measured; 0 where that takes more
    than a hundred."""
    brokers: int = 3
    """How many it takes to bring it out."""
    topics: tuple[TopicPlan, ...] = ()
    """The only topics there are; none: any."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The bug is in while this lasts, in this process."""
        right = self.owner.__dict__[self.function]
        setattr(self.owner, self.function, self.make(right))
        try:
            yield
        finally:
            setattr(self.owner, self.function, right)
