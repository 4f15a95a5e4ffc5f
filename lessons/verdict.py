"""What an exercise's check answers: yes with the reason, or not yet with evidence and a hint.

"Wrong" teaches nothing. A verdict names what was seen (which record, at which offset, by how
much) and then gives one hint that moves on without giving the solution away.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from lessons.style import styled


@dataclass(frozen=True)
class Verdict:
    """The answer of a check. True when the exercise is solved."""

    solved: bool
    says: str
    evidence: tuple[str, ...] = ()
    hint: str = ""

    def __bool__(self) -> bool:
        return self.solved

    @property
    def heading(self) -> str:
        """The first words, for eyes and for screen readers alike."""
        return "Solved." if self.solved else "Not yet."

    def __str__(self) -> str:
        lines = [f"{self.heading} {self.says}", *(f"  - {line}" for line in self.evidence)]
        return "\n".join([*lines, *([f"Hint: {self.hint}"] if self.hint else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        seen = "".join(f"<li>{escape(line)}</li>" for line in self.evidence)
        hint = f"<p><em>Hint.</em> {escape(self.hint)}</p>" if self.hint else ""
        return styled(
            f'<div class="oz-verdict {"solved" if self.solved else "open"}" role="status">'
            f"<p><strong>{self.heading}</strong> {escape(self.says)}</p>"
            f"{f'<ul>{seen}</ul>' if seen else ''}{hint}</div>"
        )


def solved(says: str, *evidence: str) -> Verdict:
    """The exercise is done; say what the answer brought about."""
    return Verdict(True, says, evidence)


def not_yet(says: str, *evidence: str, hint: str) -> Verdict:
    """Not there yet. A hint is not optional."""
    return Verdict(False, says, evidence, hint)
