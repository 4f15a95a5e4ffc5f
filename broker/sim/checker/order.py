"""The order in which each partition must have stored its records, put together from outside.

A poll that went well shows records with their offsets, and so does an acknowledgement. A record
whose sending was left open counts as soon as somebody has read it. Offsets between records may be
missing (a control record, a record that failed); so what counts is a record's place in the row, its
*index*, with the gaps squeezed out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from broker.sim.checker.operations import End, Operation, Place, Poll, Send, Value


class Order:
    """What is known of one partition."""

    def __init__(self) -> None:
        self.values: dict[int, dict[Value, Operation]] = {}
        """For each offset, the records that were seen there, each with who saw it first."""
        self.offsets: dict[Value, list[int]] = {}
        self.readers: dict[Value, list[Operation]] = {}
        """Who read a record in an operation that went well."""
        self.index: dict[int, int] = {}
        """The index of each offset, among records that may have been committed."""
        self.row: list[int] = []
        """The offset of each index."""
        self.final: tuple[int, int] | None = None
        """Where a final poll began, and the offset after the last one it read."""

    def see(self, offset: int, value: Value, operation: Operation) -> None:
        """A record was seen at an offset."""
        at = self.values.setdefault(offset, {})
        if value not in at:
            at[value] = operation
            self.offsets.setdefault(value, []).append(offset)

    def between(self, before: int, after: int) -> list[int]:
        """The offsets of records that lie between two, without those that were deleted since."""
        return self._there(self.row[self.index[before] + 1 : self.index[after]])

    def from_to(self, start: int, after: int) -> list[int]:
        """The same, from an offset on at which there need not be a record."""
        return self._there(self.row[bisect_left(self.row, start) : self.index[after]])

    def _there(self, missed: list[int]) -> list[int]:
        start = 0 if self.final is None else self.final[0]
        return [offset for offset in missed if offset >= start]


class Orders:
    """A history, sorted by what is asked of it."""

    def __init__(self, operations: Iterable[Operation], name: Callable[[Value], str]) -> None:
        self.operations = list(operations)
        self.name = name
        self.of: dict[Place, Order] = {}
        self._writers: dict[tuple[str, Value], list[tuple[Operation, Send]]] = {}
        for operation in self.operations:
            for action in operation.actions:
                if isinstance(action, Poll):
                    self._polled(operation, action)
                elif isinstance(action, Send):
                    key = (action.place[0], action.value)
                    self._writers.setdefault(key, []).append((operation, action))
        self._take_in_sends()
        for place, order in self.of.items():
            self._squeeze(place, order)

    def _polled(self, operation: Operation, poll: Poll) -> None:
        order = self.of.setdefault(poll.place, Order())
        for offset, value in poll.records:
            order.see(offset, value, operation)
            if operation.end is End.OK:
                order.readers.setdefault(value, []).append(operation)
        if poll.beginning is not None:
            end = poll.records[-1][0] + 1 if poll.records else poll.beginning
            order.final = (poll.beginning, end)

    def _take_in_sends(self) -> None:
        for (_, value), writers in self._writers.items():
            for operation, send in writers:
                if send.offset is None:
                    continue
                order = self.of.setdefault(send.place, Order())
                if operation.end is End.OK or value in order.readers:
                    order.see(send.offset, value, operation)

    def _squeeze(self, place: Place, order: Order) -> None:
        order.row = [
            offset
            for offset, values in sorted(order.values.items())
            if any(not self.refused(place, value) for value in values)
        ]
        order.index = {offset: index for index, offset in enumerate(order.row)}

    def writers(self, place: Place, value: Value) -> list[tuple[Operation, Send]]:
        """Who may have written a record that was found in a partition."""
        return [
            (operation, send)
            for operation, send in self._writers.get((place[0], value), [])
            if send.place[1] in (place[1], -1)
        ]

    def refused(self, place: Place, value: Value) -> bool:
        """Whether each attempt to write a record has certainly failed."""
        writers = self.writers(place, value)
        return bool(writers) and all(operation.end is End.FAIL for operation, _ in writers)
