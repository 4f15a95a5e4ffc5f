"""Whatever comes in: a message or a FrameError, and never much memory.

The bytes of a connection are anybody's. Each decoder is shown messages that are cut off, that go
on, that are damaged, that claim to be huge, and plain noise.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from broker.wire import codec, frames
from broker.wire.errors import FrameError
from broker.wire.messages import APIS
from broker.wire.messages.headers import RequestHeader
from broker.wire.schema import Message, WireType
from tests.wire.strategies import all_messages, name_of

CASES = all_messages()
HUGE_VARINT, HUGE_INT32, HUGE_INT16 = b"\xff\xff\xff\xff\x07", b"\x7f\xff\xff\xff", b"\x7f\xff"

SCALARS: dict[str, Any] = {
    "bool": True,
    "string": "häß",
    "uuid": bytes(range(16)),
    "records": b"batch",
    "bytes": b"bytes",
}


def full(cls: type[Message], version: int) -> Message:
    """A message in which every field is set, tagged ones included, and one that nobody knows."""
    tags = {99: b"news"} if version in cls.schema.flexible else {}
    return with_all_fields(cls, version).replace(unknown_tags=tags)


def with_all_fields(cls: type[Message], version: int) -> Message:
    present = [field for field in cls.schema.fields if version in field.versions]
    return cls(**{field.name: value_of(field.type, version) for field in present})


def value_of(kind: WireType, version: int) -> Any:
    if kind.struct is not None:
        return with_all_fields(kind.struct, version)
    if kind.element is not None:
        return [value_of(kind.element, version)] * 2
    return SCALARS.get(kind.kind, 5)


@pytest.mark.parametrize(("cls", "version"), CASES, ids=name_of)
def test_half_a_message_is_no_message(cls: type[Message], version: int) -> None:
    whole = codec.encode(full(cls, version), version)
    assert codec.decode(cls, version, whole) == full(cls, version)
    for size in range(len(whole)):
        with pytest.raises(FrameError):
            codec.decode(cls, version, whole[:size])
    with pytest.raises(FrameError, match="1 bytes are left over"):
        codec.decode(cls, version, whole + b"\0")


def test_damaged_messages_and_noise_raise_nothing_but_frame_errors() -> None:
    rng = random.Random(7)
    for cls, version in CASES:
        whole = codec.encode(full(cls, version), version)
        for bad in [*damaged(whole, rng), *noise(rng)]:
            with suppress(FrameError):
                codec.decode(cls, version, bad)


def damaged(whole: bytes, rng: random.Random) -> Iterator[bytes]:
    """The message with some byte replaced, by values that lengths and tags trip over."""
    for _ in range(40 if whole else 0):
        bad = bytearray(whole)
        bad[rng.randrange(len(bad))] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
        yield bytes(bad)


def noise(rng: random.Random) -> Iterator[bytes]:
    for _ in range(20):
        yield rng.randbytes(rng.randrange(60))


def test_noise_in_frames_raises_nothing_but_frame_errors() -> None:
    rng = random.Random(8)
    for key in [*APIS, 99]:
        for _ in range(200):
            version = rng.randrange(-2, 20)
            start = key.to_bytes(2, "big") + version.to_bytes(2, "big", signed=True)
            frame = start + rng.randbytes(rng.randrange(40))
            with suppress(FrameError):
                frames.decode_request(frame)
            with suppress(FrameError):
                frames.decode_response(key, version, frame)


def test_huge_claims_allocate_nothing() -> None:
    """Two billion elements in a message of a hundred bytes: refused before a list is made."""
    newest, oldest = dict(CASES), dict(reversed(CASES))
    inflexible = [(cls, v) for cls, v in oldest.items() if v not in cls.schema.flexible]
    for cls, version in [*newest.items(), *inflexible]:
        whole = codec.encode(full(cls, version), version)
        tracemalloc.start()
        try:
            for bad in huge_claims(whole, version in cls.schema.flexible):
                with suppress(FrameError):
                    codec.decode(cls, version, bad)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000, f"{cls.__name__} {version} allocates {peak} bytes"


def huge_claims(whole: bytes, flexible: bool) -> Iterator[bytes]:
    """The message with a huge length at each place."""
    for pos in range(len(whole)):
        for claim in [HUGE_VARINT] if flexible else [HUGE_INT32, HUGE_INT16]:
            yield whole[:pos] + claim + whole[pos + len(claim) :]


def test_a_count_of_tagged_fields_is_not_believed_either() -> None:
    request = RequestHeader(request_api_key=18, request_api_version=3, client_id="c")
    header = codec.encode(request, 2)[:-1] + b"\xff\xff\xff\xff\x0f"
    with pytest.raises(FrameError):
        codec.decode(RequestHeader, 2, header)


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
@pytest.mark.parametrize("padding", [0, 200])
def test_a_string_is_utf8_or_the_frame_is_bad(text: bytes, padding: int) -> None:
    raw = text + b"a" * padding
    header = b"\0\x12\0\0" + b"\0\0\0\1" + len(raw).to_bytes(2, "big") + raw
    with pytest.raises(FrameError):
        frames.decode_request_header(header)
