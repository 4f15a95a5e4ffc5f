"""Docstrings as Markdown.

Our docstrings are written to be read in the file: prose, lists, and between them drawings, tables
and code that live from their columns. Markdown would let the columns flow. So a docstring is cut
into blocks at its empty lines, and a block is kept to the letter when its lines are indented and it
is no list; what Python can parse is shown as Python.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_COLUMNS = re.compile(r"\S {2,}\S")
_SENTENCE = re.compile(r"(.+?[.:?!])(?= [A-Z`]|$)", re.DOTALL)

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Name(NamedTuple):
    """Something public in a module, and what it is for in a sentence."""

    name: str
    kind: str
    summary: str


@dataclass(frozen=True)
class Module:
    """A module as its reader meets it: what it says, what is in it, how long it is."""

    path: str
    doc: str
    names: tuple[Name, ...]
    lines: int


def read_module(root: Path, path: str) -> Module:
    """Read a module's words without importing it."""
    text = (root / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    names = tuple(
        Name(node.name, "class" if isinstance(node, ast.ClassDef) else "function", summary(node))
        for node in tree.body
        if isinstance(node, Definition) and not node.name.startswith("_")
    )
    lines = len(text.splitlines())
    return Module(path, ast.get_docstring(tree) or "", tuple(dict.fromkeys(names)), lines)


def summary(node: Definition) -> str:
    """The first sentence of what is said about a class or a function."""
    return first_sentence(ast.get_docstring(node) or "")


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring, in one line."""
    paragraph = " ".join(doc.split("\n\n")[0].split())
    found = _SENTENCE.match(paragraph)
    return (found.group(1) if found else paragraph).rstrip(":")


def markdown(doc: str) -> str:
    """A docstring as Markdown that shows it as it was meant."""
    parts: list[str] = []
    kept: list[str] = []
    for block in blocks(doc):
        if keeps_columns(block):
            kept.append(block)
            continue
        if kept:
            parts.append(fenced(kept))
            kept = []
        parts.append(flowing(block))
    if kept:
        parts.append(fenced(kept))
    return "\n\n".join(parts) + "\n"


def blocks(doc: str) -> Iterator[str]:
    """What stands between empty lines; a list and the paragraph that leads to it are two blocks."""
    for block in re.split(r"\n\s*\n", doc.strip("\n")):
        lines = block.splitlines()
        at = next((n for n, line in enumerate(lines) if n and _ITEM.match(line)), 0)
        if at and not _ITEM.match(lines[0]):
            yield "\n".join(lines[:at])
            lines = lines[at:]
        yield "\n".join(lines)


def keeps_columns(block: str) -> bool:
    """Whether a block lives from where its characters stand."""
    lines = block.splitlines()
    if _ITEM.match(lines[0]):
        return False
    return any(line.startswith("  ") or _COLUMNS.search(line) for line in lines)


def flowing(block: str) -> str:
    """A paragraph or a list. Markdown wants four spaces before the second line of an item."""
    if not _ITEM.match(block):
        return block
    return re.sub(r"^ +(?=\S)", "    ", block, flags=re.MULTILINE)


def fenced(kept: list[str]) -> str:
    """Blocks that follow one another, as one listing."""
    text = textwrap.dedent("\n\n".join(kept))
    return f"```{language(text)}\n{text}\n```"


def language(text: str) -> str:
    """Python, if it is; drawings and tables are just text."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return "text"
    plain = ast.Name | ast.Constant | ast.Tuple
    words_only = all(isinstance(n, ast.Expr) and isinstance(n.value, plain) for n in tree.body)
    return "text" if words_only else "python"
