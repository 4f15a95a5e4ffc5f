"""The plainest of clients: frames on a socket.

It costs so little that what is measured through it is the broker. Of most answers it reads only the
size: the same request has answers of the same size, and one that has not tells of an error.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from itertools import cycle, islice

from benchmarks.children import LOOPBACK
from benchmarks.messages import DisturbedError, check
from broker.wire.frames import SIZE_BYTES, decode_response, encode_request
from broker.wire.messages.headers import RequestHeader
from broker.wire.schema import Message

READ_BYTES = 1 << 20
TIMEOUT_S = 60
_API = struct.Struct(">hh")
"""A request begins with its API key and version."""
UNLIKE = "an answer came that is not like the first one"


class Connection:
    """Requests go out, in any number; responses come back, in the same order."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = bytearray()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, request: Message, version: int) -> Message:
        """Send a request and return the response."""
        self.send(framed(request, version))
        return self.answer(request, version)

    def send(self, frames: bytes) -> None:
        """Send some frames."""
        self.socket.sendall(frames)

    def answer(self, request: Message, version: int) -> Message:
        """The next response, which is that to this request."""
        _, body = decode_response(key_of(request), version, self.next_frame())
        return body

    def next_frame(self) -> bytes:
        """The next response, without its size."""
        while (size := self._whole()) is None:
            self.receive()
        frame = bytes(self.rest[SIZE_BYTES:size])
        del self.rest[:size]
        return frame

    def exchange(self, frame: bytes, size: int) -> None:
        """Send a frame and wait for the so many bytes of its answer."""
        self.socket.sendall(frame)
        begun = self._received()
        if begun[:SIZE_BYTES] != prefix(size)[: len(begun)]:
            raise DisturbedError(UNLIKE)
        size -= len(begun)
        while size > 0:
            size -= self.skim()

    def pipeline(self, frames: Sequence[bytes], count: int, in_flight: int) -> None:
        """Send so many of these frames, over and over, with so many unanswered at most; the last
        answer is looked into."""
        size = self.answer_size(frames[0])
        following = cycle(frames)
        sent = answered = 0
        last = b""
        while answered < count:
            if burst := min(in_flight - (sent - answered), count - sent):
                self.socket.sendall(b"".join(islice(following, burst)))
                sent += burst
            self.receive()
            if whole := self._count(size):
                answered += whole
                last = bytes(self.rest[(whole - 1) * size + SIZE_BYTES : whole * size])
                del self.rest[: whole * size]
        key, version = _API.unpack_from(frames[(count - 1) % len(frames)], SIZE_BYTES)
        if error := check(decode_response(key, version, last)[1]):
            raise DisturbedError(f"a request was answered {error.name}")

    def _count(self, size: int) -> int:
        """How many answers of this size are here."""
        rest, begins = self.rest, prefix(size)
        for at in range(0, len(rest) - SIZE_BYTES + 1, size):
            if rest[at : at + SIZE_BYTES] != begins:
                raise DisturbedError(UNLIKE)
        return len(rest) // size

    def answer_size(self, frame: bytes) -> int:
        """The bytes of the response to a frame, its size included."""
        self.send(frame)
        return len(self.next_frame()) + SIZE_BYTES

    @property
    def has_frame(self) -> bool:
        """Whether a whole response is here."""
        return self._whole() is not None

    def skim(self) -> int:
        """Take what has come and throw it away; how many bytes it was."""
        return len(self._received())

    def receive(self) -> None:
        """Take what has come."""
        self.rest += self._received()

    def _received(self) -> bytes:
        try:
            data = self.socket.recv(READ_BYTES)
        except TimeoutError:
            raise RuntimeError(f"no answer came for {TIMEOUT_S} s") from None
        if not data:
            raise DisturbedError("the broker hung up")
        return data

    def _whole(self) -> int | None:
        """Where the first response ends, if all of it is here."""
        if len(self.rest) < SIZE_BYTES:
            return None
        size = SIZE_BYTES + int.from_bytes(self.rest[:SIZE_BYTES], "big")
        return size if len(self.rest) >= size else None


def prefix(size: int) -> bytes:
    """How a frame of so many bytes in all begins."""
    return (size - SIZE_BYTES).to_bytes(SIZE_BYTES, "big")


def framed(request: Message, version: int) -> bytes:
    """A request as it travels, its size in front."""
    header = RequestHeader(
        request_api_key=key_of(request),
        request_api_version=version,
        correlation_id=1,
        client_id="bench",
    )
    return bytes(encode_request(header, request))


def key_of(request: Message) -> int:
    """The number of the API that a request is for."""
    return request.schema.key
