"""One page for each room of the broker, from what its modules say about themselves.

The docstrings are the broker's real documentation: they stand beside the code, and they are read
when it is changed. A room's page sets them one after the other, each with what is public in its
module; in the order in which the room's own words name them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from maker.docstrings import Module, Name, first_sentence, markdown, read_module

ROOT = Path(__file__).resolve().parents[2]


class Room(NamedTuple):
    """A part of the broker that has a page: packages and single modules of `broker/`."""

    name: str
    title: str
    parts: tuple[str, ...]

    @property
    def page(self) -> str:
        """Where its page lies in the site."""
        return f"rooms/{self.name}.md"


ROOMS = (
    Room("wire", "wire: bytes and messages", ("wire",)),
    Room("events", "events: what can happen", ("events.py",)),
    Room("log", "log: one partition on one disk", ("log",)),
    Room("client", "client: the other half", ("client",)),
    Room("quorum", "quorum: who leads", ("quorum",)),
    Room("metadata", "metadata: what is where", ("metadata",)),
    Room("replication", "replication: what is safe", ("replication",)),
    Room("api", "api: a request, an answer", ("api",)),
    Room("node", "node: one broker", ("node.py",)),
    Room("server", "server: in real time", ("server", "cluster.py", "cli.py")),
    Room("sim", "sim: in virtual time", ("sim",)),
)
MESSAGES = "broker/wire/messages/"
"""Declarations: the page about the protocol shows them."""


def room_page(room: Room) -> str:
    """A room's page as Markdown."""
    modules = modules_of(room)
    head = modules[0]
    parts = [f"# {room.title}\n", markdown(head.doc), _neighbours(room)]
    if not head.path.endswith("__init__.py"):
        parts.append(_contents(head))
    parts += [_section(module) for module in modules[1:]]
    if room.name == "wire":
        parts.append(_messages())
    return "\n".join(parts)


@cache
def modules_of(room: Room) -> tuple[Module, ...]:
    """A room's modules, the package first, then in the order in which its words name them."""
    paths = [path for part in room.parts for path in _paths(part)]
    modules = {path: read_module(ROOT, path) for path in paths}

    def rank(path: str) -> tuple[tuple[int, str], ...]:
        """Its place in each package that it is in, from the outermost one on."""
        names = Path(path).parts[1:]
        places = [(room.parts.index(names[0]), "")]
        for depth, name in enumerate(names[1:], start=1):
            head = modules["/".join(("broker", *names[:depth], "__init__.py"))]
            places.append((named_at(name.removesuffix(".py"), head.doc), name))
        return tuple(places)

    return tuple(modules[path] for path in sorted(paths, key=rank))


def named_at(name: str, doc: str) -> int:
    """Where a package's words name a part: in backquotes, or at the beginning of a line."""
    if name == "__init__":
        return -1
    found = re.search(rf"`{name}(?:\.py|/)?`|^ +{name}/? {{2,}}", doc, re.MULTILINE)
    return found.start() if found else len(doc)


def _paths(part: str) -> Iterator[str]:
    place = ROOT / "broker" / part
    found = [place] if place.is_file() else sorted(place.rglob("*.py"))
    for path in found:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(MESSAGES):
            yield name


def _stem(module: Module) -> str:
    path = Path(module.path)
    return path.parent.name if path.stem == "__init__" else path.stem


def _section(module: Module) -> str:
    name = "/".join(Path(module.path).parts[2:]) or Path(module.path).name
    head = f"## `{name.removesuffix('__init__.py')}`\n\n{_where(module)}\n"
    return "\n".join([head, markdown(module.doc), names_list(module.names)])


def _contents(module: Module) -> str:
    """Where a room lies that is one file, and what is in it."""
    return f"{_where(module)}\n\n{names_list(module.names)}"


def _where(module: Module) -> str:
    link = f"../source/{module.path.removesuffix('.py')}.html"
    return f'<p class="where"><a href="{link}">{module.path}</a> · {module.lines} lines</p>'


def names_list(names: tuple[Name, ...]) -> str:
    """What is public, each with its sentence."""
    if not names:
        return ""
    rows = "".join(
        f"<dt><code>{name.name}</code></dt><dd>{inline_code(name.summary)}</dd>" for name in names
    )
    return f'<dl class="names">{rows}</dl>\n'


def inline_code(text: str) -> str:
    """A sentence as HTML, with what stands between backquotes as code."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def _messages() -> str:
    """The declarations in one list; the protocol's page says more about most of them."""
    paths = sorted((ROOT / MESSAGES).glob("*.py"))
    modules = [read_module(ROOT, path.relative_to(ROOT).as_posix()) for path in paths]
    head = next(module for module in modules if module.path.endswith("__init__.py"))
    rows = "".join(
        f'<dt><a href="../source/{module.path[:-3]}.html"><code>{_stem(module)}</code></a></dt>'
        f"<dd>{inline_code(first_sentence(module.doc))}</dd>"
        for module in modules
        if module is not head
    )
    more = "What each version brought is told in [the protocol](../protocol.md).\n"
    return f'## `messages/`\n\n{markdown(head.doc)}\n{more}\n<dl class="names">{rows}</dl>\n'


# -- who knows whom -------------------------------------------------------------------------------


def _neighbours(room: Room) -> str:
    below = sorted(knows(room), key=_order)
    above = [other.name for other in ROOMS if room.name in knows(other)]
    says = [f"Knows {_links(below)}." if below else "Knows no other room."]
    says.append(f"Is known by {_links(above)}." if above else "No other room knows it.")
    return f'<p class="where" markdown="1">{" ".join(says)}</p>\n'


def _links(names: list[str]) -> str:
    return ", ".join(f"[{name}]({name}.md)" for name in names)


def _order(name: str) -> int:
    return [room.name for room in ROOMS].index(name)


@cache
def knows(room: Room) -> frozenset[str]:
    """The rooms whose modules this room's modules import."""
    found = set()
    for module in modules_of(room):
        for node in ast.walk(ast.parse((ROOT / module.path).read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            found |= {room_of(name) for name in names}
    return frozenset(found - {room.name, ""})


def room_of(module: str) -> str:
    """The room that a module belongs to; none if it is not the broker's."""
    head, _, rest = module.partition(".")
    first = rest.split(".")[0]
    if head != "broker" or not first:
        return ""
    parts = ((room.name, part.removesuffix(".py")) for room in ROOMS for part in room.parts)
    return next((name for name, part in parts if part == first), "")
