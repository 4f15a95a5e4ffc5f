"""Record batches of other clients: theirs are read here, ours are read there."""

import importlib
from typing import Any

import pytest

from broker.wire.compression import Compression
from broker.wire.records import build_batch, check_batch, read_header, read_records

aiokafka_records: Any = importlib.import_module("aiokafka.record.default_records")
kafka_python: Any = importlib.import_module("kafka.record.default_records")

RECORDS: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
    (1_700_000_000_000, b"A", b"created", [("trace", b"17")]),
    (1_700_000_000_003, b"B", b"paid " * 50, []),
    (1_700_000_000_001, None, b"no key, earlier", []),
    (1_700_000_000_009, b"A", None, [("why", None), ("why", b"deleted")]),
    (1_700_000_000_010, b"", b"", []),
]
# kafka-python brings no codecs of its own, and the wheels it would use are not ours.
KAFKA_PYTHON_CODECS = [Compression.NONE, Compression.GZIP]


def theirs(library: Any, codec: Compression) -> bytes:
    """The batch as another client builds it."""
    builder = library.DefaultRecordBatchBuilder(
        magic=2,
        compression_type=int(codec),
        is_transactional=0,
        producer_id=12,
        producer_epoch=3,
        base_sequence=40,
        batch_size=1 << 20,
    )
    for index, (timestamp, key, value, headers) in enumerate(RECORDS):
        builder.append(index, timestamp=timestamp, key=key, value=value, headers=headers)
    return bytes(builder.build())


def ours(codec: Compression) -> bytes:
    return bytes(
        build_batch(RECORDS, compression=codec, producer_id=12, producer_epoch=3, base_sequence=40)
    )


CASES = [(aiokafka_records, codec) for codec in Compression]
CASES += [(kafka_python, codec) for codec in KAFKA_PYTHON_CODECS]


@pytest.mark.parametrize(("library", "codec"), CASES)
def test_we_read_theirs(library: Any, codec: Compression) -> None:
    batch = theirs(library, codec)
    header = read_header(batch)
    check_batch(batch, header)
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (12, 3, 40)
    assert header.max_timestamp == 1_700_000_000_010
    found = [(r.timestamp, r.key, r.value, list(r.headers)) for r in read_records(batch)]
    assert found == RECORDS


@pytest.mark.parametrize(("library", "codec"), CASES)
def test_they_read_ours(library: Any, codec: Compression) -> None:
    batch = library.DefaultRecordBatch(bytearray(ours(codec)))
    assert batch.validate_crc()
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (12, 3, 40)
    found = [(r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    assert found == RECORDS


@pytest.mark.parametrize("library", [aiokafka_records, kafka_python])
def test_without_compression_the_bytes_are_the_same(library: Any) -> None:
    assert ours(Compression.NONE)[17:] == theirs(library, Compression.NONE)[17:]
