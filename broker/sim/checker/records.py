"""Anomalies of records: what stands where, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from broker.sim.checker.operations import (
    Anomaly,
    End,
    Operation,
    Place,
    Poll,
    Send,
    Value,
    place_name,
)
from broker.sim.checker.order import Order, Orders
from broker.sim.checker.sessions import spans


def record_anomalies(orders: Orders) -> Iterator[Anomaly]:
    """All that is wrong with single records."""
    for place, order in orders.of.items():
        yield from _inconsistent_offsets(orders, place, order)
        yield from _duplicates(orders, place, order)
        yield from _reads(orders, place, order)
    yield from _precommitted_reads(orders)
    yield from _lost(orders)


def _inconsistent_offsets(orders: Orders, place: Place, order: Order) -> Iterator[Anomaly]:
    for offset, values in order.values.items():
        if len(values) > 1:
            seen = [
                f"{orders.name(value)} according to {operation}"
                for value, operation in values.items()
            ]
            text = f"offset {offset} of {place_name(place)} holds {' and '.join(seen)}"
            yield Anomaly(
                "inconsistent offset", text, tuple(values), tuple(values.values()), (place, offset)
            )


def _duplicates(orders: Orders, place: Place, order: Order) -> Iterator[Anomaly]:
    """A record at more offsets than there were sends that may have put it there."""
    for value, offsets in order.offsets.items():
        writers = [w for w, _ in orders.writers(place, value) if w.end is not End.FAIL]
        if len(offsets) > max(len(writers), 1):
            times = "once" if len(writers) <= 1 else f"{len(writers)} times"
            sent = f"sent {times}" + (f", by {writers[0]}" if len(writers) == 1 else "")
            listed = _listed([str(offset) for offset in sorted(offsets)])
            text = f"{orders.name(value)} is at offsets {listed} of {place_name(place)}, and {sent}"
            yield Anomaly("duplicate", text, (value,), tuple(writers), (place, max(offsets)))


def _reads(orders: Orders, place: Place, order: Order) -> Iterator[Anomaly]:
    for value, readers in order.readers.items():
        offset = min(order.offsets[value])
        read = f"{readers[0]} read {orders.name(value)} at offset {offset} of {place_name(place)}"
        if orders.refused(place, value):
            writer = orders.writers(place, value)[0][0]
            how = "was aborted" if writer.transaction else "has certainly failed"
            text = f"{read}, but {writer}, which wrote it, {how}"
            yield Anomaly("aborted read", text, (value,), (readers[0], writer), (place, offset))
        elif not orders.writers(place, value):
            text = f"{read}, which nobody has sent"
            yield Anomaly("phantom", text, (value,), (readers[0],), (place, offset))


def _precommitted_reads(orders: Orders) -> Iterator[Anomaly]:
    """A transaction is not to see what it writes itself before it is committed."""
    for operation in orders.operations:
        if not operation.transaction:
            continue
        own: set[tuple[Place, Value]] = set()
        for action in operation.actions:
            if isinstance(action, Send):
                own.add((action.place, action.value))
            elif isinstance(action, Poll):
                for offset, value in action.records:
                    if (action.place, value) in own:
                        text = (
                            f"{operation} read {orders.name(value)} at offset {offset} of "
                            f"{place_name(action.place)}, which it had written itself and not yet "
                            "committed"
                        )
                        where = (action.place, offset)
                        yield Anomaly("precommitted read", text, (value,), (operation,), where)


def _lost(orders: Orders) -> Iterator[Anomaly]:
    """Acknowledged records that readers went past, or that a last look does not find."""
    passed = spans(orders)
    for operation in orders.operations:
        if operation.end is not End.OK:
            continue
        for action in operation.actions:
            if isinstance(action, Send) and action.offset is not None:
                order = orders.of[action.place]
                if action.value not in order.readers:
                    yield from _unread(orders, operation, action, passed.get(action.place, []))


def _unread(
    orders: Orders, operation: Operation, send: Send, passed: list[tuple[int, int, Operation]]
) -> Iterator[Anomaly]:
    order, offset = orders.of[send.place], send.offset
    assert offset is not None
    where = (send.place, offset)
    acknowledged = (
        f"{orders.name(send.value)} was acknowledged at offset {offset} of "
        f"{place_name(send.place)} ({operation})"
    )
    reader = next((reader for low, high, reader in passed if low <= offset <= high), None)
    if reader is not None:
        text = f"{acknowledged}, and is read by nobody, though {reader} read on past it"
        yield Anomaly("lost write", text, (send.value,), (operation, reader), where)
    elif order.final is not None and offset >= order.final[0]:
        text = f"{acknowledged}, and is not there at the end: the log ends at {order.final[1]}"
        yield Anomaly("unseen", text, (send.value,), (operation,), where)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]])
