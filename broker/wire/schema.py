"""The language in which messages are declared.

A message is a class, and its declaration says everything there is to say about its bytes:

    @message(key=0, kind="request", versions="3-13", flexible="9+")
    class ProduceRequest(Message):
        transactional_id: str | None = string(nullable="3+", default=None)
        acks: int = int16()
        timeout_ms: int = int32()
        topic_data: list[TopicProduceData] = array(TopicProduceData)

One class serves all versions. A field that a version lacks has its default after reading, and is
left out in writing; if its value is *not* the default then, and the field is not `ignorable`,
writing fails, because the meaning of the message would be lost (Kafka does the same). So code that
handles messages never asks for the version.

What a field can say (the words are those of Kafka's own declarations):

    versions="13+"     the versions that have the field; all, if left out
    nullable="3+"      the versions in which it may be None
    default=-1         its value where it is absent; 0, "", an empty list... if left out
    ignorable=True     may be dropped silently in versions that lack it
    tag=0              it is optional on the wire, announced by this number (KIP-482)
    tagged="12+"       the versions in which it is so; all that have the field, if left out

Flexible versions (KIP-482) write lengths as varints and end every struct with tagged fields. Tags
that nobody here knows are kept in `unknown_tags`, and written back.

The objects are plain: slots, a constructor with keywords only, equality by value. They count as
immutable. mypy holds everybody to it; nothing is spent on it at run time. `replace` makes a changed
copy. How they become bytes is the business of `codec`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    dataclass_transform,
    overload,
)

from broker.wire.errors import ErrorCode
from broker.wire.primitives import ZERO_UUID, Buffer, uuid_text
from broker.wire.versions import ALL_VERSIONS, Versions

if TYPE_CHECKING:
    from typing import Self

NO_TAGS: Final[Mapping[int, bytes]] = MappingProxyType({})
"""The `unknown_tags` of nearly every object: one shared, empty, read-only mapping."""

Kind = Literal["request", "response", "header", "record", "data", "struct"]
"""What a class is: half of an API, a frame's header, a metadata record, other data, or a part."""


# -- messages and their parts ---------------------------------------------------------------------


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Declared:
    """Tells type checkers that annotated fields of subclasses make up their constructors."""

    __slots__ = ()


class Message(_Declared):
    """The base of messages and of the structs within them."""

    __slots__ = ("unknown_tags",)

    schema: ClassVar[Schema]
    """What the declaration said: `type(m).schema.key`, `.kind`, `.versions`, `.fields`..."""

    if TYPE_CHECKING:
        unknown_tags: Mapping[int, bytes] = NO_TAGS

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        values = _values_of(self.__class__)  # type: ignore[arg-type]  # its class can be hashed
        return bool(values(self) == values(other))

    def __repr__(self) -> str:
        """Only what differs from the defaults: most fields of most messages say nothing."""
        shown = (
            f"{field.name}={_show(field, getattr(self, field.name))}"
            for field in self.schema.fields
            if not field.is_default(getattr(self, field.name))
        )
        tags = [f"unknown_tags={dict(self.unknown_tags)}"] if self.unknown_tags else []
        return f"{type(self).__name__}({', '.join([*shown, *tags])})"

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed.

        A field's name that does not exist is a TypeError, as in the constructor.
        """
        return type(self)(**{n: getattr(self, n) for n in self.schema.slots} | changes)


@cache
def _values_of(cls: type[Message]) -> attrgetter[Any]:
    """What reads all of an object at once: writers compare tagged structs with their defaults."""
    return attrgetter(*cls.schema.slots)


@dataclass(frozen=True, slots=True)
class Schema:
    """A declaration, ready for the codec."""

    name: str
    kind: Kind
    key: int
    """The API key of a request or response, the type of a metadata record; otherwise -1."""
    versions: Versions
    flexible: Versions
    fields: tuple[Field, ...]

    @property
    def slots(self) -> tuple[str, ...]:
        """The attributes of an object: its fields, and the tags nobody knows."""
        return (*(field.name for field in self.fields), "unknown_tags")


@dataclass(frozen=True, slots=True)
class WireType:
    """How a value looks in bytes: a scalar, a struct, or an array of either."""

    kind: str
    struct: type[Message] | None = None
    element: WireType | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a declaration. (Where a field is declared the name is not known yet.)"""

    type: WireType
    default: Any
    versions: Versions
    nullable: Versions
    tag: int | None
    tagged: Versions
    flexible: Versions
    """Where lengths are compact, if the message is flexible too. One field needs this."""
    ignorable: bool
    name: str = ""

    def is_default(self, value: object) -> bool:
        """Whether leaving the value out loses nothing."""
        return value is None if self.default is None else bool(value == self.default)


