"""Messages to bytes and back.

    message = decode(ProduceRequest, 9, frame, pos)
    frame = encode(message, 9)

The work is done by functions that are generated from the declarations (`schema`), one for each
message and version, as Python source: `readers` and `writers` write it. It is compiled when a
message of that version is first met, since compiling all of them would delay the start by more
than a second. Anyone can look at it:

    print(describe("Produce", 9))

On the way in nothing but FrameError escapes, whatever the bytes are. On the way out a message that
cannot be written is an EncodeError that names the field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from broker.wire.codegen import Source
from broker.wire.errors import ConfigError, EncodeError, FrameError
from broker.wire.primitives import Buffer, read_uvarint, write_uvarint
from broker.wire.readers import ReaderSource
from broker.wire.schema import Kind, Message, registered
from broker.wire.writers import WriterSource

_M = TypeVar("_M", bound=Message)

Reader = Callable[[Buffer, int], tuple[Any, int]]
Writer = Callable[[Any, Callable[[Buffer], None]], None]

_readers: dict[tuple[type[Message], int], Reader] = {}
_writers: dict[tuple[type[Message], int], Writer] = {}

UNREADABLE = (struct.error, IndexError, UnicodeDecodeError)
"""How generated readers stumble when the data end too early, or a string is not UTF-8."""
_UNWRITABLE = (struct.error, TypeError, AttributeError, ValueError)
"""How generated writers stumble over a value that does not fit its field."""


# -- reading --------------------------------------------------------------------------------------


def decode(cls: type[_M], version: int, buf: Buffer, pos: int = 0) -> _M:
    """Read a message that takes up all of `buf` from `pos` on.

    Record batches within are views on `buf`.
    """
    message, end = read(cls, version, buf, pos)
    if end != len(buf):
        raise FrameError(f"{len(buf) - end} bytes are left over behind a {cls.__name__}")
    return message


def read(cls: type[_M], version: int, buf: Buffer, pos: int = 0) -> tuple[_M, int]:
    """Read a message from `pos` on; return it with the position behind it."""
    read_message = _readers.get((cls, version)) or reader(cls, version)
    try:
        result: tuple[_M, int] = read_message(buf, pos)
        return result
    except UNREADABLE as error:
        raise unreadable(cls, version, error) from None


def unreadable(cls: type[Message], version: int, error: Exception) -> FrameError:
    """What to raise when a reader has stumbled."""
    return FrameError(f"this is no {cls.__name__} of version {version}: {error}")


# -- writing --------------------------------------------------------------------------------------


def encode(message: Message, version: int) -> bytes:
    """The bytes of a message in a version."""
    pieces: list[Buffer] = []
    write(message, version, pieces)
    return join(pieces, message, version)


def write(message: Message, version: int, pieces: list[Buffer]) -> None:
    """Append the bytes of a message to a list of pieces, for the caller to join."""
    cls = type(message)
    write_message = _writers.get((cls, version)) or writer(cls, version)
    try:
        write_message(message, pieces.append)
    except _UNWRITABLE as error:
        raise _unwritable(message, version, error) from error


def join(pieces: list[Buffer], message: Message, version: int) -> bytes:
    """Make one of the pieces. Here it comes to light if what should be bytes is not."""
    try:
        return b"".join(pieces)
    except TypeError as error:
        raise _unwritable(message, version, error) from error


def _unwritable(message: Message, version: int, error: Exception) -> EncodeError:
    """What to raise when a writer has stumbled."""
    from broker.wire.diagnosis import find_fault

    fault = find_fault(message, version) or str(error)
    return EncodeError(f"version {version} of {type(message).__name__}: {fault}")


# -- generated code -------------------------------------------------------------------------------


def reader(cls: type[Message], version: int) -> Reader:
    """The function that reads a message of a version. It may raise FrameError or UNREADABLE."""
    if (cls, version) not in _readers:
        if version not in cls.schema.versions:
            raise FrameError(_unknown_version(cls, version))
        source = ReaderSource(cls, version)
        _readers[cls, version] = source.compile(source.entry)
    return _readers[cls, version]


def writer(cls: type[Message], version: int) -> Writer:
    """The function that writes a message of a version."""
    if (cls, version) not in _writers:
        if version not in cls.schema.versions:
            raise EncodeError(_unknown_version(cls, version))
        source = WriterSource(cls, version)
        _writers[cls, version] = source.compile(source.entry)
    return _writers[cls, version]


def _unknown_version(cls: type[Message], version: int) -> str:
    return f"{cls.__name__} has no version {version}; it has {cls.schema.versions}"


def source(cls: type[Message], version: int) -> str:
    """The Python source of the reader and the writer of a message in a version."""
    if version not in cls.schema.versions:
        raise ConfigError(_unknown_version(cls, version))
    parts: list[Source] = [ReaderSource(cls, version), WriterSource(cls, version)]
    formats = {name: text for part in parts for name, text in part.structs.items()}
    lines = [
        f'{name} = struct.Struct("{text}").{"pack" if name.startswith("pack") else "unpack_from"}'
        for name, text in sorted(formats.items())
    ]
    return "\n\n\n".join(["\n".join(lines), *(part.text().rstrip() for part in parts)]).lstrip()


def describe(name: str, version: int) -> str:
    """What `broker codec NAME VERSION` prints: the source for an API, or for one message.

    A name that is not known is a ConfigError, and so is a version.
    """
    parts = []
    for cls in messages_named(name):
        title = f"# {cls.__name__}, version {version} of {cls.schema.versions}"
        parts.append(f"{title}\n\n{source(cls, version)}\n")
    return "\n\n".join(parts)


# -- the registry ---------------------------------------------------------------------------------


def message_class(kind: Kind, key: int) -> type[Message]:
    """The class for an API key, or for the type of a metadata record. FrameError if unknown.

    Its module is imported now if it has not been.
    """
    cls = registered(kind, key)
    if cls is None:
        from broker.wire.messages import APIS

        if kind == "record":
            import_module("broker.wire.messages.metadata_records")
        elif key in APIS:
            import_module(f"broker.wire.messages.{APIS[key][1]}")
        cls = registered(kind, key)
    if cls is None:
        raise FrameError(f"{kind} with unknown key {key}")
    return cls


def messages_named(name: str) -> list[type[Message]]:
    """The messages of an API ("Produce"), or the one of this name ("ProduceRequest").

    ConfigError if there is none.
    """
    from broker.wire.messages import APIS

    for key, (api, _) in APIS.items():
        if name in (api, f"{api}Request", f"{api}Response"):
            both = [message_class("request", key), message_class("response", key)]
            return [cls for cls in both if name in (api, cls.__name__)]
    for module in ("headers", "metadata_records", "control_records", "voters_record"):
        cls = getattr(import_module(f"broker.wire.messages.{module}"), name, None)
        if isinstance(cls, type) and issubclass(cls, Message) and cls.schema.kind != "struct":
            return [cls]
    known = ", ".join(sorted(api for api, _ in APIS.values()))
    raise ConfigError(f"no API or record is called {name!r}; APIs are {known}")


# -- messages within records ----------------------------------------------------------------------

_FRAME_VERSION = 1
"""The version of the envelope of metadata records. There has been no other."""
_VERSION = struct.Struct(">h")


def encode_metadata_record(message: Message, version: int) -> bytes:
    """The value of a record in `__cluster_metadata`: envelope version, type, version, body.

    All three are unsigned varints (Kafka's AbstractApiMessageSerde).
    """
    pieces: list[Buffer] = [
        write_uvarint(_FRAME_VERSION),
        write_uvarint(message.schema.key),
        write_uvarint(version),
    ]
    write(message, version, pieces)
    return join(pieces, message, version)


def decode_metadata_record(buf: Buffer) -> tuple[Message, int]:
    """The inverse: a record's value -> (message, version)."""
    frame_version, pos = read_uvarint(buf, 0)
    if frame_version != _FRAME_VERSION:
        raise FrameError(f"a metadata record in an envelope of unknown version {frame_version}")
    key, pos = read_uvarint(buf, pos)
    version, pos = read_uvarint(buf, pos)
    return decode(message_class("record", key), version, buf, pos), version


def decode_control_value(control_type: int, value: Buffer) -> Message | None:
    """What the value of a control record says (`records.ControlType` is the type in its key).

    None for a type that is not known here: such records come from newer brokers, and are skipped.
    """
    from broker.wire.messages.control_records import CONTROL_MESSAGES

    cls = CONTROL_MESSAGES.get(control_type)
    if cls is None:
        return None
    if len(value) < _VERSION.size:
        raise FrameError(f"{len(value)} bytes are too few for a control record")
    # Each begins with its version. Most have a field for that, the end of a transaction has not.
    (version,) = _VERSION.unpack_from(value)
    has_field = cls.schema.fields[0].name == "version"
    return decode(cls, version, value, 0 if has_field else _VERSION.size)
