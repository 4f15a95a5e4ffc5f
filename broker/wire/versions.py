"""Ranges of versions: the versions of a message, and of everything that a field may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Versions:
    """A range of versions, both ends included.

    >>> 9 in Versions.parse("9+"), 9 in Versions.parse("3-8"), 0 in Versions.parse("none")
    (True, False, False)
    """

    low: int
    high: int

    @staticmethod
    def parse(text: str) -> Versions:
        """Read "3-13", "9+", "0" or "none"."""
        if text == "none":
            return NO_VERSIONS
        low, dash, high = text.partition("-")
        if text.endswith("+"):
            return Versions(int(text[:-1]), _FOREVER)
        return Versions(int(low), int(high if dash else low))

    def __contains__(self, version: int) -> bool:
        return self.low <= version <= self.high

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        return f"{self.low}-{self.high}" if self.high < _FOREVER else f"{self.low}+"


_FOREVER: Final = 0x7FFF
NO_VERSIONS: Final = Versions(0, -1)
ALL_VERSIONS: Final = Versions(0, _FOREVER)