# -- fields ---------------------------------------------------------------------------------------
#
# Each function declares a field of one type. Type checkers are told that it returns a value of that
# type, so that `acks: int = int16()` is what it says. Without a call, the function itself names the
# type of an array's elements: array(int32).

_V = TypeVar("_V")
_M = TypeVar("_M", bound=Message)


class Options(TypedDict, total=False):
    """What every field may say (the module's docstring explains the words)."""

    versions: str
    ignorable: bool
    tag: int
    tagged: str
    flexible: str


def _field(kind: WireType, default: object, nullable: str = "none", **says: Unpack[Options]) -> Any:
    versions = says.get("versions", "0+")
    tagged = says.get("tagged", versions) if "tag" in says else "none"
    return Field(
        type=kind,
        default=default,
        versions=Versions.parse(versions),
        nullable=Versions.parse(nullable),
        tag=says.get("tag"),
        tagged=Versions.parse(tagged),
        flexible=Versions.parse(says.get("flexible", "0+")),
        ignorable=says.get("ignorable", False),
    )


def boolean(default: bool = False, **options: Unpack[Options]) -> bool:
    """One byte: 0 is false."""
    return cast(bool, _field(WireType("bool"), default, **options))


def int8(default: int = 0, **options: Unpack[Options]) -> int:
    """A signed integer of one byte."""
    return cast(int, _field(WireType("int8"), default, **options))


def int16(default: int = 0, **options: Unpack[Options]) -> int:
    """A signed integer of two bytes."""
    return cast(int, _field(WireType("int16"), default, **options))


def uint16(default: int = 0, **options: Unpack[Options]) -> int:
    """An unsigned integer of two bytes: a port, in metadata records."""
    return cast(int, _field(WireType("uint16"), default, **options))


def int32(default: int = 0, **options: Unpack[Options]) -> int:
    """A signed integer of four bytes."""
    return cast(int, _field(WireType("int32"), default, **options))


def uint32(default: int = 0, **options: Unpack[Options]) -> int:
    """An unsigned integer of four bytes."""
    return cast(int, _field(WireType("uint32"), default, **options))


def int64(default: int = 0, **options: Unpack[Options]) -> int:
    """A signed integer of eight bytes."""
    return cast(int, _field(WireType("int64"), default, **options))


def float64(default: float = 0.0, **options: Unpack[Options]) -> float:
    """A floating-point number of eight bytes."""
    return cast(float, _field(WireType("float64"), default, **options))


def uuid(**options: Unpack[Options]) -> bytes:
    """An id: sixteen bytes, all zero for "none"."""
    return cast(bytes, _field(WireType("uuid"), ZERO_UUID, **options))


@overload
def string(default: str = "", **options: Unpack[Options]) -> str: ...
@overload
def string(
    default: str | None = "", *, nullable: str, **options: Unpack[Options]
) -> str | None: ...
def string(
    default: str | None = "", nullable: str = "none", **options: Unpack[Options]
) -> str | None:
    """A text of at most 32,767 bytes in UTF-8."""
    return cast("str | None", _field(WireType("string"), default, nullable, **options))


@overload
def byte_string(default: bytes = b"", **options: Unpack[Options]) -> bytes: ...
@overload
def byte_string(
    default: bytes | None = b"", *, nullable: str, **options: Unpack[Options]
) -> bytes | None: ...
def byte_string(
    default: bytes | None = b"", nullable: str = "none", **options: Unpack[Options]
) -> bytes | None:
    """Opaque bytes, copied out of the frame."""
    return cast("bytes | None", _field(WireType("bytes"), default, nullable, **options))


def record_set(*, nullable: str = "none", **options: Unpack[Options]) -> Buffer | None:
    """Record batches: opaque bytes, never copied. What is read is a view on the frame."""
    return cast("Buffer | None", _field(WireType("records"), None, nullable, **options))


def nested(part: type[_M], **options: Unpack[Options]) -> _M:
    """One struct within another."""
    return cast(_M, _field(WireType("struct", struct=part), part(), **options))


