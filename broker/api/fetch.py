"""Fetch (1): read batches from partitions, and wait for them if need be.

    4   read_committed (KIP-98)               12  diverging epochs, current leader (KIP-595)
    7   fetch sessions (KIP-227)              13  topic ids (KIP-516)
    9   leader epochs (KIP-320)               16  endpoints of new leaders (KIP-951)
    11  closest replica (KIP-392)             17-18  for followers (KIP-853, KIP-1166)

The bytes that go out are the bytes that came in: whole batches, a slice of the log's file. The
batch that holds the offset comes whole, so clients skip what lies before it; and the first batch
comes even if it alone is larger than the limits, or a consumer would be stuck for ever (KIP-74).

Who fetches decides how far (`fetch_reading`). Followers may open fetch sessions, and then name only
what has changed (`fetch_in_session`). Consumers get none: the answer to a request for one has
session id 0, by which a broker says that it keeps none (as Kafka does when its cache is full).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from broker.api import fetch_in_session
from broker.api.context import Broker
from broker.api.fetch_reading import CONSUMER, begin, read_partition, replica_of
from broker.api.leaders import addresses
from broker.api.waiters import FetchWaiter
from broker.events import Now, RequestArrived
from broker.replication.partition import PartitionKey
from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    NodeEndpoint,
)

BY_TOPIC_ID = 13
NO_SESSION = 0
FINAL_EPOCH = -1
WITHOUT_SESSION = (0, FINAL_EPOCH)
"""The epochs of a request that names all that it wants: it would open a session, or close one."""
LOG_END = "log end"
"""Followers wait at this place of a partition, consumers at the high watermark."""


def handle(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now
) -> FetchResponse | None:
    """Read now, or wait until there is enough or max_wait_ms have passed."""
    follows = replica_of(request, body)[0] > CONSUMER
    if follows and body.session_epoch != FINAL_EPOCH and request.api_version >= BY_TOPIC_ID:
        return fetch_in_session.handle(broker, request, body, now)
    if body.session_epoch not in WITHOUT_SESSION:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    response, missing_bytes = _read(broker, request, body, now, first_look=True)
    if missing_bytes <= 0 or body.max_wait_ms <= 0:
        return response
    waiter = FetchWaiter(request.connection, request, body, missing_bytes)
    keys = [(*key, LOG_END) if follows else key for key in _keys(broker, request, body)]
    broker.fetches.enter(waiter, keys, now.mono_us + body.max_wait_ms * 1000)
    return None


def _read(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now, *, first_look: bool
) -> tuple[FetchResponse, int]:
    """What there is now, and how many bytes are missing from what the client wants to wait for."""
    reading = begin(broker, request, body, now, first_look=first_look)
    responses = [
        FetchableTopicResponse(
            topic=topic.topic,
            topic_id=topic.topic_id,
            partitions=[
                read_partition(broker, request, name, asked, body, reading)
                for asked in topic.partitions
            ],
        )
        for name, topic in _topics(broker, request, body)
    ]
    missing = reading.missing_bytes if any(topic.partitions for topic in body.topics) else 0
    endpoints = addresses(broker.image, reading.leaders, NodeEndpoint) if reading.leaders else []
    response = FetchResponse(session_id=NO_SESSION, responses=responses, node_endpoints=endpoints)
    return response, missing


def _topics(
    broker: Broker, request: RequestArrived, body: FetchRequest
) -> Iterator[tuple[str | None, FetchTopic]]:
    by_id = request.api_version >= BY_TOPIC_ID
    for topic in body.topics:
        yield broker.image.names.get(topic.topic_id) if by_id else topic.topic, topic


def _keys(broker: Broker, request: RequestArrived, body: FetchRequest) -> Iterator[PartitionKey]:
    for name, topic in _topics(broker, request, body):
        if name is not None:
            for asked in topic.partitions:
                yield name, asked.partition


# -- the waiting room -----------------------------------------------------------------------------


def wake(broker: Broker, key: PartitionKey, new_bytes: int, now: Now) -> None:
    """A partition has that many more committed bytes, or it changed: look at who waits for it."""
    _wake_at(broker, key, new_bytes, now)
    if not new_bytes or broker.config.replica_selector_class:
        _wake_at(broker, (*key, LOG_END), 0, now)


def wake_followers(broker: Broker, key: PartitionKey, new_bytes: int, now: Now) -> None:
    """A log has grown by so much: its followers copy that, committed or not."""
    _wake_at(broker, (*key, LOG_END), new_bytes, now)


def _wake_at(broker: Broker, place: Hashable, new_bytes: int, now: Now) -> None:
    for waiter in broker.fetches.at(place):
        waiter.missing_bytes -= new_bytes
        if waiter.missing_bytes > 0 and new_bytes:
            continue
        response, waiter.missing_bytes = _read(
            broker, waiter.request, waiter.body, now, first_look=False
        )
        if waiter.missing_bytes <= 0:
            broker.fetches.leave(waiter)
            broker.respond(waiter.request, response)


def time_out(broker: Broker, now: Now) -> None:
    """Answer those who have waited long enough with what there is."""
    for waiter in broker.fetches.due(now.mono_us):
        broker.fetches.leave(waiter)
        if waiter.session is not None:
            fetch_in_session.answer(broker, waiter, waiter.session, now, due=True)
            continue
        response, _ = _read(broker, waiter.request, waiter.body, now, first_look=False)
        broker.respond(waiter.request, response)
