"""A map that never changes: `changed` gives another one, which shares nearly all with the first.

    later = earlier.changed({"orders": topic, "clicks": GONE})

It is a B-tree whose nodes are copied instead of written to. A change copies the one leaf that it
falls into and the path above it, 64 entries each: two or three small copies for ten thousand
topics, where a plain dict would be copied whole. (Kafka's images use a persistent hash trie from
the Paguro library for the same reason, KAFKA-14540.)

It is sorted, and not hashed, because what a broker does must not depend on the order of a hash: two
runs of one seed walk through the topics in the same order, and so do two brokers of one cluster.

    leaf      {key: value, ...}              a dict of up to 64 entries, in order
    branch    the first key of each child, and the children
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any, Final, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V", covariant=True)

WIDTH = 64
"""The most entries of a leaf, and children of a branch."""


class _Gone:
    """The type of the one value that means: there is no such key any more."""


GONE: Final = _Gone()


class _Branch(NamedTuple):
    firsts: tuple[Any, ...]
    children: tuple[Any, ...]


_Node = dict[Any, Any] | _Branch


class SortedMap(Mapping[K, V]):
    """An immutable mapping, iterated in the order of its keys."""

    __slots__ = ("_root", "_size")

    def __init__(self) -> None:
        self._root: _Node = {}
        self._size = 0

    def changed(self, changes: Mapping[Any, Any]) -> SortedMap[K, V]:
        """The map with other values; a key whose value is `GONE` is left out."""
        if not changes:
            return self
        later: SortedMap[K, V] = SortedMap()
        if len(changes) == 1:
            ((key, value),) = changes.items()
            if value is not GONE and key in self:
                later._root, later._size = _replaced(self._root, key, value), self._size
                return later
        later._size = self._size + sum(
            (value is not GONE) - (key in self) for key, value in changes.items()
        )
        in_order = {key: changes[key] for key in sorted(changes)}
        nodes = _changed(self._root, in_order)
        while len(nodes) > 1:
            nodes = _split([_first(node) for node in nodes], nodes)
        root = nodes[0] if nodes else {}
        while isinstance(root, _Branch) and len(root.children) == 1:
            root = root.children[0]
        later._root = root
        return later

    def __getitem__(self, key: Any) -> V:
        value: V = self._leaf(key)[key]
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key, or else the default. (Mapping's own is slower by an exception.)"""
        root = self._root
        return (root if type(root) is dict else self._leaf(key)).get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._leaf(key)

    def _leaf(self, key: Any) -> dict[Any, Any]:
        node = self._root
        while type(node) is _Branch:
            at = bisect_right(node.firsts, key)
            node = node.children[at - 1 if at else 0]
        leaf: dict[Any, Any] = node  # type: ignore[assignment]
        return leaf

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[K]:
        return (key for leaf in _leaves(self._root) for key in leaf)

    def values(self) -> ValuesView[V]:
        """The values, in the order of their keys."""
        return _Values(self)

    def items(self) -> ItemsView[K, V]:
        """The entries, in the order of their keys."""
        return _Items(self)

    def each_value(self) -> Iterator[V]:
        """The values one by one."""
        if not isinstance(self._root, _Branch):
            return iter(self._root.values())
        return (value for leaf in _leaves(self._root) for value in leaf.values())

    def each_item(self) -> Iterator[tuple[K, V]]:
        """The entries one by one."""
        return (entry for leaf in _leaves(self._root) for entry in leaf.items())

    def __repr__(self) -> str:
        return f"SortedMap({dict(self)!r})"


class _Values(ValuesView[V]):
    """As Mapping's own, without a lookup for each."""

    _mapping: SortedMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        return self._mapping.each_value()


class _Items(ItemsView[K, V]):
    """As Mapping's own, without a lookup for each."""

    _mapping: SortedMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping.each_item()


def _first(node: _Node) -> Any:
    return node.firsts[0] if isinstance(node, _Branch) else next(iter(node))


def _leaves(node: _Node) -> Iterator[dict[Any, Any]]:
    """The leaves in order."""
    if not isinstance(node, _Branch):
        yield node
        return
    for child in node.children:
        yield from _leaves(child)


def _replaced(node: _Node, key: Any, value: Any) -> _Node:
    """A node with another value for a key that it has: the commonest change, and the quickest."""
    if not isinstance(node, _Branch):
        return node | {key: value}
    at = max(0, bisect_right(node.firsts, key) - 1)
    children = list(node.children)
    children[at] = _replaced(children[at], key, value)
    return _Branch(node.firsts, tuple(children))


def _changed(node: _Node, changes: dict[Any, Any]) -> list[_Node]:
    """What takes the place of a node: itself with the changes, several if it outgrew its width, or
    nothing if it is empty now."""
    if not isinstance(node, _Branch):
        return _leaf_changed(node, changes)
    firsts, children, done = list(node.firsts), list(node.children), len(node.children)
    keys = list(changes)
    while keys:  # from the last child to the first, so that places before it stay what they are
        at = max(0, bisect_right(node.firsts, keys[-1], 0, done) - 1)
        start = bisect_left(keys, node.firsts[at]) if at else 0
        after = _changed(children[at], {key: changes[key] for key in keys[start:]})
        firsts[at : at + 1] = map(_first, after)
        children[at : at + 1] = after
        done = at
        del keys[start:]
    return _split(firsts, children)


def _leaf_changed(leaf: dict[Any, Any], changes: dict[Any, Any]) -> list[_Node]:
    merged = leaf | changes
    if len(merged) > len(leaf) and leaf and next(iter(changes)) < next(reversed(leaf)):
        merged = {key: merged[key] for key in sorted(merged)}
    if GONE in changes.values():
        merged = {key: value for key, value in merged.items() if value is not GONE}
    if len(merged) <= WIDTH:
        return [merged] if merged else []
    return [dict(part) for part in _parts(list(merged.items()))]


def _split(firsts: list[Any], children: list[_Node]) -> list[_Node]:
    """As few branches as hold the children."""
    return [
        _Branch(tuple(first), tuple(part))
        for first, part in zip(_parts(firsts), _parts(children), strict=True)
    ]


def _parts(entries: list[Any]) -> list[list[Any]]:
    """Parts of about one size, none wider than a node may be."""
    if len(entries) <= WIDTH:
        return [entries] if entries else []
    count = -(-len(entries) // WIDTH)
    size = -(-len(entries) // count)
    return [entries[at : at + size] for at in range(0, len(entries), size)]
