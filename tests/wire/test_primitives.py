"""Varints, strings and ids, one by one."""

from __future__ import annotations

import doctest
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire import errors, primitives, versions
from broker.wire.errors import EncodeError, FrameError
from broker.wire.primitives import (
    read_compact_string,
    read_uvarint,
    read_uvarlong,
    read_varint,
    read_varlong,
    uuid_from_text,
    uuid_text,
    write_compact_string,
    write_uvarint,
    write_varint,
)

Read = Callable[[bytes, int], tuple[int, int]]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (0xFFFF_FFFF, "ffffffff0f")],
)
def test_an_unsigned_varint_has_seven_bits_a_byte(value: int, written: str) -> None:
    assert write_uvarint(value).hex() == written
    assert read_uvarint(bytes.fromhex(written), 0) == (value, len(written) // 2)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "00"), (-1, "01"), (1, "02"), (-64, "7f"), (64, "8001"), (-(1 << 31), "ffffffff0f")],
)
def test_a_signed_varint_has_its_sign_in_the_lowest_bit(value: int, written: str) -> None:
    assert write_varint(value).hex() == written
    assert read_varint(bytes.fromhex(written), 0) == (value, len(written) // 2)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_what_was_written_is_read(value: int) -> None:
    written = write_varint(value)
    assert read_varlong(b"x" + written, 1) == (value, 1 + len(written))
    assert len(written) <= 10


@pytest.mark.parametrize(
    ("read", "size"), [(read_uvarint, 5), (read_varint, 5), (read_uvarlong, 10), (read_varlong, 10)]
)
def test_a_varint_ends(read: Read, size: int) -> None:
    with pytest.raises(FrameError, match=f"does not end within {size} bytes"):
        read(b"\xff" * 20, 0)
    with pytest.raises(FrameError, match="larger than"):
        read(b"\xff" * (size - 1) + b"\x7f", 0)
    for short in range(size):
        with pytest.raises(FrameError, match="the data end"):
            read(b"\xff" * short, 0)


def test_an_unsigned_varint_is_not_negative() -> None:
    with pytest.raises(EncodeError, match="-1 is negative"):
        write_uvarint(-1)


@given(st.none() | st.text(max_size=300))
def test_a_compact_string_comes_back(text: str | None) -> None:
    written = write_compact_string(text)
    assert read_compact_string(written, 0) == (text, len(written))


def test_a_compact_string_has_limits() -> None:
    with pytest.raises(EncodeError, match="longer than 32767"):
        write_compact_string("a" * 32768)
    with pytest.raises(FrameError, match="claims 99 bytes, 2 are left"):
        read_compact_string(b"\x64ab", 0)
    with pytest.raises(FrameError, match="not UTF-8"):
        read_compact_string(b"\x02\xff", 0)


@given(st.binary(min_size=16, max_size=16))
def test_an_id_comes_back_from_its_text(uuid: bytes) -> None:
    assert len(uuid_text(uuid)) == 22
    assert uuid_from_text(uuid_text(uuid)) == uuid


@pytest.mark.parametrize("text", ["", "short", "AAAAAAAAAAAAAAAAAAAAA!", "A" * 23, "ä" * 22])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        uuid_from_text(text)


@pytest.mark.parametrize("module", [primitives, errors, versions])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
