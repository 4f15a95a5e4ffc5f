"""Why a message cannot be written: which field is at fault, and what is wrong with it.

Generated writers do not look at values; they just fail, with whatever Python says ("required
argument is not an integer"). That is fast, and useless to read. So when one has failed, this module
walks through the message the slow way, and finds the words.
"""

from __future__ import annotations

from typing import Any, Final

from broker.wire.primitives import MAX_STRING_BYTES
from broker.wire.schema import Field, Message, WireType

_RANGES: Final = {
    "int8": (-(1 << 7), (1 << 7) - 1),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "uint16": (0, (1 << 16) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}


def find_fault(message: Message, version: int) -> str | None:
    """The first thing wrong with a message, as "topic_data[0].name must not be null"."""
    for field in message.schema.fields:
        if version in field.versions:
            fault = _fault_of_field(field, getattr(message, field.name, None), version)
            if fault:
                return fault
    return None


def _fault_of_field(field: Field, value: Any, version: int) -> str | None:
    if value is not None:
        return _fault(field.type, field.name, value, version)
    return None if version in field.nullable else f"{field.name} must not be null"


def _fault(kind: WireType, where: str, value: Any, version: int) -> str | None:
    """What is wrong with a value, if anything."""
    if kind.struct is not None:
        if not isinstance(value, kind.struct):
            return f"{where} must be a {kind.struct.__name__}, not {value!r}"
        inner = find_fault(value, version)
        return f"{where}.{inner}" if inner else None
    if kind.element is not None:
        if not isinstance(value, list | tuple):
            return f"{where} must be a list, not {value!r}"
        faults = (_fault(kind.element, f"{where}[{i}]", v, version) for i, v in enumerate(value))
        return next((fault for fault in faults if fault), None)
    return _fault_of_scalar(kind.kind, where, value)


def _fault_of_scalar(kind: str, where: str, value: Any) -> str | None:
    if kind in _RANGES:
        low, high = _RANGES[kind]
        fits = isinstance(value, int) and low <= value <= high
        return None if fits else f"{where} must be an {kind} ({low} to {high}), not {value!r}"
    if kind == "string":
        return _fault_of_string(where, value)
    if kind in ("bytes", "records", "uuid"):
        fits = isinstance(value, bytes | bytearray | memoryview)
        return None if fits else f"{where} must be bytes, not {value!r}"
    return None


def _fault_of_string(where: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return f"{where} must be a string, not {value!r}"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return f"{where} holds characters that UTF-8 cannot express: {value!r}"
    if size > MAX_STRING_BYTES:
        return f"{where} has {size} bytes, a string may have {MAX_STRING_BYTES}"
    return None
