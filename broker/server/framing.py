"""Bytes from a connection -> frames: the size, four bytes, then so many bytes of message.

The size is a promise of whoever is at the other end, and not all of them are clients. So it is
checked before a byte is set aside for it, and memory grows with what has really arrived: half a
frame that claims 100 MiB costs what came of it, four times over at the most.

Nearly all frames are small and come whole. They are read into one buffer, `scratch`, which all
connections share (one thread, and nothing stays in it from one read to the next), and each is
copied out into a buffer of its own. A frame that is not complete yet gets its own buffer at once,
and the rest of it is received straight into that: a large batch is never copied on its way in.

Each frame owns its buffer, because the broker writes into it (it patches the base offset of a
batch in place) and may keep parts of it for as long as a request waits.
"""

from __future__ import annotations

from struct import Struct

from broker.wire.errors import FrameError

SCRATCH_BYTES = 64 * 1024
_FIRST_GROWTH = 4 * 1024
_SIZE = Struct(">i")


class FrameReader:
    """Assembles the frames of one connection. Does no I/O: `buffer`, fill it, `received`."""

    __slots__ = ("_filled", "_frame", "_head", "_limit", "_scratch", "_size", "_view")

    def __init__(self, scratch: bytearray, limit: int) -> None:
        self._scratch = scratch
        self._view = memoryview(scratch)
        self._limit = limit
        self._head = b""  # the first one to three bytes of a size, while the others are missing
        self._frame: bytearray | None = None  # the frame that is not complete yet
        self._size = 0
        self._filled = 0

    @property
    def held(self) -> int:
        """Bytes that this connection keeps between two reads."""
        return 0 if self._frame is None else len(self._frame)

    def buffer(self) -> memoryview:
        """Where the next bytes go; at least one byte long."""
        frame = self._frame
        if frame is None:
            head = self._head
            if not head:
                return self._view
            self._scratch[: len(head)] = head
            return self._view[len(head) :]
        filled = self._filled
        if filled == len(frame):
            more = min(self._size - filled, max(3 * filled, _FIRST_GROWTH))
            frame += bytes(more)
        return memoryview(frame)[filled:]

    def received(self, count: int) -> list[bytearray]:
        """The frames that `count` bytes, put into the last `buffer`, have made complete."""
        frame = self._frame
        if frame is None:
            return self._split(len(self._head) + count)
        self._filled += count
        if self._filled < self._size:
            return []
        self._frame = None
        return [frame]

    def _split(self, end: int) -> list[bytearray]:
        """Cut the scratch buffer into frames; a last, incomplete one is set aside."""
        scratch = self._scratch
        frames: list[bytearray] = []
        start = 0
        while end - start >= 4:
            (size,) = _SIZE.unpack_from(scratch, start)
            if not 0 < size <= self._limit:
                raise FrameError(explain_size(bytes(scratch[start : start + 4]), self._limit))
            start += 4
            stop = start + size
            if stop > end:
                self._frame = scratch[start:end]
                self._size = size
                self._filled = end - start
                self._head = b""
                return frames
            frames.append(scratch[start:stop])
            start = stop
        self._head = bytes(scratch[start:end])
        return frames


_HTTP = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"PRI ")


def explain_size(head: bytes, limit: int) -> str:
    """What probably went wrong where a size should stand (KAFKA-4090).

    >>> explain_size(bytes.fromhex("16030100"), 104857600)
    'it speaks TLS to a port without TLS (on the client: security.protocol=PLAINTEXT)'
    """
    if head[0] in (0x15, 0x16) and head[1] == 3:
        return "it speaks TLS to a port without TLS (on the client: security.protocol=PLAINTEXT)"
    if head in _HTTP:
        return "it speaks HTTP; this port speaks the Kafka protocol"
    size = int.from_bytes(head, "big", signed=True)
    if size <= 0:
        return f"a request cannot have {size} bytes"
    return f"a request of {size} bytes is larger than socket.request.max.bytes={limit}"
