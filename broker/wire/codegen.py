"""Writing Python with Python: what the generators of readers and writers have in common.

A message's declaration could be interpreted field by field, each time a message passes. Kafka's
messages are small and many, so the interpreter would take longer than the work itself. Instead the
declaration is turned into a function, once for each version that is met, and the function does
only what has to be done: no loop over fields, no question about versions.

The biggest gain is in *runs*. Fields of fixed size that follow each other are one call of a
precompiled `struct.Struct`: acks and timeout are `unpack_hi(buf, pos)`. Even the first byte of a
length goes into the run before it, because most lengths fit into one byte.
"""

from __future__ import annotations

import linecache
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from broker.wire.schema import Field, Message, WireType
from broker.wire.versions import NO_VERSIONS

FIXED: Final = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "float64": "d",
    "uuid": "16s",
}
"""The types of fixed size, and what the struct module calls them."""

_LINE_WIDTH: Final = 100

_RESERVED: Final = {
    *("append", "append_all", "buf", "count", "end", "fields", "limit", "obj", "pieces", "pos"),
    *("raw", "size", "tag", "tag_end", "tags", "unknown", "view"),
}
"""Local variables that generated code uses for its own ends."""


class Source:
    """Source code in the making, and the names that it will see when it runs."""

    def __init__(self, cls: type[Message], version: int, scope: dict[str, Any]) -> None:
        self.cls = cls
        self.version = version
        self.flexible = version in cls.schema.flexible
        self.scope = dict(scope)
        self.structs: dict[str, str] = {}
        """Precompiled formats in use: name -> format."""
        self.run: list[tuple[str, str]] = []
        """The run in the making: (format character, expression)."""
        self._lines: list[str] = []
        self._before: list[str] = []
        self._indent = 0
        self._names: set[str] = set()

    # -- lines and blocks

    def line(self, text: str) -> None:
        """One line at the present indentation."""
        self._lines.append("    " * self._indent + text)

    def items(self, flat: str, before: str, items: list[str], after: str) -> None:
        """A statement with a list of items: on one line if it fits, else with a line for each."""
        if 4 * self._indent + len(flat) <= _LINE_WIDTH:
            self.line(flat)
            return
        self.line(before)
        for item in items:
            self.line(f"    {item},")
        self.line(after)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A line that ends in a colon, and what it governs."""
        self.line(head)
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def function(self, head: str) -> Iterator[None]:
        """A function of its own, put before the one in the making."""
        saved = self._lines, self._indent, self._names, self.run
        self._lines, self._indent, self._names, self.run = [], 0, set(), []
        with self.block(head):
            yield
        self._before += [*self._lines, "", ""]
        self._lines, self._indent, self._names, self.run = saved

    def text(self) -> str:
        """All that was written."""
        return "\n".join([*self._before, *self._lines]) + "\n"

    # -- names

    def name(self, wanted: str) -> str:
        """A local variable of (nearly) this name, used nowhere else in the function."""
        name, n = wanted, 2
        while name in self._names or name in _RESERVED:
            name, n = f"{wanted}_{n}", n + 1
        self._names.add(name)
        return name

    def name_of(self, cls: type[Message]) -> str:
        """A local variable for an object: topic_produce_data for a TopicProduceData."""
        return self.name(snake_case(cls.__name__))

    def constant(self, name: str, value: object) -> str:
        """Give the generated code a value under a name."""
        self.scope[name] = value
        return name

    def class_name(self, cls: type[Message]) -> str:
        """Give the generated code a class."""
        return self.constant(cls.__name__, cls)

    def struct_name(self, verb: str, formats: str) -> str:
        """Give the generated code the precompiled format for a run, as unpack_hi or pack_hi."""
        name = f"{verb}_{formats.replace('?', 'o')}"
        if name not in self.structs:
            compiled = struct.Struct(f">{formats}")
            self.scope[name] = compiled.pack if verb == "pack" else compiled.unpack_from
            self.structs[name] = f">{formats}"
        return name

    # -- fields

    def present(self, cls: type[Message]) -> list[Field]:
        """The fields that this version always has, in order."""
        return [
            field
            for field in cls.schema.fields
            if self.version in field.versions and self.version not in field.tagged
        ]

    def tagged(self, cls: type[Message]) -> list[Field]:
        """The fields that this version may have, by tag."""
        if not self.flexible:
            return []
        fields = [f for f in cls.schema.fields if self.version in f.versions]
        return sorted(
            (f for f in fields if self.version in f.tagged), key=lambda field: field.tag or 0
        )

    def absent(self, cls: type[Message]) -> list[Field]:
        """The fields that this version lacks."""
        return [field for field in cls.schema.fields if self.version not in field.versions]

    def compact(self, field: Field) -> bool:
        """Whether the field's length is a varint in this version."""
        return self.flexible and self.version in field.flexible

    def nullable(self, field: Field) -> bool:
        """Whether the field may be null in this version."""
        return self.version in field.nullable

    def default(self, cls: type[Message], field: Field) -> str:
        """An expression for the field's default."""
        if isinstance(field.default, list):
            return "[]"
        if field.type.kind == "struct" and field.default is not None:
            return self.constant(f"default_{field.default.__class__.__name__}", field.default)
        if field.type.kind == "uuid":
            return "ZERO_UUID"
        return repr(field.default)

    # -- the end

    def compile(self, entry: str) -> Any:
        """Compile the source and return the function of this name.

        The lines are left where tracebacks and debuggers look for them.
        """
        text = self.text()
        file_name = f"<{entry} v{self.version}>"
        linecache.cache[file_name] = (len(text), None, text.splitlines(keepends=True), file_name)
        exec(compile(text, file_name, "exec"), self.scope)
        return self.scope[entry]


def snake_case(name: str) -> str:
    """TopicProduceData -> topic_produce_data."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def element_field(field: Field, element: WireType) -> Field:
    """An element of an array, as a field of its own: it is never null."""
    return replace(field, type=element, nullable=NO_VERSIONS, tag=None, tagged=NO_VERSIONS)
