"""CRC-32C, the checksum of a record batch.

Kafka guards each batch with the Castagnoli polynomial, the one that processors compute in hardware
(KIP-98 chose it for that). With the `crc32c` wheel a megabyte takes tens of microseconds. Without
it the table below does the same work in Python, a byte at a time and a few hundred times slower:
right for a first look or a browser, too slow for a benchmark.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from broker.wire.primitives import Buffer

# 0x1EDC6F41 with its bits reversed, because the checksum feeds bytes lowest bit first.
_POLYNOMIAL = 0x82F63B78
_ALL_ONES = 0xFFFFFFFF


def _build_table() -> tuple[int, ...]:
    """What each possible byte does to the remainder."""
    table = []
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (_POLYNOMIAL if remainder & 1 else 0)
        table.append(remainder)
    return tuple(table)


_TABLE = _build_table()


def crc32c_in_python(buf: Buffer, value: int = 0) -> int:
    """The checksum without the wheel. `value` continues one computed over earlier bytes."""
    table = _TABLE
    remainder = value ^ _ALL_ONES
    for byte in memoryview(buf).cast("B"):
        remainder = table[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder ^ _ALL_ONES


class _Checksum(Protocol):
    def __call__(self, buf: Buffer, value: int = 0, /) -> int: ...


def _crc32c_of_the_wheel() -> _Checksum | None:
    """The wheel's function, without the rest of the wheel.

    To learn its own version number, the package reads its metadata with an e-mail parser: that is
    a quarter of the time in which a broker starts.
    """
    package = PathFinder.find_spec("crc32c")
    found = package and PathFinder.find_spec("_crc32c", package.submodule_search_locations)
    if not found or not found.loader:
        return None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    function: _Checksum = module.crc32c
    return function


crc32c: _Checksum = _crc32c_of_the_wheel() or crc32c_in_python

__all__ = ["crc32c", "crc32c_in_python"]
