"""A table of figures, and how it is shown: as text on a terminal, as Markdown on a page.

The text is Markdown too, so that what a terminal shows can be pasted anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.brokers import OURS, PEERS

Cell = str | float | None


@dataclass
class Table:
    """A title, a line on the method, columns, and rows that fill while measuring goes on."""

    title: str
    method: str
    columns: tuple[str, ...]
    rows: list[list[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Add a row; the first cell says of what."""
        self.rows.append(list(cells))

    def as_json(self) -> dict[str, Any]:
        """The table as it is kept in a file."""
        return {
            "title": self.title,
            "method": self.method,
            "columns": list(self.columns),
            "rows": self.rows,
        }

    @staticmethod
    def from_json(kept: dict[str, Any]) -> Table:
        """The inverse."""
        return Table(kept["title"], kept["method"], tuple(kept["columns"]), kept["rows"])

    def lines(self) -> list[str]:
        """The table itself, in Markdown."""
        shown = [self.columns, *(tuple(map(figure, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        rules = [f"{'-' * (width - 1)}:" for width in widths]
        rules[0] = "-" * widths[0]
        return [_line(cells, widths) for cells in (shown[0], tuple(rules), *shown[1:])]

    def __str__(self) -> str:
        return "\n".join((f"## {self.title}", "", *self.lines(), "", self.method))


class SideBySide(Table):
    """A table that holds two brokers against each other, one quantity a row."""

    def __init__(self, title: str, method: str) -> None:
        super().__init__(title, method, ("", OURS, PEERS, "ahead by", "from round to round"))

    def compare(
        self, label: str, found: dict[str, list[float]], *, more_is_better: bool = False
    ) -> None:
        """Add a row: the medians, and by what factor ours is ahead (below 1: behind)."""
        ours, peers = found[OURS], found.get(PEERS)
        if not peers:
            self.add(label, median(ours), None, None, None)
            return
        pairs = zip(ours, peers, strict=True) if more_is_better else zip(peers, ours, strict=True)
        factors = sorted(better / worse for better, worse in pairs if worse)
        if not factors:  # a quick look costs too little to be counted
            self.add(label, median(ours), median(peers), None, None)
            return
        spread = f"{figure(factors[0])} to {figure(factors[-1])}"
        self.add(label, median(ours), median(peers), median(factors), spread)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def figure(value: Cell) -> str:
    """A number with three figures and thousands apart; anything else as it is."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not value else 3
    return f"{value:,.{digits}f}"
