"""A broker in a process of its own, and the plainest of clients: frames on a socket."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psutil

from broker.wire.frames import SIZE_BYTES, decode_response, encode_request
from broker.wire.messages.headers import RequestHeader
from broker.wire.schema import Message

READ_BYTES = 1 << 20


class Served:
    """`broker start` on a free port, as a context manager; its data go when it ends."""

    def __enter__(self) -> Served:
        self.folder = tempfile.mkdtemp(prefix="broker-bench-")
        broker = str(Path(sys.executable).with_name("broker"))
        command = [broker, "start", "--port", "0", "--data-dir", f"{self.folder}/data"]
        started = time.monotonic()
        with (Path(self.folder) / "stderr.txt").open("w+") as errors:
            self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert self.child.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", self.child.stdout.readline())
        if found is None:
            why = (Path(self.folder) / "stderr.txt").read_text()
            self.close()
            raise RuntimeError(f"the broker did not come up: {why}")
        self.port = int(found.group(1))
        self.seconds_to_answer = time.monotonic() - started
        self.process = psutil.Process(self.child.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it in order."""
        self.child.terminate()
        self.child.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self) -> Connection:
        """A connection to it."""
        return Connection(self.port)


class Connection:
    """Requests go out, in any number; responses come back, in the same order."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = bytearray()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def ask(self, request: Message, version: int) -> Message:
        """Send a request and return the response."""
        self.socket.sendall(framed(request, version))
        key = request.schema.key
        assert key is not None
        _, body = decode_response(key, version, self.next_frame())
        return body

    def next_frame(self) -> bytes:
        """The next response, without its size."""
        while (size := self._whole()) is None:
            self._receive()
        frame = bytes(self.rest[SIZE_BYTES:size])
        del self.rest[:size]
        return frame

    def pipeline(self, frame: bytes, count: int, in_flight: int) -> None:
        """Send the same frame many times, with so many unanswered at most, and read the answers.

        All responses are of one size, so they are counted by their bytes alone: the client should
        cost as little as it can.
        """
        first = self.request_size(frame)
        sent = answered = 0
        pending = 0
        while answered < count:
            if burst := min(in_flight - (sent - answered), count - sent):
                self.socket.sendall(frame * burst)
                sent += burst
            pending += len(self.socket.recv(READ_BYTES))
            answered += pending // first
            pending %= first

    def request_size(self, frame: bytes) -> int:
        """The bytes of the response to a frame, its size included."""
        self.socket.sendall(frame)
        return len(self.next_frame()) + SIZE_BYTES

    def _whole(self) -> int | None:
        """Where the first response ends, if all of it is here."""
        if len(self.rest) < SIZE_BYTES:
            return None
        size = SIZE_BYTES + int.from_bytes(self.rest[:SIZE_BYTES], "big")
        return size if len(self.rest) >= size else None

    def _receive(self) -> None:
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the broker hung up")
        self.rest += data


def framed(request: Message, version: int) -> bytes:
    """A request as it travels, its size in front."""
    key = request.schema.key
    assert key is not None
    header = RequestHeader(
        request_api_key=key,
        request_api_version=version,
        correlation_id=1,
        client_id="bench",
    )
    return bytes(encode_request(header, request))
