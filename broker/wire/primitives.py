"""The smallest pieces of the protocol: varints, strings, byte strings, ids.

Kafka writes integers in network order, big end first. Two things are of variable length:

*Varints.* Seven bits a byte, the lowest first; the high bit says that more follow. Small numbers
take one byte. Lengths and counts use them unsigned, as they are:

    >>> write_uvarint(300).hex()
    'ac02'

Records use them signed, and a small negative number should be short too. So the sign goes to the
lowest bit first ("zigzag"): 0, -1, 1, -2 become 0, 1, 2, 3.

    >>> write_varint(-2).hex()
    '03'

*Strings and byte strings.* A length, then the bytes. In old versions of a message the length is an
int16 or int32, and -1 means null. In flexible versions (KIP-482) it is an unsigned varint, one
larger than the length, and 0 means null; such fields are called compact.

What is here is meant for a few fields at a time. The message codec inlines the common cases (see
`codec`), and comes here for the rest.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from broker.wire.errors import EncodeError, FrameError

Buffer = bytes | bytearray | memoryview
"""Anything that holds bytes. Records travel as a memoryview on the frame they came in."""

ZERO_UUID: Final = bytes(16)
"""The id that stands for "none": ids are never null in the protocol."""

MAX_STRING_BYTES: Final = 0x7FFF
"""Strings are this long at most, in every version (Kafka checks it for compact ones, too)."""

_UVARINT_BITS: Final = 35
_UVARLONG_BITS: Final = 70
_SMALL: Final = tuple(bytes([n]) for n in range(128))


# -- varints --------------------------------------------------------------------------------------


def read_uvarint(buf: Buffer, pos: int) -> tuple[int, int]:
    """Read an unsigned varint of at most 32 bits; return it with the position behind it."""
    if pos + 1 < len(buf) and buf[pos + 1] < 0x80 <= buf[pos]:  # two bytes, as most of them have
        return buf[pos] & 0x7F | buf[pos + 1] << 7, pos + 2
    value = shift = 0
    while shift < _UVARINT_BITS:
        if pos >= len(buf):
            raise FrameError("the data end within a varint")
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFF_FFFF:
                raise FrameError("a varint is larger than 32 bits")
            return value, pos
        shift += 7
    raise FrameError("a varint does not end within 5 bytes")


def read_uvarlong(buf: Buffer, pos: int) -> tuple[int, int]:
    """Read an unsigned varint of at most 64 bits; return it with the position behind it."""
    value = shift = 0
    while shift < _UVARLONG_BITS:
        if pos >= len(buf):
            raise FrameError("the data end within a varint")
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFF_FFFF_FFFF_FFFF:
                raise FrameError("a varint is larger than 64 bits")
            return value, pos
        shift += 7
    raise FrameError("a varint does not end within 10 bytes")


def read_varint(buf: Buffer, pos: int) -> tuple[int, int]:
    """Read a signed (zigzag) varint of at most 32 bits."""
    value, pos = read_uvarint(buf, pos)
    return (value >> 1) ^ -(value & 1), pos


def read_varlong(buf: Buffer, pos: int) -> tuple[int, int]:
    """Read a signed (zigzag) varint of at most 64 bits."""
    value, pos = read_uvarlong(buf, pos)
    return (value >> 1) ^ -(value & 1), pos


def write_uvarint(value: int) -> bytes:
    """Write an unsigned varint."""
    if 0 <= value < 128:
        return _SMALL[value]
    if value < 0:
        raise EncodeError(f"{value} is negative: it cannot be an unsigned varint")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_varint(value: int) -> bytes:
    """Write a signed (zigzag) varint, of 32 or 64 bits: small numbers look the same in both."""
    return write_uvarint(value << 1 if value >= 0 else (-value << 1) - 1)


# -- strings and byte strings ---------------------------------------------------------------------


def read_text(buf: Buffer, start: int, end: int) -> str:
    """Decode UTF-8, strictly: what is not UTF-8 is not a message."""
    try:
        return str(buf[start:end], "utf-8")
    except UnicodeDecodeError as error:
        raise FrameError(f"a string is not UTF-8: {error.reason}") from None


def read_compact_string(buf: Buffer, pos: int) -> tuple[str | None, int]:
    """Read the string of a flexible version; None if it is null."""
    length, pos = read_uvarint(buf, pos)
    if length == 0:
        return None, pos
    end = pos + length - 1
    if end > len(buf) or length - 1 > MAX_STRING_BYTES:
        raise FrameError(f"a string claims {length - 1} bytes, {len(buf) - pos} are left")
    return read_text(buf, pos, end), end


def write_compact_string(text: str | None) -> bytes:
    """Write the string of a flexible version."""
    if text is None:
        return b"\0"
    raw = text.encode("utf-8")
    if len(raw) > MAX_STRING_BYTES:
        raise EncodeError(f"a string of {len(raw)} bytes is longer than {MAX_STRING_BYTES}")
    return write_uvarint(len(raw) + 1) + raw


# -- ids ------------------------------------------------------------------------------------------


def uuid_text(uuid: Buffer) -> str:
    """An id as Kafka prints it: base64 for URLs, without padding.

    >>> uuid_text(bytes(15) + bytes([1]))
    'AAAAAAAAAAAAAAAAAAAAAQ'
    """
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode("ascii")


def uuid_from_text(text: str) -> bytes:
    """The inverse of `uuid_text`. ValueError if the text is not an id.

    >>> uuid_from_text("AAAAAAAAAAAAAAAAAAAAAQ").hex()
    '00000000000000000000000000000001'
    """
    try:
        uuid = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        uuid = b""
    if len(uuid) != 16 or len(text) > 24:
        raise ValueError(f"{text!r} is not an id: 22 characters of base64 are expected")
    return uuid