def nested_or_null(part: type[_M], *, nullable: str, **options: Unpack[Options]) -> _M | None:
    """One struct within another, None unless it is set."""
    return cast("_M | None", _field(WireType("struct", struct=part), None, nullable, **options))


@overload
def array(element: Callable[..., _V], **options: Unpack[Options]) -> list[_V]: ...
@overload
def array(
    element: Callable[..., _V],
    *,
    nullable: str,
    default: tuple[()] | None = (),
    **options: Unpack[Options],
) -> list[_V] | None: ...
def array(
    element: Callable[..., Any],
    *,
    nullable: str = "none",
    default: tuple[()] | None = (),
    **options: Unpack[Options],
) -> Any:
    """A list of structs, array(TopicProduceData), or of scalars, array(int32)."""
    if isinstance(element, type) and issubclass(element, Message):
        kind = WireType("struct", struct=element)
    else:
        kind = cast(Field, element()).type
    fresh: list[Any] | None = None if default is None else []
    return _field(WireType("array", element=kind), fresh, nullable, **options)


# -- declarations ---------------------------------------------------------------------------------

_registered: dict[tuple[Kind, int], type[Message]] = {}


def message(
    *, kind: Kind, versions: str, flexible: str = "none", key: int = -1
) -> Callable[[type[_M]], type[_M]]:
    """Declare a message: half of an API, a header, or a record."""

    def declare(cls: type[_M]) -> type[_M]:
        parsed = Versions.parse(versions)
        declared = _declare(cls, kind, key, parsed, Versions.parse(flexible))
        if key >= 0:
            _registered[kind, key] = declared
        return declared

    return declare


def struct(cls: type[_M]) -> type[_M]:
    """Declare a part of a message. It has the versions of the message that it is found in."""
    return _declare(cls, "struct", -1, ALL_VERSIONS, ALL_VERSIONS)


def registered(kind: Kind, key: int) -> type[Message] | None:
    """The message of a kind with this key, if its module has been imported."""
    return _registered.get((kind, key))


def _declare(
    cls: type[_M], kind: Kind, key: int, versions: Versions, flexible: Versions
) -> type[_M]:
    """Make the class anew, with slots instead of the declared fields, and a constructor."""
    body = dict(vars(cls))
    names = [name for name, value in body.items() if isinstance(value, Field)]
    fields = tuple(replace(body.pop(name), name=name) for name in names)
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__slots__"] = tuple(names)
    body["schema"] = Schema(cls.__name__, kind, key, versions, flexible, fields)
    body["__init__"] = _constructor(cls.__name__, fields)
    return cast("type[_M]", type(cls.__name__, cls.__bases__, body))


def _constructor(name: str, fields: tuple[Field, ...]) -> Callable[..., None]:
    """Write the constructor as source and compile it: much faster than a loop over keywords."""
    scope: dict[str, Any] = {"NO_TAGS": NO_TAGS}
    arguments, lines = ["self", "*"], []
    for field in fields:
        fresh_list = isinstance(field.default, list)
        scope[f"default_{field.name}"] = () if fresh_list else field.default
        arguments.append(f"{field.name}=default_{field.name}")
        value = field.name
        if fresh_list:
            value = f"[] if {field.name} is default_{field.name} else {field.name}"
        lines.append(f"    self.{field.name} = {value}\n")
    arguments.append("unknown_tags=NO_TAGS")
    lines.append("    self.unknown_tags = unknown_tags\n")
    exec(f"def __init__({', '.join(arguments)}):\n{''.join(lines)}", scope)
    constructor: Callable[..., None] = scope["__init__"]
    constructor.__qualname__ = f"{name}.__init__"
    return constructor


def _show(field: Field, value: object) -> str:
    """A value in the repr: ids as Kafka prints them, errors by name, bytes by their size."""
    if field.type.kind == "uuid" and isinstance(value, bytes):
        return uuid_text(value)
    if field.type.kind in ("records", "bytes") and value is not None:
        return f"<{len(cast(Buffer, value))} bytes>"
    if field.name.endswith("error_code") and value in _ERROR_CODES:
        return ErrorCode(value).name
    return repr(int(value)) if isinstance(value, int) and type(value) is not bool else repr(value)


_ERROR_CODES: Final = frozenset(map(int, ErrorCode))
