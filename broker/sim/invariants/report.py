"""Where the watchers of a run write down what they find, and what time it is."""

from __future__ import annotations

from broker.sim.history import History


class Report:
    """Findings, by what they are and how they are told."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.crashed: dict[int, int] = {}
        """When each broker has come back last after a crash, in virtual time."""

    @property
    def now_us(self) -> int:
        """The virtual time."""
        return self._history.now_us

    def wrong(self, kind: str, text: str) -> None:
        """This must not be."""
        self._history.find(kind, text, allowed=False)

    def find(self, kind: str, text: str, *, allowed: bool) -> None:
        """This must not be, or Kafka allows it."""
        self._history.find(kind, text, allowed=allowed)
