"""Compression: both ways, against foreign implementations, bounded, and without its wheel."""

import gzip
import importlib
import struct
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire import compression
from broker.wire.compression import Compression, compress, compression_from_name, decompress
from broker.wire.errors import (
    ApiError,
    CorruptRecordError,
    ErrorCode,
    UnsupportedCompressionError,
)

aiokafka_codec = importlib.import_module("aiokafka.codec")
cramjam = importlib.import_module("cramjam")

TEXT = b"order 4711: two books and a lamp; " * 200
PACKED = [c for c in Compression if c is not Compression.NONE]
MIB = 1 << 20
REFUSALS = (None, ErrorCode.CORRUPT_MESSAGE, ErrorCode.MESSAGE_TOO_LARGE)

FOREIGN: dict[Compression, tuple[Callable[..., bytes], Callable[..., bytes]]] = {
    Compression.GZIP: (aiokafka_codec.gzip_encode, aiokafka_codec.gzip_decode),
    Compression.SNAPPY: (aiokafka_codec.snappy_encode, aiokafka_codec.snappy_decode),
    Compression.LZ4: (aiokafka_codec.lz4_encode, aiokafka_codec.lz4_decode),
    Compression.ZSTD: (aiokafka_codec.zstd_encode, aiokafka_codec.zstd_decode),
}


def refusal_of(codec: Compression, data: bytes, max_bytes: int) -> ErrorCode | None:
    """The code of the ApiError, if there is one. Nothing else may be raised."""
    try:
        decompress(codec, data, max_bytes)
    except ApiError as problem:
        return problem.code
    return None


# -- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", Compression)
@given(data=st.binary(max_size=3000))
def test_what_is_packed_can_be_unpacked(codec: Compression, data: bytes) -> None:
    assert decompress(codec, compress(codec, data)) == data


