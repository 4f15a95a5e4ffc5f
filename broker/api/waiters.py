"""The requests that wait, as plain data: who, for what. The waiting rooms say until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from broker.events import RequestArrived
from broker.replication.partition import Partition, PartitionKey
from broker.wire.messages.fetch import FetchRequest
from broker.wire.messages.produce import ProduceResponse
from broker.wire.schema import Message


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


class CommitWaiter(NamedTuple):
    """A request that waits until the metadata log is committed up to an offset."""

    offset: int
    request: RequestArrived
    response: Message | None
    """What to answer then. None: the request is handled once more, on the newer image."""
