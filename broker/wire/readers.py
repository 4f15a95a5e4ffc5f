"""The generator of readers: a declaration and a version become a function (buf, pos) -> object.

For a flexible version with a string, two integers and an array it writes:

    size = buf[pos]
    pos += 1
    if 0 < size < 128:
        request.name = TEXT[size - 1](buf, pos)[0].decode()
        pos += size - 1
    else:
        request.name, pos = compact_text(buf, pos - 1)
    request.acks, request.timeout_ms, count = unpack_hiB(buf, pos)
    pos += 7
    if count > 127:
        count, pos = read_uvarint(buf, pos - 1)
    count -= 1
    if not 0 <= count * 5 <= limit - pos:
        raise bad_length("topics", count, limit - pos)
    ...

The input may be hostile, so nothing in it is believed. A count is compared with the bytes that are
left before anything is made from it: that is what the 5 is for, the least that an element takes.
Where a fixed run passes the end of the data, `struct` notices, and where a single byte does,
indexing does; `codec` turns both into a FrameError. A slice would *not* notice, and so each length
is compared with the limit, except where TEXT, a table of formats "0s", "1s"... reads a short string
and checks it in the same step.
"""

from __future__ import annotations

import struct
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from broker.wire.codegen import FIXED, Source, element_field
from broker.wire.errors import FrameError
from broker.wire.primitives import MAX_STRING_BYTES, ZERO_UUID, Buffer, read_uvarint
from broker.wire.schema import NO_TAGS, Field, Message, WireType


