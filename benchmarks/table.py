"""A table of text, in Markdown, so that what a terminal shows can be pasted into a page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """A title, a line on the method, columns, and rows that fill while measuring goes on."""

    title: str
    method: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row; numbers are rounded to three figures."""
        self.rows.append(tuple(cell if isinstance(cell, str) else figure(cell) for cell in cells))

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        rule = (
            "-" * width if index == 0 else "-" * (width - 1) + ":"
            for index, width in enumerate(widths)
        )
        lines = [self._line(cells, widths) for cells in (self.columns, tuple(rule), *self.rows)]
        return "\n".join((f"## {self.title}", "", *lines, "", self.method))

    @staticmethod
    def _line(cells: tuple[str, ...], widths: list[int]) -> str:
        padded = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"


def figure(value: object) -> str:
    """A number with three figures and thousands apart; anything else as it is."""
    if not isinstance(value, int | float):
        return str(value)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
