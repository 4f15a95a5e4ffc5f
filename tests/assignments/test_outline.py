"""A stranger's YAML: read as text with line numbers, refused in words, and never acted upon."""

from contextlib import suppress

import pytest

from assignments.grader.files import SIZE_MAX
from assignments.grader.outline import Items, Names, OutlineError, Text, outline

# What people get wrong, or try: the text, the line to look at, and words of the explanation.
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "a colon in a text": (b"orders:\n  why: it is: this\n", 2, "colon"),
    "no space after a colon": (b"a:\n  key:x\n  topic: y\n", 2, "no space after the colon"),
    "no space, and a text below": (b"a:\n  b: c\n  key:x\n  why: >-\n    y\n", 3, "no space"),
    "an address in a text": (b"a:\n  why: see\n  http://x\n  b: c\n", 4, "colon"),
    "a tab": (b"orders:\n\tkey: x\n", 2, "tab"),
    "a line indented by another width": (b"orders:\n   key: x\n  topic: y\n", 3, "another width"),
    "an open quote": (b"key: 'x\ntopic: y\n", 2, "never closed"),
    "a text that is not indented": (b"why: x\nmore text\nkey: y\n", 3, "colon are missing"),
    "a percent sign": (b"key: %x\n", 1, "meaning of its own"),
    "an alias bomb": (b"a: &a [x, x]\nb: [*a, *a]\n", 1, "anchor"),
    "an alias": (b"key: *x\n", 1, "alias"),
    "a merge": (b"a: &x {b: c}\nd: {<<: *x}\n", 1, "anchor"),
    "a tag that runs": (b"a: !!python/object/apply:os.system [ls]\n", 1, "is a tag"),
    "a tag of their own": (b"a: !mine x\n", 1, "is a tag"),
    "a name that is there twice": (b"key: x\ntopic: y\nkey: z\n", 3, "the first is in line 1"),
    "two documents": (b"a: x\n---\nb: y\n", 2, "second document"),
    "a directive": (b"%TAG ! tag:x,2000:\n---\na: x\n", 1, "%TAG"),
    "a list as a name": (b"? [a]\n: b\n", 1, "must be a word"),
    "nested without end": (b"[" * 60_000, 1, "more than 8 deep"),
    "names without end": (b"".join(b"k%d: v\n" % i for i in range(6_000)), 501, "1,000 values"),
    "Latin-1": ("key: caf\u00e9\n".encode("latin-1"), 1, "UTF-8"),
    "UTF-16": ("key: x\n".encode("utf-16"), 1, "UTF-16"),
    "zero bytes": (b"key: x\n\0\0", 2, "not a text"),
    "a control character": (b"key: x\ntopic: \x07\n", 2, "U+0007"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_where_and_what_and_what_would_be_right(name: str) -> None:
    data, line, words = REFUSED[name]
    with pytest.raises(OutlineError) as caught:
        outline(data)
    assert caught.value.line in (line, line - 1)
    assert words in caught.value.wrong
    assert caught.value.right.endswith((".", "”."))


def test_values_stay_the_text_that_was_written() -> None:
    """YAML's own rules would make a truth, a number of seconds, an octal and a nothing of these."""
    found = outline(b"a: no\nb: 1:30\nc: 010\nd: ~\ne: 1_000\nf: 2026-01-01\n")
    assert isinstance(found, Names)
    texts = [value.text for value in found.items.values() if isinstance(value, Text)]
    assert texts == ["no", "1:30", "010", "~", "1_000", "2026-01-01"]


def test_names_know_their_lines() -> None:
    found = outline(b"# a note\norders:\n  key: x\n  why: >-\n    two\n    lines\n")
    assert isinstance(found, Names)
    orders = found.items["orders"]
    assert isinstance(orders, Names)
    assert orders.lines == {"key": 3, "why": 4}
    assert orders.items["why"] == Text("two lines", 4)


def test_lists_are_read_so_that_they_can_be_spoken_of() -> None:
    found = outline(b"- a\n- b\n")
    assert isinstance(found, Items)
    assert len(found.items) == 2


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert outline("\ufeffkey: x".encode()) == outline(b"key: x")


# What the largest file may consist of. None of them takes more than a fraction of a second.
PIECES = (
    b"[", b"{a: ", b"- ", b"? ", b"a:", b"!", b"'a ", b"# x\n", b"\t", b"%a\n", b"a: >-\n  b\n",
    b"[a,", b"\n", b"\\", b"&a ",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_the_largest_file_ends_in_an_outline_or_in_words(piece: bytes) -> None:
    with suppress(OutlineError):
        outline(piece * (SIZE_MAX // len(piece)))
