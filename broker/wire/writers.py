"""The generator of writers: a declaration and a version become a function (object, append).

The function appends pieces to a list, and whoever called joins the list once: a megabyte of records
is copied a single time, into the frame that leaves. For a flexible version with two integers, a
string and an array it writes:

    raw = request.name.encode()
    size = len(raw) + 1
    append(pack_hi(request.acks, request.timeout_ms))
    append(SMALL[size] if size < 128 else text_size(size))
    append(raw)
    topics = request.topics
    size = len(topics) + 1
    append(SMALL[size] if size < 128 else write_uvarint(size))
    for topic in topics:
        ...

What cannot be written makes Python complain somewhere (a number too large for its format, None
where a string is due); `codec` then looks for the field at fault, and names it. Only what would go
unnoticed is checked here: ids of the wrong length, and values that this version would lose.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from broker.wire.codegen import FIXED, Source, element_field
from broker.wire.errors import EncodeError
from broker.wire.primitives import MAX_STRING_BYTES, ZERO_UUID, write_uvarint
from broker.wire.schema import Field, Message


class WriterSource(Source):
    """Writes the writer of one message in one version."""

    def __init__(self, cls: type[Message], version: int) -> None:
        super().__init__(cls, version, _SCOPE)
        self.entry = f"write_{cls.__name__}"
        var = self.name_of(cls)
        with self.block(f"def {self.entry}({var}, append):"):
            self._object(cls, var)

    def _object(self, cls: type[Message], var: str) -> None:
        """Write an object's fields."""
        for field in self.absent(cls):
            if not field.ignorable:
                self._refuse_to_lose(cls, field, var)
        for field in self.present(cls):
            self._field(field, f"{var}.{field.name}")
        if self.flexible:
            self._tags(cls, var)
        else:
            with self.block(f"if {var}.unknown_tags:"):
                self.line(f'raise would_lose("{cls.__name__}", "unknown_tags", {self.version})')
        self._flush()

    def _refuse_to_lose(self, cls: type[Message], field: Field, var: str) -> None:
        with self.block(f"if {self._is_set(cls, field, var)}:"):
            self.line(f'raise would_lose("{cls.__name__}", "{field.name}", {self.version})')

    def _is_set(self, cls: type[Message], field: Field, var: str) -> str:
        """An expression: whether the field's value is not its default."""
        value, default = f"{var}.{field.name}", self.default(cls, field)
        if field.default is None:
            return f"{value} is not None"
        if field.type.kind == "struct":
            return f"{value} is not {default} and {value} != {default}"
        if isinstance(field.default, bool):
            return f"not {value}" if field.default else value
        return f"{value} != {default}"

    # -- runs of fixed size

    def _fixed(self, formats: str, value: str) -> None:
        self.run.append((formats, value))

    def _flush(self) -> None:
        """Write the run that has come together."""
        if self.run:
            formats = "".join(f for f, _ in self.run)
            values = [value for _, value in self.run]
            start = f"append({self.struct_name('pack', formats)}("
            self.items(f"{start}{', '.join(values)}))", start, values, "))")
            self.run = []

    # -- one field

    def _field(self, field: Field, value: str, tagged: bool = False) -> None:
        """Write one field, the value of which is an expression."""
        kind = field.type.kind
        if kind == "uuid":
            with self.block(f"if len({value}) != 16:"):
                self.line(f'raise not_an_id("{field.name}", {value})')
        if kind in FIXED:
            self._fixed(FIXED[kind], value)
        elif kind == "struct":
            self._struct(field, value, tagged)
        elif not self.nullable(field):
            self._sized(field, value)
        else:
            self._flush()
            with self.block(f"if {value} is None:"):
                self.line(f"append({self._null(field)})")
            with self.block("else:"):
                self._sized(field, value)
                self._flush()

    def _null(self, field: Field) -> str:
        if self.compact(field):
            return r'b"\0"'
        return r'b"\xff\xff"' if field.type.kind == "string" else r'b"\xff\xff\xff\xff"'

    def _sized(self, field: Field, value: str) -> None:
        """Write what begins with its length."""
        if field.type.kind == "string":
            self.line(f"raw = {value}.encode()")
            self._length(field, "raw")
            self.line("append(raw)")
        elif field.type.kind == "array":
            self._array(field, value)
        else:
            self._length(field, value)
            self.line(f"append({value})")

    def _length(self, field: Field, value: str) -> None:
        text = field.type.kind == "string"
        if not self.compact(field):
            self._fixed("h" if text else "i", f"len({value})")
            self._flush()
            return
        self._flush()
        long = "text_size" if text else "write_uvarint"
        self.line(f"size = len({value}) + 1")
        self.line(f"append(SMALL[size] if size < 128 else {long}(size))")

    def _array(self, field: Field, value: str) -> None:
        element = field.type.element
        assert element is not None
        values = self.name(field.name)
        self.line(f"{values} = {value}")
        self._length(field, values)
        if element.kind in FIXED and element.kind != "uuid":
            self.line(f'append(pack(f">{{len({values})}}{FIXED[element.kind]}", *{values}))')
            return
        item = self.name_of(element.struct) if element.struct else self.name("value")
        with self.block(f"for {item} in {values}:"):
            if element.struct:
                self._object(element.struct, item)
            else:
                self._field(element_field(field, element), item)
                self._flush()

    def _struct(self, field: Field, value: str, tagged: bool) -> None:
        assert field.type.struct is not None
        if not self.nullable(field):
            self._object(field.type.struct, self._bound(field.type.struct, value))
            return
        self._flush()
        with self.block(f"if {value} is None:"):
            self.line(r'append(b"\0")' if tagged else r'append(b"\xff")')
        with self.block("else:"):
            self.line(r'append(b"\1")')
            self._object(field.type.struct, self._bound(field.type.struct, value))

    def _bound(self, cls: type[Message], value: str) -> str:
        """A local variable for an object, instead of a chain of attributes."""
        var = self.name_of(cls)
        self.line(f"{var} = {value}")
        return var

    # -- tagged fields

    def _tags(self, cls: type[Message], var: str) -> None:
        """Nearly always there is nothing to write but the count, 0."""
        self._flush()
        set_fields = [self._is_set(cls, field, var) for field in self.tagged(cls)]
        with self.block(f"if {' or '.join([f'{var}.unknown_tags', *set_fields])}:"):
            if set_fields:
                self.line(f"{self._tag_writer(cls)}({var}, append)")
            else:
                self.line(f"append(tagged_fields({var}.unknown_tags))")
        with self.block("else:"):
            self.line(r'append(b"\0")')

    def _tag_writer(self, cls: type[Message]) -> str:
        """Write the function that writes the tagged fields of a struct; return its name."""
        name, var = f"write_tags_of_{cls.__name__}", "obj"
        if name in self.scope:
            return name
        self.scope[name] = None
        with self.function(f"def {name}({var}, append_all):"):
            self.line(f"fields = dict({var}.unknown_tags)")
            for field in self.tagged(cls):
                with self.block(f"if {self._is_set(cls, field, var)}:"):
                    self.line("pieces = []")
                    self.line("append = pieces.append")
                    self._field(field, f"{var}.{field.name}", tagged=True)
                    self._flush()
                    self.line(f'fields[{field.tag}] = b"".join(pieces)')
            self.line("append_all(tagged_fields(fields))")
        return name


