"""What every client must see: the same records, whoever wrote them and however compressed."""

from __future__ import annotations

from typing import NamedTuple

COUNT = 20_000
FIRST_MS = 1_700_000_000_000


class Seen(NamedTuple):
    """A record as a client gives it back."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def written(n: int) -> Seen:
    """The n-th record of every story: keys, no key, headers, an empty value, a tombstone."""
    key = None if n % 11 == 0 else b"key-%d" % (n % 7)
    value: bytes | None = b"value %d " % n + b"x" * (n % 50)
    if n % 1000 == 999:
        value = b""
    if n % 1000 == 500 and key is not None:
        value = None
    headers = (("n", b"%d" % n), ("empty", b"")) if n % 5 == 0 else ()
    return Seen(n, FIRST_MS + n, key, value, headers)


def all_written() -> list[Seen]:
    return [written(n) for n in range(COUNT)]
