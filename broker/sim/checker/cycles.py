"""Cycles: transactions that each come before the other.

One operation comes before another if a record of it stands right before one of the other
(write-write, ww), or if the other has read what it wrote (write-read, wr). In a serial world these
arrows never lead back. In Kafka's they may, and it matters which do:

    G0    arrows from writes alone. Two transactions' records interleave in the logs, because they
          are written as they come: allowed.
    G1c   there is a read among them. Is that possible in time? A transaction's record is read
          after its commit, its commit comes after all that it did, and after a poll comes what the
          client did next. If these moments lead back to themselves as well, somebody has read what
          was not committed yet. If they do not, writes have interleaved once more: allowed.

So there are two graphs: a coarse one of operations, and for each knot in it a fine one of moments.
Both are searched for strongly connected components (Tarjan), in linear time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from broker.sim.checker.operations import (
    Anomaly,
    End,
    Operation,
    Place,
    Poll,
    Value,
    place_name,
)
from broker.sim.checker.order import Orders

N = TypeVar("N", bound=Hashable)

Moment = tuple[int, int]
"""An operation's number, and the index of one of its actions; END for its end."""
END = 1 << 30


class Arrow(NamedTuple):
    """Why one operation comes before another."""

    kind: str
    start: Moment
    end: Moment
    place: Place
    value: Value
    """What the second one has written, or read."""
    offset: int
    before: tuple[int, Value] | None = None
    """Of two writes, the first: its offset and value."""


def cycles(orders: Orders) -> Iterator[Anomaly]:
    """One anomaly for each knot of operations."""
    by_number = {operation.number: operation for operation in orders.operations}
    arrows = [*_write_write(orders), *_write_read(orders)]
    coarse: dict[int, dict[int, Arrow]] = {}
    for arrow in arrows:
        here = coarse.setdefault(arrow.start[0], {})
        if arrow.end[0] not in here or arrow.kind == "wr":
            here[arrow.end[0]] = arrow
    for knot in knots(coarse):
        inside = [a for a in arrows if a.start[0] in knot and a.end[0] in knot]
        yield _judged(knot, coarse, inside, by_number, orders.name)


def _judged(
    knot: set[int],
    coarse: dict[int, dict[int, Arrow]],
    arrows: list[Arrow],
    by_number: dict[int, Operation],
    name: Callable[[Value], str],
) -> Anomaly:
    moments = _moments([by_number[number] for number in sorted(knot)])
    for arrow in arrows:
        moments.setdefault(arrow.start, {})[arrow.end] = arrow
    impossible = min(knots(moments), key=len, default=None)
    reads = [arrow for arrow in arrows if arrow.kind == "wr"]
    if impossible is not None:
        start = min(impossible)
        way = path(moments, impossible, start, start)
        kind, allowed = "G1c", False
        why = "each of them comes before the other"
    else:
        first = reads[0] if reads else arrows[0]
        way = [first, *path(coarse, knot, first.end[0], first.start[0])]
        kind, allowed = "G1c" if reads else "G0", True
        why = "Kafka writes the records of different transactions as they come"
    steps = [arrow for arrow in way if arrow is not None]
    numbers = dict.fromkeys(n for arrow in steps for n in (arrow.start[0], arrow.end[0]))
    text = f"{'; '.join(_told(arrow, by_number, name) for arrow in steps)}: {why}"
    values = tuple(arrow.value for arrow in steps)
    return Anomaly(kind, text, values, tuple(by_number[n] for n in numbers), None, allowed)


def _told(arrow: Arrow, by_number: dict[int, Operation], name: Callable[[Value], str]) -> str:
    """An arrow in a sentence: of thousands, the few that make up a knot are told."""
    first, second = by_number[arrow.start[0]], by_number[arrow.end[0]]
    what, offset, place = name(arrow.value), arrow.offset, place_name(arrow.place)
    if arrow.before is None:
        return f"{second} read {what} at offset {offset} of {place}, which {first} wrote"
    at, value = arrow.before
    return (
        f"{first} wrote {name(value)} at offset {at} of {place} before {second} wrote {what} at "
        f"{offset}"
    )


