"""The `kio` package as a second opinion: the same message as one of kio's entities.

kio generates a class for each message and version from Kafka's own declarations. It uses richer
types than the protocol has (time spans, times, enumerations), and leaves units out of names.
"""

from __future__ import annotations

import io
from dataclasses import Field, fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import kio.schema.errors
from kio.serial import entity_writer

from broker.wire.codegen import snake_case
from broker.wire.schema import Message

_PARTS = {"request": "request", "response": "response", "header": "header", "data": "data"}
_PACKAGES = {"KRaftVersionRecord": "k_raft_version_record"}


def encode(message: Message, version: int) -> bytes:
    """The bytes of a message, written by kio."""
    entity = _entity(message, _module(type(message), version))
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


def _module(cls: type[Message], version: int) -> Any:
    """kio's module for a message: kio.schema.produce.v9.request."""
    name = cls.__name__
    if cls.schema.kind in ("request", "response"):
        name = name.removesuffix("Request").removesuffix("Response")
    package = _PACKAGES.get(name, snake_case(name))
    return import_module(f"kio.schema.{package}.v{version}.{_PARTS[cls.schema.kind]}")


def _entity(message: Message, module: Any) -> Any:
    name = type(message).__name__
    # Where Kafka gives parts of request and response the same name, ours are called results.
    theirs = (name, name.replace("Result", "Data"), name.removesuffix("Result"))
    cls = next(getattr(module, each) for each in theirs if hasattr(module, each))
    return cls(**{field.name: _value(message, field, module) for field in fields(cls)})


def _value(message: Message, field: Field[Any], module: Any) -> Any:
    """The value of kio's field, from ours."""
    value = getattr(message, _our_name(message, field.name))
    kafka_type = field.metadata.get("kafka_type")
    if isinstance(value, list):
        return tuple(_convert(item, kafka_type, module) for item in value)
    return _convert(value, kafka_type, module)


def _our_name(message: Message, name: str) -> str:
    """kio says throttle_time where the protocol says throttle_time_ms."""
    name = name.replace("k_raft", "kraft")
    return name if hasattr(message, name) else f"{name}_ms"


def _convert(value: Any, kafka_type: str | None, module: Any) -> Any:
    if isinstance(value, Message):
        return _entity(value, module)
    if value is None:
        return None
    if kafka_type == "uuid":
        return UUID(bytes=value) if any(value) else None
    if kafka_type == "error_code":
        return kio.schema.errors.ErrorCode(value)
    if kafka_type == "timedelta_i32":
        return timedelta(milliseconds=value)
    if kafka_type == "datetime_i64":
        return (
            None if value == -1 else datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=value)
        )
    return value
