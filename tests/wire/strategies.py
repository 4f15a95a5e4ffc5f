"""Messages of every kind, for properties: a strategy is made from a message's declaration."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from hypothesis import strategies as st

from broker.wire import codec
from broker.wire.errors import ErrorCode
from broker.wire.messages import APIS
from broker.wire.schema import Field, Message, WireType

_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint16": 16, "uint32": 32}

# Long enough for a length of two bytes, and with characters of one to four bytes.
_LONG = "ä" * 100 + "😀"
_TEXTS = st.one_of(st.sampled_from(["", "orders", "häß", _LONG]), st.text(max_size=5))
_UUIDS = st.sampled_from([bytes(16), bytes(range(16)), b"\xff" * 16])
_RECORDS = st.sampled_from([b"", b"records", bytes(300)])

# Fields that hold less than their type could.
_ERROR_CODES = st.sampled_from([0, -1, int(ErrorCode.NOT_LEADER_OR_FOLLOWER), 133])
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "error_code": _ERROR_CODES,
    "topic_config_error_code": _ERROR_CODES,
    "log_append_time_ms": st.sampled_from([-1, 0, 1_800_000_000_000]),
}


def api_messages() -> list[tuple[type[Message], int]]:
    """Each request and response, in each version."""
    kinds = [codec.message_class(kind, key) for key in APIS for kind in ("request", "response")]
    return [(cls, version) for cls in kinds for version in versions_of(cls)]


def other_messages() -> list[tuple[type[Message], int]]:
    """Headers, control records and metadata records, in each version."""
    modules = ("headers", "control_records", "voters_record", "metadata_records")
    found: dict[str, type[Message]] = {}
    for name in modules:
        for value in vars(import_module(f"broker.wire.messages.{name}")).values():
            if isinstance(value, type) and issubclass(value, Message) and value is not Message:
                found[f"{value.__module__}.{value.__name__}"] = value
    kinds = [cls for cls in found.values() if cls.schema.kind != "struct"]
    return [(cls, version) for cls in kinds for version in versions_of(cls)]


def all_messages() -> list[tuple[type[Message], int]]:
    return api_messages() + other_messages()


def versions_of(cls: type[Message]) -> Iterator[int]:
    return iter(range(cls.schema.versions.low, cls.schema.versions.high + 1))


def name_of(case: object) -> str:
    """How pytest calls a case: ProduceRequest, 9."""
    return case.__name__ if isinstance(case, type) else str(case)


def messages(cls: type[Message], version: int, tags: bool = False) -> st.SearchStrategy[Message]:
    """Messages that this version can carry whole; with tags, also some that nobody knows."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        field.name: _values(field, version, tags)
        for field in cls.schema.fields
        if version in field.versions
    }
    if tags:
        unknown = st.dictionaries(st.integers(50, 300), st.binary(max_size=3), max_size=2)
        fields["unknown_tags"] = unknown
    return st.builds(cls, **fields)


def _values(field: Field, version: int, tags: bool) -> st.SearchStrategy[Any]:
    values = _BY_NAME.get(field.name)
    if values is None:
        values = _of_type(field.type, version, tags)
    if version in field.nullable:
        values = st.one_of(st.none(), values)
    if version in field.tagged:
        values = st.one_of(st.just(field.default), values)
    return values


def _of_type(kind: WireType, version: int, tags: bool) -> st.SearchStrategy[Any]:
    if kind.struct is not None:
        return messages(kind.struct, version, tags)
    if kind.element is not None:
        return st.lists(_of_type(kind.element, version, tags), max_size=2)
    if kind.kind in _BITS:
        return _integers(kind.kind)
    return {
        "bool": st.booleans(),
        "string": _TEXTS,
        "uuid": _UUIDS,
        "records": _RECORDS,
        "bytes": _RECORDS,
    }[kind.kind]


def _integers(kind: str) -> st.SearchStrategy[int]:
    """Numbers of a type, its limits among them."""
    bits = _BITS[kind]
    low = 0 if kind.startswith("u") else -(1 << bits - 1)
    return st.sampled_from([0, 1, low, low + (1 << bits) - 1, low // 3 + 100])