# -- arrows --------------------------------------------------------------------------------------


def _write_write(orders: Orders) -> Iterator[Arrow]:
    for place, order in orders.of.items():
        before: tuple[Moment, Operation, tuple[int, Value]] | None = None
        for offset in order.row:
            (value, *others) = order.values[offset]
            once = not others and len(order.offsets[value]) == 1
            writer = _writer(orders, place, value) if once else None
            if writer is None:
                before = None  # it is not known who wrote this one: no arrow from it, nor to it
                continue
            operation, index = writer
            moment = (operation.number, index)
            if before is not None and before[1] is not operation:
                yield Arrow("ww", before[0], moment, place, value, offset, before[2])
            before = (moment, operation, (offset, value))


def _write_read(orders: Orders) -> Iterator[Arrow]:
    for reader in orders.operations:
        if reader.end is End.FAIL:
            continue
        for at, action in enumerate(reader.actions):
            if not isinstance(action, Poll):
                continue
            for offset, value in action.records:
                writer = _writer(orders, action.place, value)
                if writer is None or writer[0] is reader:
                    continue
                operation, index = writer
                # A record of a transaction can be read once that is committed, another at once.
                start = END if operation.transaction else index
                begin, end = (operation.number, start), (reader.number, at)
                yield Arrow("wr", begin, end, action.place, value, offset)


def _writer(orders: Orders, place: tuple[str, int], value: Value) -> tuple[Operation, int] | None:
    """Who wrote a record, and as which of its actions; None if that is not certain."""
    writers = orders.writers(place, value)
    if len(writers) != 1 or writers[0][0].end is End.FAIL:
        return None
    operation, send = writers[0]
    return operation, operation.actions.index(send)


def _moments(operations: list[Operation]) -> dict[Moment, dict[Moment, Arrow | None]]:
    """What certainly comes after what within operations.

    A send takes place some time between its call and the operation's end: of two sends, neither
    is certainly first. But a poll has happened when the next thing is done.
    """
    moments: dict[Moment, dict[Moment, Arrow | None]] = {}
    for operation in operations:
        end = (operation.number, END)
        poll: Moment | None = None
        for index, action in enumerate(operation.actions):
            moment = (operation.number, index)
            moments[moment] = {end: None}
            if poll is not None:
                moments[poll][moment] = None
            if isinstance(action, Poll):
                poll = moment
    return moments


# -- graphs --------------------------------------------------------------------------------------

Graph = Mapping[N, Mapping[N, Arrow | None]]


def knots(graph: Graph[N]) -> Iterator[set[N]]:
    """The strongly connected components of more than one node (Tarjan, without recursion)."""
    number: dict[N, int] = {}
    lowest: dict[N, int] = {}
    open_nodes: dict[N, None] = {}
    for root in graph:
        if root in number:
            continue
        number[root] = lowest[root] = len(number)
        open_nodes[root] = None
        path = [(root, iter(graph[root]))]
        while path:
            node, following = path[-1]
            for after in following:
                if after not in number:
                    number[after] = lowest[after] = len(number)
                    open_nodes[after] = None
                    path.append((after, iter(graph.get(after, ()))))
                    break
                if after in open_nodes:
                    lowest[node] = min(lowest[node], number[after])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    knot = _taken(open_nodes, node)
                    if len(knot) > 1:
                        yield knot


def _taken(open_nodes: dict[N, None], last: N) -> set[N]:
    knot = set()
    while True:
        node, _ = open_nodes.popitem()
        knot.add(node)
        if node == last:
            return knot


def path(graph: Graph[N], knot: set[N], start: N, goal: N) -> list[Arrow | None]:
    """The arrows of a shortest way through a knot; back to the start, if that is the goal."""
    came: dict[N, N] = {}
    queue = deque([start])
    while queue and goal not in came:
        node = queue.popleft()
        for after in graph.get(node, ()):
            if after in knot and after not in came:
                came[after] = node
                queue.append(after)
    way: list[Arrow | None] = []
    node = goal
    while not way or node != start:
        way.append(graph[came[node]][node])
        node = came[node]
    return way[::-1]
