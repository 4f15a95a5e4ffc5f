"""A message queue, as small as one can be: the thing Kafka is *not*.

The broker holds a message until a reader takes it; taking deletes it. Whoever connects later
finds what is left, and two readers of one queue share its messages between them. That is
how the classic queues of RabbitMQ or ActiveMQ work, and it is right for work that must be
done once. (Real brokers wait for an acknowledgement before they delete, and can copy a
message into several queues. Neither brings a taken message back.)

The queue can write what happens to it into the trace of a run, so that a figure shows it
beside a log that is given the same records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Message(NamedTuple):
    """A message has content and, unlike a record in a log, no number a reader could ask for."""

    key: str
    value: str


@dataclass
class Queue:
    """First in, first out, and out means gone."""

    name: str = "queue"
    _messages: deque[tuple[int, Message]] = field(default_factory=deque)
    _put: int = 0
    _changes: list[tuple[str, object]] = field(default_factory=list)

    def put(self, key: str, value: str = "") -> None:
        """Add a message at the back."""
        self._messages.append((self._put, Message(key, value)))
        self._note(f"messages/{self._put}", {"key": key, "value": value})
        self._put += 1
        self._note("put", self._put)

    def take(self) -> Message | None:
        """Remove the message at the front and hand it over; None when the queue is empty."""
        if not self._messages:
            return None
        number, message = self._messages.popleft()
        self._note(f"messages/{number}", None)
        self._note("taken", number + 1)
        return message

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return (message for _, message in self._messages)

    def changes(self) -> list[tuple[str, object]]:
        """What happened since the last call, as the `set` entries of a trace step."""
        changes, self._changes = self._changes, []
        return changes

    def _note(self, what: str, value: object) -> None:
        self._changes.append((f"queues/{self.name}/{what}", value))
