"""The error tree: whose fault, whether to ask again, whether anything may have happened.

That codes, names and `retriable` are Kafka's is checked in test_against_kio.
"""

from __future__ import annotations

import pytest

from broker.wire.errors import (
    ApiError,
    ConfigError,
    CorruptRecordError,
    EncodeError,
    ErrorCode,
    Fault,
    FrameError,
    InvariantError,
    OffsetZeroError,
    StorageError,
    UnsupportedCompressionError,
    invariant,
)


def test_codes_are_contiguous_from_minus_1() -> None:
    assert [int(code) for code in ErrorCode] == list(range(-1, 134))


def test_every_code_has_a_sentence() -> None:
    for code in ErrorCode:
        assert code.text.endswith("."), code.name
        assert isinstance(code.fault, Fault)


def test_a_code_is_a_number() -> None:
    assert int(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) == 3
    assert ErrorCode(3) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("code", "definite"),
    [
        (ErrorCode.MESSAGE_TOO_LARGE, True),
        (ErrorCode.NOT_ENOUGH_REPLICAS, True),
        (ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, False),
        (ErrorCode.REQUEST_TIMED_OUT, False),
        (ErrorCode.NETWORK_EXCEPTION, False),
    ],
)
def test_some_errors_leave_open_what_has_happened(code: ErrorCode, definite: bool) -> None:
    assert code.definite is definite


def test_each_fault_is_somebodys() -> None:
    assert ErrorCode.INVALID_TOPIC_EXCEPTION.fault is Fault.CLIENT
    assert ErrorCode.LEADER_NOT_AVAILABLE.fault is Fault.BROKER
    assert ErrorCode.CORRUPT_MESSAGE.fault is Fault.DATA


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CorruptRecordError("torn"), ErrorCode.CORRUPT_MESSAGE),
        (UnsupportedCompressionError("zstd"), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
        (StorageError("EIO"), ErrorCode.KAFKA_STORAGE_ERROR),
    ],
)
def test_the_kinds_of_api_errors_have_their_codes(error: ApiError, code: ErrorCode) -> None:
    assert error.code is code
    assert isinstance(error, ApiError)


def test_an_api_error_without_words_uses_those_of_its_code() -> None:
    assert str(ApiError(ErrorCode.INVALID_PARTITIONS)) == "The number of partitions is below 1."
    assert ApiError(ErrorCode.INVALID_PARTITIONS, "0 partitions").message == "0 partitions"


def test_all_errors_have_one_root() -> None:
    for kind in (FrameError, EncodeError, ConfigError, InvariantError, ApiError):
        assert issubclass(kind, OffsetZeroError)


def test_an_invariant_holds_or_raises() -> None:
    invariant(True, "never seen")
    with pytest.raises(InvariantError, match="high watermark"):
        invariant(2 < 1, "the high watermark never passes the log end offset")
