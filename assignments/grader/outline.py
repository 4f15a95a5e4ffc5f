"""YAML as an outline: names, texts and their line numbers, and nothing else.

A YAML file can do much more than a design needs. Tags build objects, anchors and aliases make a
small file expand to gigabytes, and unquoted words turn into numbers, dates and truths by rules
that few people know (`no` is false, `1:30` is ninety). None of that happens here: PyYAML's safe
loader is only asked for the *events* of the text, the same that a highlighter would want, and this
module stops at the first one that has no business in a design. Every value stays the text that was
written. What it means is for the assignment to say, which also knows how to say what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from assignments.grader.complaints import FIRST_LINE, explained
from assignments.grader.words import quoted

DEPTH_MAX = 8
VALUES_MAX = 1_000
"""A design has forty; a stranger's file is given up early."""


class OutlineError(Exception):
    """The text is no YAML, or more YAML than we want: where, what is wrong, what would be right."""

    def __init__(self, line: int, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.line = line
        self.wrong = wrong
        self.right = right


@dataclass
class Text:
    """A value, as it was written."""

    text: str
    line: int


@dataclass
class Items:
    """A list: designs have none, but people write them."""

    line: int
    items: list[Outline] = field(default_factory=list)


@dataclass
class Names:
    """Names with what stands under them, in the order of the file."""

    line: int
    items: dict[str, Outline] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each name stands."""


Outline = Text | Items | Names


def outline(data: bytes) -> Outline:
    """What a file says; an empty one says an empty text."""
    text = _decoded(data)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise OutlineError(*explained(error, text)) from None
    return builder.root or Text("", FIRST_LINE)


def _decoded(data: bytes) -> str:
    """The text of a file, which has to be UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + FIRST_LINE
        hint = "Save it as UTF-8: editors offer that under “Save as” or “Encoding”."
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise OutlineError(FIRST_LINE, "The file is written in UTF-16.", hint) from None
        wrong = "The file is not a text in UTF-8."
        raise OutlineError(line, wrong, hint) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + FIRST_LINE
        right = "Hand in the text of the design, not a document of another program."
        raise OutlineError(line, "The file is not a text: it has zero bytes in it.", right)
    return text


class _Builder:
    """Puts events together, without ever going deeper than it has to."""

    def __init__(self) -> None:
        self.root: Outline | None = None
        self._open: list[Items | Names] = []
        self._names: list[Text | None] = []
        """For each open collection, the name that waits for its value."""
        self._count = 0

    def take(self, event: Event) -> None:
        """The next event of the text."""
        mark = event.start_mark
        line = (mark.line if mark else 0) + FIRST_LINE
        if isinstance(event, DocumentStartEvent):
            self._refuse_more_than_one(event, line)
        elif isinstance(event, AliasEvent):
            raise OutlineError(
                line,
                f"`*{event.anchor}` is an alias, a YAML shortcut that is not read here.",
                "Write the value out. If the text begins with a star, put it into quotes.",
            )
        elif isinstance(event, ScalarEvent):
            self._refuse_extras(event, line)
            self._add(Text(event.value, line))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._refuse_extras(event, line)
            self._begin(Names(line) if isinstance(event, MappingStartEvent) else Items(line))
        elif isinstance(event, CollectionEndEvent):
            self._open.pop()
            self._names.pop()

    def _refuse_more_than_one(self, event: DocumentStartEvent, line: int) -> None:
        if self.root is not None:
            raise OutlineError(
                line,
                "A second document begins here (`---`).",
                "One file holds one design: take away what does not belong to it.",
            )
        if event.tags:
            raise OutlineError(line, "`%TAG` is not read here.", "Take the line away.")

    def _refuse_extras(
        self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, line: int
    ) -> None:
        if event.anchor is not None:
            raise OutlineError(
                line,
                f"`&{event.anchor}` is an anchor, a YAML shortcut that is not read here.",
                "Write each value out. If the text begins with an ampersand, put it into quotes.",
            )
        if event.tag is not None:
            raise OutlineError(
                line,
                f"{quoted(event.tag)} is a tag; a design is plain text and numbers.",
                "Take it away. If the text begins with an exclamation mark, put it into quotes.",
            )

    def _begin(self, collection: Items | Names) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise OutlineError(
                collection.line,
                f"Here something is nested more than {DEPTH_MAX} deep.",
                "A design has two levels: the stream, and its settings.",
            )
        if self._open and isinstance(self._open[-1], Names) and self._names[-1] is None:
            raise OutlineError(
                collection.line,
                "A name must be a word here, and this is a list or a group in brackets.",
                "Write `name: value`. If the value begins with a bracket, put it into quotes.",
            )
        self._add(collection)
        self._open.append(collection)
        self._names.append(None)

    def _add(self, value: Outline) -> None:
        self._count += 1
        if self._count > VALUES_MAX:
            raise OutlineError(
                value.line,
                f"The file has more than {VALUES_MAX:,} values.",
                "A design has about forty. Start again from the template.",
            )
        if not self._open:
            self.root = value
            return
        parent = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(value)
        elif (name := self._names[-1]) is not None:
            parent.items[name.text] = value
            self._names[-1] = None
        elif isinstance(value, Text):
            self._name(parent, value)

    def _name(self, parent: Names, name: Text) -> None:
        if name.text in parent.lines:
            raise OutlineError(
                name.line,
                f"{quoted(name.text)} is there twice; the first is in line "
                f"{parent.lines[name.text]}.",
                "Keep one of them: nobody can tell which you mean.",
            )
        parent.lines[name.text] = name.line
        self._names[-1] = name
