"""Framing: bytes in any pieces become the same frames, and a lie about a size costs little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.server.framing import SCRATCH_BYTES, FrameReader, explain_size
from broker.wire.errors import FrameError

LIMIT = 100 * 1024 * 1024


def sized(frame: bytes) -> bytes:
    return len(frame).to_bytes(4, "big") + frame


def feed(reader: FrameReader, data: bytes) -> list[bytearray]:
    """Hand over bytes as a socket would: as many at a time as the buffer takes."""
    frames = []
    while data:
        buffer = reader.buffer()
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        del buffer
        frames += reader.received(count)
        data = data[count:]
    return frames


def reader(limit: int = LIMIT) -> FrameReader:
    return FrameReader(bytearray(SCRATCH_BYTES), limit)


frames_of_all_sizes = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.integers(1, 3 * SCRATCH_BYTES).map(lambda size: b"\xa5" * size),
    ),
    max_size=5,
)


@given(frames_of_all_sizes, st.lists(st.integers(1, 2 * SCRATCH_BYTES), max_size=20))
def test_frames_come_out_whole_however_their_bytes_come_in(
    frames: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(map(sized, frames))
    under_test = reader()
    found = []
    for cut in cuts:
        found += feed(under_test, data[:cut])
        data = data[cut:]
    found += feed(under_test, data)
    assert found == frames
    assert under_test.held == 0


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=6))
def test_byte_by_byte(frames: list[bytes]) -> None:
    under_test = reader()
    found = [f for byte in b"".join(map(sized, frames)) for f in feed(under_test, bytes([byte]))]
    assert found == frames


def test_each_frame_owns_its_buffer() -> None:
    under_test = reader()
    first, second = feed(under_test, sized(b"first") + sized(b"other"))
    first[:] = b"FIRST"
    (third,) = feed(under_test, sized(b"third"))
    assert (bytes(first), bytes(second), bytes(third)) == (b"FIRST", b"other", b"third")


def test_memory_follows_what_came_not_what_was_claimed() -> None:
    under_test = reader()
    feed(under_test, (LIMIT).to_bytes(4, "big") + b"x" * 100)
    under_test.buffer()
    assert under_test.held < 8 * 1024
    for _ in range(50):
        feed(under_test, b"x" * 1000)
    assert under_test.held <= 4 * (50 * 1000 + 100)


@pytest.mark.parametrize("size", [0, -1, -(2**31), LIMIT + 1, 2**31 - 1])
def test_a_size_that_cannot_be_is_refused_before_a_byte_is_set_aside(size: int) -> None:
    under_test = reader()
    with pytest.raises(FrameError):
        feed(under_test, size.to_bytes(4, "big", signed=True))
    assert under_test.held == 0


def test_the_largest_frame_that_is_allowed_passes() -> None:
    assert feed(reader(limit=8), sized(b"12345678")) == [b"12345678"]
    with pytest.raises(FrameError, match=r"larger than socket\.request\.max\.bytes=8"):
        feed(reader(limit=8), sized(b"123456789"))


@pytest.mark.parametrize(
    ("head", "meaning"),
    [
        (b"\x16\x03\x01\x02", "speaks TLS"),
        (b"\x15\x03\x03\x00", "speaks TLS"),
        (b"GET ", "speaks HTTP"),
        (b"POST", "speaks HTTP"),
        (b"\xff\xff\xff\xff", "cannot have -1 bytes"),
    ],
)
def test_a_wrong_size_is_explained(head: bytes, meaning: str) -> None:
    assert meaning in explain_size(head, LIMIT)
