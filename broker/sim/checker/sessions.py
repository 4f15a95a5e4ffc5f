"""Anomalies of order, as one reader or one writer lives it.

A reader goes through a partition from record to record. Within one poll (*internal*) and from one
poll to the next (*external*) it neither jumps over a record nor goes back, unless it was moved: an
assignment or a seek begins another stretch. A writer's records, too, stand in the order in which
it has sent them.

What only failed writes have put into a log is not looked at: a reader of committed records jumps
over it and is right. Nor is what was deleted at the front in the meantime.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from broker.sim.checker.operations import (
    END_OF_LOG,
    Anomaly,
    End,
    Moved,
    Operation,
    Place,
    Poll,
    Send,
    Value,
    place_name,
)
from broker.sim.checker.order import Orders


class _Seen(NamedTuple):
    """The last record a reader or writer had to do with."""

    offset: int
    value: Value
    operation: Operation


class Stretch(NamedTuple):
    """A reader's way through a partition from where it was placed."""

    place: Place
    records: list[_Seen]
    final: bool = False
    """It is a last look at the whole log, and no reader who goes on with anything."""
    start: int | None = None
    """The offset where it was to begin, if that is known."""
    floor: int = 0
    """If it was to begin at the end: the offset after the last that anybody had read by then."""
    found: int = 0
    """If it was to begin at the end: where that was, as it was told."""


def stretches(orders: Orders) -> Iterator[Stretch]:
    """Each reader's ways, begun anew where it was moved."""
    going: dict[tuple[str, Place], Stretch] = {}
    read_up_to: dict[Place, int] = {}
    for operation in orders.operations:
        for action in operation.actions:
            key = (operation.client, action.place)
            if isinstance(action, Moved):
                if key in going:
                    yield going.pop(key)
                at_end = action.to == END_OF_LOG
                floor = read_up_to.get(action.place, 0) if at_end else 0
                start = None if at_end else action.to
                found = action.found or 0
                going[key] = Stretch(action.place, [], start=start, floor=floor, found=found)
            elif isinstance(action, Poll) and operation.end is End.OK:
                if key not in going:
                    going[key] = Stretch(action.place, [], action.beginning is not None)
                going[key].records.extend(_Seen(*record, operation) for record in action.records)
                if action.records:
                    before = read_up_to.get(action.place, 0)
                    read_up_to[action.place] = max(before, action.records[-1][0] + 1)
    yield from going.values()


def spans(orders: Orders) -> dict[Place, list[tuple[int, int, Operation]]]:
    """From where to where somebody read each partition: what lies between was passed."""
    found: dict[Place, list[tuple[int, int, Operation]]] = {}
    for way in stretches(orders):
        if way.records:
            last = max(way.records, key=lambda seen: seen.offset)
            first = min(seen.offset for seen in way.records)
            found.setdefault(way.place, []).append((first, last.offset, last.operation))
    return {place: _merged(ways) for place, ways in found.items()}


def _merged(ways: list[tuple[int, int, Operation]]) -> list[tuple[int, int, Operation]]:
    merged: list[tuple[int, int, Operation]] = []
    for low, high, operation in sorted(ways, key=lambda way: way[:2]):
        if merged and low <= merged[-1][1]:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high, operation)
        else:
            merged.append((low, high, operation))
    return merged


def session_anomalies(orders: Orders) -> Iterator[Anomaly]:
    """Readers that skip or go back, and writers whose records changed places."""
    for way in stretches(orders):
        if way.records and not way.final:
            yield from _beginning(orders, way)
            yield from _reading(orders, way.place, way.records)
    yield from _writing(orders)


def _beginning(orders: Orders, way: Stretch) -> Iterator[Anomaly]:
    """A reader begins where it was placed, and not before the end if it was placed there."""
    order, first = orders.of[way.place], way.records[0]
    if first.offset not in order.index:
        return
    began = (
        f"and {first.operation} began with {orders.name(first.value)} at offset {first.offset} of "
        f"{place_name(way.place)}"
    )
    stood = max(first.offset, way.floor - 1, way.found - 1)
    where, operations = (way.place, stood), (first.operation,)
    missed = [] if way.start is None else order.from_to(way.start, first.offset)
    if missed:
        (value, *_) = order.values[missed[0]]
        text = f"its reader was placed at offset {way.start}, {began}, past {orders.name(value)}"
        yield Anomaly("external poll skip", text, (value,), operations, where)
    elif first.offset < way.floor:
        text = (
            f"its reader was placed at the end, when offset {way.floor - 1} had been read already, "
            f"{began}: back"
        )
        yield Anomaly("end went back", text, (first.value,), operations, where)


def _reading(orders: Orders, place: Place, records: list[_Seen]) -> Iterator[Anomaly]:
    order = orders.of[place]
    before: _Seen | None = None
    for seen in records:
        if seen.offset not in order.index:
            continue  # only a failed write has put it there: an aborted read
        if before is not None:
            inside = "internal" if seen.operation is before.operation else "external"
            went = (
                f"{before.operation} read {orders.name(before.value)} at offset {before.offset} of "
                f"{place_name(place)}, and {_the_same(before.operation, seen.operation)} went on "
                f"with {orders.name(seen.value)} at offset {seen.offset}"
            )
            operations = (before.operation, seen.operation)
            where = (place, max(before.offset, seen.offset))
            missed = order.between(before.offset, seen.offset)
            if missed:
                (value, *_) = order.values[missed[0]]
                more = f" and {len(missed) - 1} more" * (len(missed) > 1)
                text = f"{went}, past {orders.name(value)} at offset {missed[0]}{more}"
                yield Anomaly(f"{inside} poll skip", text, (value,), operations, where)
            elif seen.offset <= before.offset:
                kind = f"{inside} nonmonotonic poll"
                yield Anomaly(kind, f"{went}: back", (seen.value,), operations, where)
        before = seen


def _the_same(before: Operation, after: Operation) -> str:
    return "then" if before is after else str(after)


def _writing(orders: Orders) -> Iterator[Anomaly]:
    last: dict[tuple[str, Place], _Seen] = {}
    for operation in orders.operations:
        if operation.end is not End.OK:
            continue
        for action in operation.actions:
            if not isinstance(action, Send) or action.offset is None:
                continue
            seen = _Seen(action.offset, action.value, operation)
            before = last.get((operation.client, action.place))
            last[operation.client, action.place] = seen
            if before is not None and before.offset >= seen.offset:
                inside = "internal" if before.operation is operation else "external"
                text = (
                    f"{before.operation} sent {orders.name(before.value)} and "
                    f"{_the_same(before.operation, operation)} {orders.name(seen.value)} to "
                    f"{place_name(action.place)}, where they are at offsets {before.offset} and "
                    f"{seen.offset}"
                )
                values = (before.value, seen.value)
                operations, where = (before.operation, operation), (action.place, seen.offset)
                yield Anomaly(f"{inside} nonmonotonic send", text, values, operations, where)
