"""The requests that wait, as plain data: who, for what. The waiting rooms say until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from broker.events import RequestArrived
from broker.replication.partition import Partition, PartitionKey
from broker.replication.sessions import FetchSession
from broker.wire.messages.fetch import FetchRequest
from broker.wire.messages.produce import ProduceResponse
from broker.wire.schema import Message

NewsKey = tuple[str, str]
"""What the controller may have news of: ("topic", its name), or the next block of producer ids."""
PRODUCER_IDS: NewsKey = ("producer ids", "")
NEWS_MAX_WAIT_US = 1_000_000
"""Longer than this nobody is kept waiting for news; the client asks again."""


@dataclass(slots=True, eq=False)
class ProduceWaiter:
    """A produce whose batches are in the log and not yet safe enough to be acknowledged."""

    connection: int
    request: RequestArrived
    acks: int
    response: ProduceResponse
    missing: dict[PartitionKey, tuple[Partition, int]]
    """The offset that each partition has to reach. The partition itself stands beside its name:
    another one may have the name by then."""


@dataclass(slots=True, eq=False)
class FetchWaiter:
    """A fetch that found less than it wants and has time to wait for more."""

    connection: int
    request: RequestArrived
    body: FetchRequest
    missing_bytes: int
    session: FetchSession | None = None
    """What is wanted in all; None: just what the request names."""


@dataclass(slots=True, eq=False)
class NewsWaiter:
    """A request that waits for something of the controller: topics, a block of producer ids."""

    connection: int
    request: RequestArrived
    missing: dict[NewsKey, None]
    """What has not come yet."""
    impossible: set[NewsKey] = field(default_factory=set)
    """What never will: topics with more replicas than there are brokers."""


class CommitWaiter(NamedTuple):
    """A request that the controller has decided on. The answer waits for the commit."""

    offset: int
    request: RequestArrived
    response: Message
