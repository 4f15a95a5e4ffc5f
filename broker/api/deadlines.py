"""When a node has something to do, as all its parts say, and which of them an event may concern.

A host asks after each event, and most events concern few parts: a follower's fetch does not change
when a session of the controller ends. So what the parts have said is remembered, in three groups.
What follows from one group for another (the quorum has a new leader, metadata are committed) passes
through the node, which forgets everything then.
"""

from __future__ import annotations

from enum import Enum

from broker.api.context import Broker
from broker.api.publisher import Publisher
from broker.api.table import RAFT, RECORDS
from broker.events import FORWARD, QUORUM, REGISTRATION, REPLICATION, RequestArrived, earliest


class Reach(Enum):
    """Whose deadline may be another after an event."""

    RECORDS = "only that of the partitions, and of who waits for records"
    QUORUM = "only the quorum's"
    METADATA = "all but those of records"
    EVERYTHING = "any"


OF_RECORDS, OF_QUORUM, OF_METADATA, OF_EVERYTHING = Reach

REACH_OF_LANE = {
    REPLICATION: OF_RECORDS,
    QUORUM: OF_QUORUM,
    REGISTRATION: OF_METADATA,
    FORWARD: OF_METADATA,
}
"""By the lane of an answer."""


def reach_of(request: RequestArrived) -> Reach:
    """What a request may concern."""
    if request.to_controller:
        return OF_QUORUM if request.api_key in RAFT else OF_METADATA
    return OF_RECORDS if request.api_key in RECORDS else OF_EVERYTHING


class Deadlines:
    """What the parts of one node said last."""

    def __init__(self, broker: Broker, publisher: Publisher) -> None:
        self._quorum = broker.quorum
        self._of_metadata = (
            broker.controller, broker.lifecycle, publisher, broker.forwarder, broker.news
        )  # fmt: skip
        self._of_records = (broker.replicas, broker.produces, broker.fetches)
        self._first_us: int | None = None
        self._quorum_us: int | None = None
        self._metadata_us: int | None = None
        self._records_us: int | None = None
        self._is_known = False
        self._quorum_is_known = self._metadata_is_known = self._records_are_known = False

    def forget(self, reach: Reach) -> None:
        """Something has happened: who is concerned is asked again."""
        self._is_known = False
        if reach is not OF_QUORUM and reach is not OF_METADATA:
            self._records_are_known = False
        if reach is not OF_RECORDS:
            self._quorum_is_known = False
            if reach is not OF_QUORUM:
                self._metadata_is_known = False

    def first(self) -> int | None:
        """The first of all, in monotonic microseconds; None while nothing is to be done."""
        if not self._is_known:
            if not self._quorum_is_known:
                self._quorum_us, self._quorum_is_known = self._quorum.deadline(), True
            if not self._metadata_is_known:
                self._metadata_us = earliest(*[part.deadline() for part in self._of_metadata])
                self._metadata_is_known = True
            if not self._records_are_known:
                self._records_us = earliest(*[part.deadline() for part in self._of_records])
                self._records_are_known = True
            self._first_us = earliest(self._quorum_us, self._metadata_us, self._records_us)
            self._is_known = True
        return self._first_us

    def is_of_records(self, mono_us: int) -> bool:
        """Whether nothing else than records can be due at a time."""
        if not self._quorum_is_known or not self._metadata_is_known:
            return False
        rest_us = earliest(self._quorum_us, self._metadata_us)
        return rest_us is None or mono_us < rest_us
