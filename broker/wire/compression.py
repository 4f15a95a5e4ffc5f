"""The five ways a record batch may be packed: none, gzip, snappy, lz4, zstd.

A batch names its codec in the low three bits of its attributes, and what is packed is everything
behind the header. The broker seldom looks: it stores a batch as it came and hands it on. Only
clients, and the few places that must see keys (compaction) or times (lookup), unpack it.

Two dangers live here. A few kilobytes can unpack to gigabytes, so every unpacking is told how much
it may produce and stops there. And a codec may be missing on this machine: gzip comes with Python,
the others with the `cramjam` wheel (zstd also with Python 3.14). What cannot be done for want of a
wheel is refused with UNSUPPORTED_COMPRESSION_TYPE, Kafka's answer to an unknown codec.

Snappy has two framings in Kafka. Java clients write the one of the xerial library, blocks behind a
16-byte header, and C clients write one bare block; everybody reads both. LZ4 is the frame format
with independent blocks, because Java's reader knows no linked ones (KIP-57).
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any

from broker.wire.errors import ApiError, CorruptRecordError, ErrorCode, UnsupportedCompressionError
from broker.wire.primitives import Buffer

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""What a batch may unpack to unless its reader says otherwise: 64 times Kafka's largest batch."""


class Compression(IntEnum):
    """The codec ids of the protocol (CompressionType in Kafka)."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


def compression_from_name(name: str) -> Compression:
    """`compression.type` as clients spell it: none, gzip, snappy, lz4 or zstd."""
    try:
        return Compression[name.upper()]
    except KeyError:
        known = ", ".join(codec.name.lower() for codec in Compression)
        raise ValueError(f"unknown compression {name!r}; choose one of {known}") from None


def compress(codec_id: int, buf: Buffer) -> bytes:
    """Pack `buf` with a codec of `Compression`."""
    return _codec(codec_id)[0](buf)


def decompress(codec_id: int, buf: Buffer, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
    """Unpack `buf`, or refuse: CORRUPT_MESSAGE if it is damaged, MESSAGE_TOO_LARGE if it is a bomb.

    The second is not the first: a client tries again what was corrupted on its way, and must not
    try again what can never fit.
    """
    return _codec(codec_id)[1](buf, max_bytes)


_Pack = Callable[[Buffer], bytes]
_Unpack = Callable[[Buffer, int], bytes]


def _codec(codec_id: int) -> tuple[_Pack, _Unpack]:
    try:
        return _CODECS[Compression(codec_id)]
    except ValueError:
        raise UnsupportedCompressionError(f"no compression has the id {codec_id}") from None


@cache
def _cramjam() -> Any:
    """The wheel with snappy, lz4 and zstd, loaded when the first batch needs it."""
    try:
        return importlib.import_module("cramjam")
    except ImportError:
        raise UnsupportedCompressionError("snappy, lz4 and zstd need the cramjam wheel") from None


@cache
def _python_zstd() -> Any | None:
    """Python's own zstd, from 3.14 on."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return None


def _too_large(max_bytes: int) -> ApiError:
    return ApiError(ErrorCode.MESSAGE_TOO_LARGE, f"a batch unpacks to more than {max_bytes} bytes")


# -- none and gzip -------------------------------------------------------------------------------


def _copy(buf: Buffer) -> bytes:
    return bytes(buf)


def _copy_bounded(buf: Buffer, max_bytes: int) -> bytes:
    if len(buf) > max_bytes:
        raise _too_large(max_bytes)
    return bytes(buf)


_GZIP_WINDOW = 31  # the largest window, in a gzip wrapper


def _gzip(buf: Buffer) -> bytes:
    packer = zlib.compressobj(wbits=_GZIP_WINDOW)
    return packer.compress(buf) + packer.flush()


def _gunzip(buf: Buffer, max_bytes: int) -> bytes:
    return _unpack_members(
        buf, max_bytes, lambda: zlib.decompressobj(wbits=_GZIP_WINDOW), zlib.error
    )


def _unpack_members(
    buf: Buffer, max_bytes: int, unpacker: Callable[[], Any], failure: type[Exception]
) -> bytes:
    """Unpack members that follow one another, as gzip and zstd both allow.

    Asking for one byte more than is allowed tells a bomb from what just fits.
    """
    unpacked = bytearray()
    rest: Buffer = buf
    while True:
        member = unpacker()
        try:
            unpacked += member.decompress(rest, max_bytes - len(unpacked) + 1)
        except failure as problem:
            raise CorruptRecordError(f"a packed batch cannot be read: {problem}") from None
        if len(unpacked) > max_bytes:
            raise _too_large(max_bytes)
        if not member.eof:
            raise CorruptRecordError("a packed batch ends too early")
        rest = member.unused_data
        if not rest:
            return bytes(unpacked)


# -- snappy --------------------------------------------------------------------------------------

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)  # its version, and the oldest reader's
_XERIAL_BLOCK = 32 * 1024
_BLOCK_LENGTH = struct.Struct(">i")
# A copy of 64 bytes takes three: no honest block unpacks to more than this many times its size.
_SNAPPY_MAX_RATIO = 24