# -- what generated writers call ------------------------------------------------------------------

_SMALL: Final = tuple(bytes([n]) for n in range(128))


def _would_lose(struct_name: str, field: str, version: int) -> EncodeError:
    return EncodeError(f"{struct_name}.{field} is set, and version {version} has no such field")


def _not_an_id(field: str, value: bytes) -> EncodeError:
    return EncodeError(f"{field} must be 16 bytes, not {len(value)}")


def _text_size(size: int) -> bytes:
    """The length of a long string, plus 1."""
    if size - 1 > MAX_STRING_BYTES:
        raise EncodeError(f"a string of {size - 1} bytes is longer than {MAX_STRING_BYTES}")
    return write_uvarint(size)


def _tagged_fields(fields: Mapping[int, bytes]) -> bytes:
    """The tagged fields of a struct, in the order of their tags as KIP-482 asks."""
    out = [write_uvarint(len(fields))]
    for tag, value in sorted(fields.items()):
        out += write_uvarint(tag), write_uvarint(len(value)), value
    return b"".join(out)


_SCOPE: Final[dict[str, Any]] = {
    "SMALL": _SMALL,
    "ZERO_UUID": ZERO_UUID,
    "not_an_id": _not_an_id,
    "pack": struct.pack,
    "tagged_fields": _tagged_fields,
    "text_size": _text_size,
    "would_lose": _would_lose,
    "write_uvarint": write_uvarint,
}
