"""Words of strangers in our own sentences: made short, and harmless for a terminal."""

from __future__ import annotations

import unicodedata

QUOTED_MAX = 48

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's controls, formats (among them those that turn the direction of writing), and gaps."""


def harmless(text: str) -> str:
    """The text, with everything that does more than show itself written as an escape.

    A file's name may hold a line break, a string in YAML the sequence that clears a screen.

    >>> harmless("a\\nb")
    'a\\\\nb'
    """
    return "".join(_escaped(each) if unicodedata.category(each) in _INVISIBLE else each
                   for each in text)  # fmt: skip


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def harmless_lines(text: str) -> str:
    """The same for a text of several lines, which it keeps."""
    return "\n".join(harmless(line) for line in text.splitlines())


def shortened(text: str, most: int = QUOTED_MAX) -> str:
    """Harmless, on one line, and no longer than that."""
    text = harmless(" ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def quoted(text: str) -> str:
    """What somebody wrote, as something to point at."""
    return f"`{shortened(text)}`"


def listed(names: list[str], last: str = "or") -> str:
    """A list as a sentence has it: a, b or c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 event, 2 events."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
