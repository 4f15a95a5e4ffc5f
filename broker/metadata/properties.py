"""Java's properties syntax, in which `server.properties` is written.

    # a comment, as is a line that starts with an exclamation mark
    num.partitions=4
    log.dirs : /var/lib/broker
    listeners = PLAINTEXT://127.0.0.1:9092, \\
                CONTROLLER://127.0.0.1:9093

The key ends at the first `=`, `:` or white space that no backslash protects. A line that ends in a
backslash goes on in the next one, whose leading white space does not count. The rules are those of
java.util.Properties.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.wire.errors import ConfigError

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANK = " \t\f"


def parse_properties(text: str) -> dict[str, str]:
    """The settings in a text of properties, in order; where a key comes twice, the last counts."""
    found: dict[str, str] = {}
    for number, line in _logical_lines(text):
        key_end, value_start = _split(line)
        try:
            found[_unescape(line[:key_end])] = _unescape(line[value_start:])
        except ValueError as error:
            raise ConfigError(f"line {number}: {error}") from None
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations joined, without comments and blank lines."""
    joined, first = "", 0
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = raw.lstrip(_BLANK)
        if not first:
            if not line or line[0] in "#!":
                continue
            first = number
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:  # the last one protects the line's end: the line goes on
            joined += line[:-1]
            continue
        yield first, joined + line
        joined, first = "", 0
    if first:
        yield first, joined


def _split(line: str) -> tuple[int, int]:
    """Where the key ends and where the value starts."""
    end = 0
    while end < len(line) and line[end] not in "=:" + _BLANK:
        end += 2 if line[end] == "\\" else 1
    end = min(end, len(line))
    start = end + len(line[end:]) - len(line[end:].lstrip(_BLANK))
    if line[start : start + 1] in ("=", ":"):
        start += 1
        start += len(line[start:]) - len(line[start:].lstrip(_BLANK))
    return end, start


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts, position = [], 0
    while position < len(text):
        if text[position] != "\\":
            parts.append(text[position])
            position += 1
            continue
        letter = text[position + 1 : position + 2]
        if letter == "u":
            digits = text[position + 2 : position + 6]
            if len(digits) < 4 or not all(c in "0123456789abcdefABCDEF" for c in digits):
                raise ValueError("a \\u wants four hexadecimal digits")
            parts.append(chr(int(digits, 16)))
            position += 6
        else:
            parts.append(_ESCAPES.get(letter, letter))
            position += 2
    return "".join(parts)