@pytest.mark.parametrize("codec", Compression)
@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 32 * 1024 + 1, 300_000])
def test_sizes_around_the_blocks(codec: Compression, size: int) -> None:
    data = (TEXT * (size // len(TEXT) + 1))[:size]
    assert decompress(codec, memoryview(compress(codec, bytearray(data)))) == data


@pytest.mark.parametrize("codec", PACKED)
def test_a_foreign_client_reads_what_we_pack(codec: Compression) -> None:
    _, foreign_decode = FOREIGN[codec]
    assert foreign_decode(compress(codec, TEXT)) == TEXT


@pytest.mark.parametrize("codec", PACKED)
def test_we_read_what_a_foreign_client_packs(codec: Compression) -> None:
    foreign_encode, _ = FOREIGN[codec]
    assert decompress(codec, foreign_encode(TEXT)) == TEXT


def test_members_that_follow_one_another_are_read_as_one() -> None:
    for codec in (Compression.GZIP, Compression.ZSTD, Compression.LZ4):
        assert decompress(codec, compress(codec, b"first, ") + compress(codec, b"then")) == (
            b"first, then"
        )


# -- the two framings of snappy, and the one of lz4 ------------------------------------------------


def test_snappy_as_c_clients_write_it_is_one_bare_block() -> None:
    bare = bytes(cramjam.snappy.compress_raw(TEXT))
    assert decompress(Compression.SNAPPY, bare) == TEXT


def test_snappy_as_java_clients_write_it_has_a_header_and_blocks() -> None:
    data = bytes(100_000)
    packed = compress(Compression.SNAPPY, data)
    assert packed[:8] == b"\x82SNAPPY\x00"
    assert struct.unpack_from(">ii", packed, 8) == (1, 1)
    (first_block,) = struct.unpack_from(">i", packed, 16)
    assert len(bytes(cramjam.snappy.decompress_raw(packed[20 : 20 + first_block]))) == 32 * 1024


def test_a_java_header_with_its_versions_in_the_wrong_byte_order_is_read() -> None:
    packed = bytearray(compress(Compression.SNAPPY, TEXT))
    packed[8:16] = struct.pack("<ii", 1, 1)
    assert decompress(Compression.SNAPPY, packed) == TEXT


def test_lz4_blocks_are_independent_because_java_reads_no_others() -> None:
    """KIP-57, and Lz4BlockOutputStream.FLG: bit 5 must be set, and bits 6-7 are version 1."""
    packed = compress(Compression.LZ4, TEXT)
    assert packed[:4] == bytes.fromhex("04224d18")
    assert packed[4] & 0b1110_0000 == 0b0110_0000


# -- damage and bombs ------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", PACKED)
def test_every_cut_is_noticed(codec: Compression) -> None:
    packed = compress(codec, TEXT[:100])
    for size in range(len(packed)):
        if codec is Compression.SNAPPY and size == 16:
            continue  # a header without blocks is a stream without data
        with pytest.raises(CorruptRecordError):
            decompress(codec, packed[:size])


@pytest.mark.parametrize("codec", PACKED)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused_in_kafkas_words(codec: Compression, data: bytes) -> None:
    assert refusal_of(codec, data, 10_000) in REFUSALS


@pytest.mark.parametrize("codec", PACKED)
@given(where=st.integers(0, 1000), flip=st.integers(1, 255))
def test_a_flipped_byte_does_no_harm(codec: Compression, where: int, flip: int) -> None:
    packed = bytearray(compress(codec, TEXT))
    packed[where % len(packed)] ^= flip
    assert refusal_of(codec, packed, 2 * len(TEXT)) in REFUSALS


@pytest.mark.parametrize("codec", Compression)
def test_what_just_fits_fits_and_one_byte_more_does_not(codec: Compression) -> None:
    packed = compress(codec, TEXT)
    assert decompress(codec, packed, len(TEXT)) == TEXT
    with pytest.raises(ApiError) as refusal:
        decompress(codec, packed, len(TEXT) - 1)
    assert refusal.value.code is ErrorCode.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("codec", PACKED)
def test_a_bomb_does_not_go_off(codec: Compression) -> None:
    """200 MiB of zeros, packed to some kilobytes, are refused at the price of what is allowed."""
    zeros = bytes(200 * MIB)
    # Ours packs as well as it can; here the speed of packing is what counts.
    bomb = gzip.compress(zeros, 1) if codec is Compression.GZIP else compress(codec, zeros)
    tracemalloc.start()
    with pytest.raises(ApiError) as refusal:
        decompress(codec, bomb, MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.code is ErrorCode.MESSAGE_TOO_LARGE
    assert peak < 4 * MIB


def test_a_snappy_block_is_not_believed_what_it_claims_to_hold() -> None:
    claims_a_gigabyte = b"\xff\xff\xff\xff\x03" + b"xyz"
    tracemalloc.start()
    with pytest.raises(ApiError):
        decompress(Compression.SNAPPY, claims_a_gigabyte)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MIB


# -- what is not there -----------------------------------------------------------------------------


def test_codecs_that_do_not_exist_are_unsupported() -> None:
    for codec in (5, 6, 7):
        with pytest.raises(UnsupportedCompressionError):
            decompress(codec, b"")


@pytest.mark.parametrize("codec", [Compression.SNAPPY, Compression.LZ4, Compression.ZSTD])
def test_without_the_wheel_only_gzip_is_left(
    codec: Compression, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(compression.importlib, "import_module", missing)
    compression._cramjam.cache_clear()
    compression._python_zstd.cache_clear()
    try:
        for work in (compress, decompress):
            with pytest.raises(UnsupportedCompressionError) as refusal:
                work(codec, b"data")
            assert refusal.value.code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
        assert decompress(Compression.GZIP, compress(Compression.GZIP, TEXT)) == TEXT
    finally:
        monkeypatch.undo()
        compression._cramjam.cache_clear()
        compression._python_zstd.cache_clear()


def test_names_are_those_of_compression_type() -> None:
    assert compression_from_name("zstd") is Compression.ZSTD
    assert compression_from_name("none") is Compression.NONE
    with pytest.raises(ValueError, match="choose one of none, gzip, snappy, lz4, zstd"):
        compression_from_name("brotli")
