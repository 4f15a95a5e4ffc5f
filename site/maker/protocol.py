"""The page about the protocol: which APIs are served, in which versions, and what each brought.

The table is `broker.api.table.APIS`, the one from which the broker's ApiVersions answer is made.
The words are those of the handlers (what the broker does) and of the messages (what a version
changed, and which KIP wanted it).
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from types import ModuleType

from broker.api.table import APIS, CONTROLLER_APIS, Api
from broker.wire.messages import APIS as MESSAGES
from broker.wire.schema import Kind, Message, registered
from maker.docstrings import blocks, first_sentence, flowing, markdown
from maker.rooms import inline_code

HEAD = """\
# The protocol

Clients and brokers exchange requests and responses, each of an *API* that has a number, a name and
versions. A client that connects asks first which APIs and versions there are (ApiVersions), and
then speaks the highest version that both know. So old clients work with new brokers, and new
clients with old ones.

This broker serves {count} APIs, {versions} versions in all. What it tells clients is made from the
same table as this page, and [what is left out](omissions.md) is listed, with reasons.

`broker codec Produce 9` prints the code that reads and writes a message in one version.
"""

BETWEEN_NODES = """\
# Between nodes

Controllers have a listener of their own. There voters elect a leader, followers and brokers fetch
the metadata log, and brokers register, report who is in sync and pass on what clients ask of the
controller. It also serves what brokers pass on: {forwarded}. So an administrator can go there
directly.
"""

_TITLE = re.compile(r"^(\w+) \((\d+)\): ")
_VERSION = re.compile(r"^- ([\d, -]+): ", re.MULTILINE)


def protocol_page() -> str:
    """The page as Markdown."""
    apis = [APIS[key] for key in sorted(APIS)]
    versions = sum(api.max_version - api.min_version + 1 for api in apis)
    head = HEAD.format(count=len(apis), versions=versions)
    for_clients = [head, _table(apis), *(_section(api) for api in apis)]
    return "\n".join([*for_clients, *_between_nodes()])


def _between_nodes() -> list[str]:
    """The APIs of the other listener, as far as clients have not seen them above."""
    apis = [CONTROLLER_APIS[key] for key in sorted(CONTROLLER_APIS) if key not in APIS]
    forwarded = sorted(api.name for api in APIS.values() if api.forwarded)
    head = BETWEEN_NODES.format(forwarded=", ".join(forwarded))
    return [head, _table(apis), *(_section(api) for api in apis)]


def _table(apis: list[Api]) -> str:
    rows = [
        f"| {api.key} | [{api.name}](#{api.name.lower()}) | {_range(api)} | {_purpose(api)} |"
        for api in apis
    ]
    return "\n".join(["| key | API | versions | what for |", "|--:|---|---|---|", *rows, ""])


def _range(api: Api) -> str:
    return f"{api.min_version}–{api.max_version}"


def _handler_doc(api: Api) -> str:
    """What the API is for: its handler says it, or its messages where a handler has several."""
    said = inspect.getdoc(import_module(f"broker.api.{api.module}")) or ""
    if _TITLE.match(said):
        return said
    said = inspect.getdoc(_messages(api)) or ""
    return said.removeprefix(f"{api.name}: ")


def _purpose(api: Api) -> str:
    said = first_sentence(_TITLE.sub("", _handler_doc(api)))
    return inline_code(said[:1].upper() + said[1:])


def _section(api: Api) -> str:
    advertised = ""
    if api.advertised_from != api.min_version:
        advertised = f", advertised from {api.advertised_from}"
    facts = f"key {api.key} · versions {_range(api)}{advertised}"
    source = f'<a href="source/broker/api/{api.module}.html">broker/api/{api.module}.py</a>'
    return "\n".join(
        [
            f"## {api.name}\n",
            f'<p class="where">{facts} · {source}</p>\n',
            _behaviour(api),
            _message(api, "request"),
            _message(api, "response"),
        ]
    )


def _behaviour(api: Api) -> str:
    """The handler's words, without its own short table of versions: the messages have it whole."""
    title, *rest = blocks(_TITLE.sub("", _handler_doc(api)))
    if rest and re.match(r" *\d+ {2,}\S", rest[0]):
        del rest[0]
    text = "\n\n".join([title, *rest])
    return markdown(text[:1].upper() + text[1:])


def _messages(api: Api) -> ModuleType:
    return import_module(f"broker.wire.messages.{MESSAGES[api.key][1]}")


def _message(api: Api, kind: Kind) -> str:
    _messages(api)
    message = registered(kind, api.key)
    assert message is not None, api.name
    return f"**{kind.capitalize()}.** {_words(message)}"


def _words(message: type[Message]) -> str:
    parts = []
    for block in blocks(inspect.getdoc(message) or ""):
        if _VERSION.match(block):
            parts.append(versions_table(block))
        else:
            parts.append(flowing(block))
    return "\n\n".join(parts) + "\n"


def versions_table(block: str) -> str:
    """The list of versions, `- 9: flexible (KIP-482)`, as rows that line up."""
    found = list(_VERSION.finditer(block))
    ends = [match.start() for match in found[1:]] + [len(block)]
    rows = "".join(
        f"<dt>{match.group(1)}</dt>"
        f"<dd>{inline_code(' '.join(block[match.end() : end].split()))}</dd>"
        for match, end in zip(found, ends, strict=True)
    )
    return f'<dl class="versions">{rows}</dl>'