class ReaderSource(Source):
    """Writes the reader of one message in one version."""

    def __init__(self, cls: type[Message], version: int) -> None:
        super().__init__(cls, version, _SCOPE)
        self.entry = f"read_{cls.__name__}"
        with self.block(f"def {self.entry}(buf, pos):"):
            self.line("limit = len(buf)")
            if _has_records(cls):
                self.line("view = memoryview(buf)")
            self.line(f"return {self._object(cls)}, pos")

    def _object(self, cls: type[Message]) -> str:
        """Make an object, fill its fields, and return the variable that holds it."""
        var = self.name_of(cls)
        self.line(f"{var} = new({self.class_name(cls)})")
        for field in [*self.absent(cls), *self.tagged(cls)]:
            self.line(f"{var}.{field.name} = {self.default(cls, field)}")
        self.line(f"{var}.unknown_tags = NO_TAGS")
        for field in self.present(cls):
            self._field(field, f"{var}.{field.name}")
        if self.flexible:
            self._tags(cls, var)
        self._flush()
        return var

    # -- runs of fixed size

    def _fixed(self, formats: str, target: str) -> None:
        self.run.append((formats, target))

    def _flush(self) -> None:
        """Read the run that has come together."""
        if not self.run:
            return
        formats = "".join(f for f, _ in self.run)
        targets = [target for _, target in self.run]
        if formats == "B":
            self.line(f"{targets[0]} = buf[pos]")
        elif len(targets) == 1:
            self.line(f"({targets[0]},) = {self.struct_name('unpack', formats)}(buf, pos)")
        else:
            call = f"{self.struct_name('unpack', formats)}(buf, pos)"
            self.items(f"{', '.join(targets)} = {call}", "(", targets, f") = {call}")
        self.line(f"pos += {struct.calcsize('>' + formats)}")
        self.run = []

    # -- one field

    def _field(self, field: Field, target: str, tagged: bool = False) -> None:
        """Read one field into `target`."""
        kind = field.type.kind
        if kind in FIXED:
            self._fixed(FIXED[kind], target)
        elif kind == "string":
            self._string(field, target)
        elif kind == "struct":
            self._struct(field, target, tagged)
        elif kind == "array":
            self._array(field, target)
        else:
            self._bytes(field, target)

    def _string(self, field: Field, target: str) -> None:
        compact, nullable = self.compact(field), self.nullable(field)
        self._fixed("B" if compact else "h", "size")
        self._flush()
        length = "size - 1" if compact else "size"
        with self.block("if 0 < size < 128:" if compact else "if 0 <= size < 128:"):
            self.line(f"{target} = TEXT[{length}](buf, pos)[0].decode()")
            self.line(f"pos += {length}")
        if nullable:
            with self.block("elif size == 0:" if compact else "elif size < 0:"):
                self.line(f"{target} = None")
        with self.block("else:"):
            call = "compact_text(buf, pos - 1)" if compact else "long_text(buf, pos, size)"
            self.line(f"{target}, pos = {call}")

    def _bytes(self, field: Field, target: str) -> None:
        """Bytes are copied out of the frame. Records are a view on it."""
        self._length(field, "size")
        with self._unless_null(field, "size", target):
            self.line("end = pos + size")
            with self.block("if not pos <= end <= limit:"):
                self.line(f'raise bad_length("{field.name}", size, limit - pos)')
            records = field.type.kind == "records"
            self.line(f"{target} = {'view[pos:end]' if records else 'bytes(buf[pos:end])'}")
            self.line("pos = end")

    def _struct(self, field: Field, target: str, tagged: bool) -> None:
        assert field.type.struct is not None
        if not self.nullable(field):
            self.line(f"{target} = {self._object(field.type.struct)}")
            return
        self._fixed("B" if tagged else "b", "size")
        self._flush()
        with self.block("if size == 0:" if tagged else "if size < 0:"):
            self.line(f"{target} = None")
        with self.block("else:"):
            self.line(f"{target} = {self._object(field.type.struct)}")

    def _array(self, field: Field, target: str) -> None:
        element = field.type.element
        assert element is not None
        self._length(field, "count")
        with self._unless_null(field, "count", target):
            with self.block(f"if not 0 <= count * {self._least(element)} <= limit - pos:"):
                self.line(f'raise bad_length("{field.name}", count, limit - pos)')
            if element.kind in FIXED and element.kind != "uuid":
                self._numbers(element, target)
            else:
                self._elements(field, element, target)

    def _numbers(self, element: WireType, target: str) -> None:
        """All numbers of an array in one call."""
        letter = FIXED[element.kind]
        self.line(f'{target} = list(unpack_from(f">{{count}}{letter}", buf, pos))')
        self.line(f"pos += count * {struct.calcsize('>' + letter)}")

    def _elements(self, field: Field, element: WireType, target: str) -> None:
        """The elements of an array, one after the other."""
        values = self.name(field.name)
        self.line(f"{values} = {target} = []")
        with self.block("for _ in range(count):"):
            if element.struct is not None:
                self.line(f"{values}.append({self._object(element.struct)})")
                return
            value = self.name("value")
            self._field(element_field(field, element), value)
            self._flush()
            self.line(f"{values}.append({value})")

    # -- lengths

    def _length(self, field: Field, name: str) -> None:
        """Read a length into a variable, -1 for null."""
        if not self.compact(field):
            self._fixed("i", name)
            self._flush()
            return
        self._fixed("B", name)
        self._flush()
        with self.block(f"if {name} > 127:"):
            self.line(f"{name}, pos = read_uvarint(buf, pos - 1)")
        self.line(f"{name} -= 1")

    def _unless_null(self, field: Field, name: str, target: str) -> AbstractContextManager[None]:
        """What follows is for a field that is not null."""
        if not self.nullable(field):
            return nullcontext()
        with self.block(f"if {name} < 0:"):
            self.line(f"{target} = None")
        return self.block("else:")

    def _least(self, kind: WireType) -> int:
        """The fewest bytes that a value of this type can take in this version."""
        if kind.kind in FIXED:
            return struct.calcsize(">" + FIXED[kind.kind])
        if kind.struct is None:
            return 1 if self.flexible else 2 if kind.kind == "string" else 4
        least = sum(
            1 if f.type.kind == "struct" and self.nullable(f) else self._least(f.type)
            for f in self.present(kind.struct)
        )
        return max(1, least + self.flexible)

    # -- tagged fields

    def _tags(self, cls: type[Message], var: str) -> None:
        """Every struct of a flexible version ends in a count of tagged fields, nearly always 0."""
        self._fixed("B", "tags")
        self._flush()
        with self.block("if tags:"):
            if self.tagged(cls):
                self.line(f"pos = {self._tag_reader(cls)}({var}, buf, pos - 1)")
            else:
                self.line(f"{var}.unknown_tags, pos = unknown_tags(buf, pos - 1)")

    def _tag_reader(self, cls: type[Message]) -> str:
        """Write the function that reads the tagged fields of a struct; return its name."""
        name, var = f"read_tags_of_{cls.__name__}", "obj"
        if name in self.scope:
            return name
        self.scope[name] = None
        with self.function(f"def {name}({var}, buf, pos):"):
            self.line("limit = len(buf)")
            self.line("unknown = {}")
            self.line("count, pos = read_uvarint(buf, pos)")
            with self.block("for _ in range(count):"):
                self.line("tag, pos, tag_end = read_tag(buf, pos)")
                for i, field in enumerate(self.tagged(cls)):
                    with self.block(f"{'elif' if i else 'if'} tag == {field.tag}:"):
                        self._field(field, f"{var}.{field.name}", tagged=True)
                        self._flush()
                with self.block("else:"):
                    self.line("unknown[tag] = bytes(buf[pos:tag_end])")
                    self.line("pos = tag_end")
                with self.block("if pos != tag_end:"):
                    self.line("raise bad_tag(tag, tag_end - pos)")
            self.line(f"{var}.unknown_tags = unknown or NO_TAGS")
            self.line("return pos")
        return name


