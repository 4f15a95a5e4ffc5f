"""A small chart for rates that differ by powers of ten: two dots a row on a logarithmic axis.

Equal distances are equal ratios there, so the gap between the dots *is* how many times
faster one is than the other. Bars would lie: on a logarithmic axis a bar has no zero to
stand on. The chart is HTML, not a picture, so its words keep their size on a narrow screen,
a screen reader reads rows, and it needs neither JavaScript nor a kernel to be shown again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from lessons.style import styled


@dataclass(frozen=True)
class Pair:
    """One row: what was done, what the two rates mean together, and the rates."""

    name: str
    verdict: str
    first: float
    second: float


def pairs_chart(
    *,
    title: str,
    subtitle: str,
    first: str,
    second: str,
    pairs: Sequence[Pair],
    notes: Sequence[str] = (),
) -> str:
    """The chart as HTML. `first` and `second` name the filled and the open dot."""
    axis = Axis.around([rate for pair in pairs for rate in (pair.first, pair.second)])
    rows = "".join(_row(pair, first, second, axis) for pair in pairs)
    ticks = "".join(
        f'<span class="tick" style="left:{axis.place(value):.2f}%">{short(value)}</span>'
        for value in axis.ticks()
    )
    sentences = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return styled(
        f'<div class="oz-chart"><div class="head"><strong>{escape(title)}</strong> '
        f"<span>{escape(subtitle)}</span></div>"
        f'<div class="rows" role="list">{rows}</div>'
        f'<div class="axis" aria-hidden="true"><div>{ticks}</div></div>'
        f'<div class="notes">{sentences}</div></div>',
    )


def _row(pair: Pair, first: str, second: str, axis: Axis) -> str:
    dots = _dot("first", first, pair.first, axis) + _dot("second", second, pair.second, axis)
    left, right = sorted((axis.place(pair.first), axis.place(pair.second)))
    grid = "".join(f'<i style="left:{axis.place(value):.2f}%"></i>' for value in axis.ticks())
    return (
        f'<div class="row" role="listitem"><div class="name">{escape(pair.name)}'
        f"<em>{escape(pair.verdict)}</em></div>"
        f'<div class="plot"><div class="track">{grid}'
        f'<b style="left:{left:.2f}%;width:{right - left:.2f}%"></b>{dots}</div></div></div>'
    )


def _dot(kind: str, name: str, rate: float, axis: Axis) -> str:
    at = axis.place(rate)
    # The label hangs from its dot and leans inwards near an edge, so it never leaves the plot.
    return (
        f'<s class="{kind}" style="left:{at:.2f}%"></s>'
        f'<span class="label {kind}" style="left:{at:.2f}%;transform:translateX(-{at:.0f}%)">'
        f"{escape(name)} <span>{rounded(rate):,}</span></span>"
    )


@dataclass(frozen=True)
class Axis:
    """Whole powers of ten from `low` to `high`."""

    low: int
    high: int

    @classmethod
    def around(cls, rates: Sequence[float]) -> Axis:
        """The shortest axis that holds all of them."""
        low = math.floor(math.log10(min(rates)))
        return cls(low, max(low + 1, math.ceil(math.log10(max(rates)))))

    def place(self, rate: float) -> float:
        """Where a rate lies, in percent from the left."""
        return 100 * (math.log10(rate) - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[float]:
        """The powers of ten."""
        return (10.0**power for power in range(self.low, self.high + 1))


def short(value: float) -> str:
    """1000 as "1k", 1000000 as "1M"."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def rounded(rate: float) -> int:
    """A measured rate to two digits: another run would change the third."""
    digits = max(0, math.floor(math.log10(rate)) - 1)
    return int(round(rate / 10**digits) * 10**digits)
