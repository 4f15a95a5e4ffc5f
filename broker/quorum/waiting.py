"""A fetch of the metadata log that waits for something to come (KIP-595's long poll)."""

from __future__ import annotations

from typing import NamedTuple

from broker.events import RequestArrived
from broker.wire.messages.fetch import FetchPartition


class WaitingFetch(NamedTuple):
    """Who waits, where it stands and until when."""

    request: RequestArrived
    partition: FetchPartition
    replica_id: int
    max_bytes: int
    deadline: int