def _has_records(cls: type[Message]) -> bool:
    """Whether record batches lie anywhere within."""
    for field in cls.schema.fields:
        part = field.type.struct or (field.type.element and field.type.element.struct)
        if field.type.kind == "records" or (part and _has_records(part)):
            return True
    return False


# -- what generated readers call ------------------------------------------------------------------

_TEXT: Final = tuple(struct.Struct(f"{n}s").unpack_from for n in range(128))


def _bad_length(field: str, length: int, left: int) -> FrameError:
    if length < 0:
        return FrameError(f"{field} is null, and may not be")
    return FrameError(f"{field} claims {length} bytes or elements, {left} bytes are left")


def _bad_tag(tag: int, off: int) -> FrameError:
    return FrameError(
        f"the tagged field {tag} is {abs(off)} bytes {'short' if off > 0 else 'long'}"
    )


def _long_text(buf: Buffer, pos: int, size: int) -> tuple[str, int]:
    """Read a string whose length is not that of a short one: long, or null where it may not be."""
    end = pos + size
    if not pos <= end <= len(buf):
        raise _bad_length("a string", size, len(buf) - pos)
    return str(buf[pos:end], "utf-8"), end


def _compact_text(buf: Buffer, pos: int) -> tuple[str, int]:
    size, pos = read_uvarint(buf, pos)
    if size - 1 > MAX_STRING_BYTES:
        raise FrameError(f"a string of {size - 1} bytes is longer than {MAX_STRING_BYTES}")
    return _long_text(buf, pos, size - 1)


def _read_tag(buf: Buffer, pos: int) -> tuple[int, int, int]:
    """The head of a tagged field: its tag, where it begins, where it ends."""
    tag, pos = read_uvarint(buf, pos)
    size, pos = read_uvarint(buf, pos)
    if size > len(buf) - pos:
        raise _bad_length(f"the tagged field {tag}", size, len(buf) - pos)
    return tag, pos, pos + size


def _unknown_tags(buf: Buffer, pos: int) -> tuple[dict[int, bytes], int]:
    """Tagged fields that nobody here knows: from a newer peer. They are kept."""
    unknown = {}
    count, pos = read_uvarint(buf, pos)
    for _ in range(count):
        tag, pos, end = _read_tag(buf, pos)
        unknown[tag] = bytes(buf[pos:end])
        pos = end
    return unknown, pos


_SCOPE: Final[dict[str, Any]] = {
    "NO_TAGS": NO_TAGS,
    "TEXT": _TEXT,
    "ZERO_UUID": ZERO_UUID,
    "bad_length": _bad_length,
    "bad_tag": _bad_tag,
    "compact_text": _compact_text,
    "long_text": _long_text,
    "new": object.__new__,
    "read_tag": _read_tag,
    "read_uvarint": read_uvarint,
    "unknown_tags": _unknown_tags,
    "unpack_from": struct.unpack_from,
}