def _snap(buf: Buffer) -> bytes:
    """The framing of Java's clients: a header, then blocks with their lengths."""
    snappy = _cramjam().snappy
    view = memoryview(buf)
    parts = [_XERIAL_HEADER]
    for start in range(0, len(view), _XERIAL_BLOCK):
        block = bytes(snappy.compress_raw(view[start : start + _XERIAL_BLOCK]))
        parts += (_BLOCK_LENGTH.pack(len(block)), block)
    return b"".join(parts)


def _unsnap(buf: Buffer, max_bytes: int) -> bytes:
    view = memoryview(buf)
    if view[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return _unsnap_block(view, max_bytes)
    if len(view) < len(_XERIAL_HEADER):
        raise CorruptRecordError("a snappy stream ends inside its header")
    unpacked = bytearray()
    # The two version numbers are skipped: some writers have them in the wrong byte order.
    pos = len(_XERIAL_HEADER)
    while pos < len(view):
        if pos + _BLOCK_LENGTH.size > len(view):
            raise CorruptRecordError("a snappy stream ends inside a block's length")
        (length,) = _BLOCK_LENGTH.unpack_from(view, pos)
        pos += _BLOCK_LENGTH.size
        if not 0 < length <= len(view) - pos:
            raise CorruptRecordError(f"a snappy block claims {length} bytes")
        unpacked += _unsnap_block(view[pos : pos + length], max_bytes - len(unpacked))
        pos += length
    return bytes(unpacked)


def _unsnap_block(block: memoryview, max_bytes: int) -> bytes:
    """One bare block. It begins with its unpacked length, which is checked before it is trusted."""
    if not block:
        raise CorruptRecordError("no bytes are no snappy block")
    cramjam = _cramjam()
    try:
        claimed = cramjam.snappy.decompress_raw_len(block)
        if claimed > _SNAPPY_MAX_RATIO * len(block):
            raise CorruptRecordError(f"{len(block)} bytes of snappy claim to hold {claimed}")
        if claimed > max_bytes:
            raise _too_large(max_bytes)
        return bytes(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as problem:
        raise CorruptRecordError(f"a packed batch cannot be read: {problem}") from None


# -- lz4 and zstd --------------------------------------------------------------------------------

_FIRST_GUESS = 64 * 1024
_LZ4_MAX_RATIO = 255  # a run of matches: one length byte for 255 bytes
_ZSTD_MAX_RATIO = 32 * 1024  # a block that repeats one byte: four bytes for 128 KiB


def _lz4(buf: Buffer) -> bytes:
    packer = _cramjam().lz4.Compressor(block_linked=False, content_checksum=False)
    packer.compress(bytes(buf))
    return bytes(packer.finish())


def _unlz4(buf: Buffer, max_bytes: int) -> bytes:
    return _unpack_into(_cramjam().lz4, buf, max_bytes, _LZ4_MAX_RATIO)


def _zstd(buf: Buffer) -> bytes:
    zstd = _python_zstd()
    if zstd is not None:
        return bytes(zstd.compress(buf))
    return bytes(_cramjam().zstd.compress(buf, level=3))


def _unzstd(buf: Buffer, max_bytes: int) -> bytes:
    zstd = _python_zstd()
    if zstd is not None:
        return _unpack_members(buf, max_bytes, zstd.ZstdDecompressor, zstd.ZstdError)
    return _unpack_into(_cramjam().zstd, buf, max_bytes, _ZSTD_MAX_RATIO)


def _unpack_into(codec: Any, buf: Buffer, max_bytes: int, max_ratio: int) -> bytes:
    """Unpack into a buffer that grows until the data fits or the limit is reached.

    The wheel has no "unpack at most", but it never writes past the buffer it is given. It does not
    tell "too small" from "damaged", so damaged data is tried again too, at most up to what the
    best possible ratio could need.
    """
    possible = len(buf) * max_ratio + _FIRST_GUESS
    ceiling = min(max_bytes, possible)
    room = min(_FIRST_GUESS, ceiling)
    while True:
        target = bytearray(room)
        try:
            written = codec.decompress_into(buf, target)
        except _cramjam().DecompressionError as problem:
            if room < ceiling:
                room = min(room * 8, ceiling)
                continue
            if ceiling < possible and "whole buffer" in str(problem):
                raise _too_large(max_bytes) from None
            raise CorruptRecordError(f"a packed batch cannot be read: {problem}") from None
        return bytes(memoryview(target)[:written])


_CODECS: dict[Compression, tuple[_Pack, _Unpack]] = {
    Compression.NONE: (_copy, _copy_bounded),
    Compression.GZIP: (_gzip, _gunzip),
    Compression.SNAPPY: (_snap, _unsnap),
    Compression.LZ4: (_lz4, _unlz4),
    Compression.ZSTD: (_zstd, _unzstd),
}
