"""The checksum: known answers, and the fallback against the wheel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire.crc32c import crc32c, crc32c_in_python

# RFC 3720 (iSCSI), appendix B.4, and the check value of the CRC catalogue.
KNOWN = [
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"", 0),
]


@pytest.mark.parametrize(("data", "checksum"), KNOWN)
def test_known_answers(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum
    assert crc32c_in_python(data) == checksum


@given(st.binary(max_size=2000))
def test_the_fallback_agrees_with_the_wheel(data: bytes) -> None:
    wheel = pytest.importorskip("crc32c")
    assert crc32c_in_python(data) == wheel.crc32c(data)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_checksum_can_be_continued(first: bytes, rest: bytes) -> None:
    whole = crc32c(first + rest)
    assert crc32c(rest, crc32c(first)) == whole
    assert crc32c_in_python(rest, crc32c_in_python(first)) == whole


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type) -> None:
    assert crc32c(kind(b"123456789")) == crc32c_in_python(kind(b"123456789")) == 0xE3069283
