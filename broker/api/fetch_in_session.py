"""Fetch within a session (KIP-227): a request names what has changed, an answer what there is to
tell; see `broker.replication.sessions`.

Kafka gives sessions to consumers, too. Here they are for followers, which may have thousands of
partitions with one leader and ask again with every record.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from broker.api.context import Broker
from broker.api.fetch_reading import Reading, begin, position, read_partition, replica_of
from broker.api.waiters import FetchWaiter
from broker.events import Now, RequestArrived
from broker.replication.partition import PartitionKey
from broker.replication.sessions import FetchSession, Wanted
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    PartitionData,
)

_Found = list[tuple[PartitionKey, Wanted, PartitionData]]


def handle(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now
) -> FetchResponse | None:
    """Take in what is different, then answer, or wait until there is something to tell."""
    sessions = broker.replicas.sessions
    try:
        if body.session_epoch == 0:
            session = sessions.open(request.connection, replica_of(request, body)[0])
        else:
            session = sessions.find(request.connection, body)
    except ApiError as error:
        return FetchResponse(error_code=error.code)
    reading = begin(broker, request, body, now, first_look=True)
    reading.poll = session.poll
    session.fetched(reading.replica_epoch)
    named, unknown = _take_in(broker, session, body)
    named.update(session.repeat())
    found = _look(broker, request, body, session, reading, named)
    silent_us, session.poll.at_us = now.mono_us - session.poll.at_us, now.mono_us
    if silent_us > broker.replicas.around.lag_us and not session.is_new:
        _is_heard_again(broker, session, now)
    if not unknown and not session.is_new and body.max_wait_ms > 0:
        missing = reading.missing_bytes
        if missing > 0:
            _keep(broker, session, found)
            waiter = FetchWaiter(request.connection, request, body, missing, session)
            due_us = now.mono_us + body.max_wait_ms * 1000
            broker.fetches.enter(waiter, [_place(session)], due_us)
            return None
    return _response(broker, session, found, unknown)


def _is_heard_again(broker: Broker, session: FetchSession, now: Now) -> None:
    """A follower was silent for so long that it may have left ISRs. It has nothing new to say of
    partitions where it has everything; but that it lives is news for each of them."""
    for key in session.wanted:
        partition = broker.replicas.partitions.get(key)
        if partition is not None and session.replica_id not in partition.isr:
            broker.replicas.isr_changes.reconsider(partition, now)


def _place(session: FetchSession) -> Hashable:
    """Where the one who waits in a session does so."""
    return ("session", session.session_id)


def _take_in(
    broker: Broker, session: FetchSession, body: FetchRequest
) -> tuple[set[PartitionKey], list[FetchableTopicResponse]]:
    """What is wanted from now on; of topics that nobody knows, the answer to just that."""
    sessions, names = broker.replicas.sessions, broker.image.names
    for gone in body.forgotten_topics_data:
        name = names.get(gone.topic_id)
        if name is not None:
            for index in gone.partitions:
                sessions.forget(session, (name, index), gone.topic_id)
    named: set[PartitionKey] = set()
    unknown = []
    for topic in body.topics:
        name = names.get(topic.topic_id)
        if name is None:
            lost = [_unknown(asked.partition) for asked in topic.partitions]
            unknown.append(FetchableTopicResponse(topic_id=topic.topic_id, partitions=lost))
            continue
        for asked in topic.partitions:
            key = (name, asked.partition)
            sessions.want(session, key, topic.topic_id, asked)
            named.add(key)
    return named, unknown


def _unknown(index: int) -> PartitionData:
    return PartitionData(
        partition_index=index,
        error_code=ErrorCode.UNKNOWN_TOPIC_ID,
        high_watermark=-1,
        aborted_transactions=[],
        records=b"",
    )


def _look(
    broker: Broker,
    request: RequestArrived,
    body: FetchRequest,
    session: FetchSession,
    reading: Reading,
    named: AbstractSet[PartitionKey],
) -> _Found:
    """Read where something may be. Only what this request names is also a report."""
    found = []
    for key in session.to_look:
        wanted = session.wanted[key]
        reading.first_look = key in named
        if broker.image.names.get(wanted.topic_id) != key[0]:
            reading.leaves_now = True
            data = _unknown(key[1])
        else:
            data = read_partition(broker, request, key[0], wanted.asked, body, reading)
        found.append((key, wanted, data))
    return found


def _keep(broker: Broker, session: FetchSession, found: _Found) -> None:
    """Nothing is answered yet: what has records is looked at again, a new high watermark told with
    the next answer, and the rest is as it was."""
    for key, wanted, data in found:
        if not data.records and not _has_more(broker, key, wanted):
            del session.to_look[key]
            if _is_news(wanted, data):
                session.to_tell[key] = None


def _has_more(broker: Broker, key: PartitionKey, wanted: Wanted) -> bool:
    """Whether there are records which did not fit."""
    partition = broker.replicas.partitions.get(key)
    return partition is not None and wanted.asked.fetch_offset < partition.log.log_end_offset


def _is_news(wanted: Wanted, data: PartitionData) -> bool:
    return (
        data.high_watermark != wanted.told_high_watermark
        or data.log_start_offset != wanted.told_log_start
    )


def _response(
    broker: Broker,
    session: FetchSession,
    found: _Found,
    unknown: Sequence[FetchableTopicResponse] = (),
) -> FetchResponse:
    """All that has something to tell, by topic."""
    topics: dict[bytes, FetchableTopicResponse] = {}
    for key, wanted, data in found:
        answered = data.records or data.error_code or data.diverging_epoch.epoch >= 0
        if answered or not _has_more(broker, key, wanted):
            # The follower says next what it wants here, or there is no more to say.
            session.to_look.pop(key, None)
        session.to_tell.pop(key, None)
        if answered or session.is_new or _is_news(wanted, data):
            _add(topics, wanted, data)
    for key in session.to_tell:
        partition, wanted = broker.replicas.partitions.get(key), session.wanted[key]
        if partition is not None:
            _add(topics, wanted, position(partition, key[1]))
    session.to_tell.clear()
    session.is_new = False
    return FetchResponse(session_id=session.session_id, responses=[*topics.values(), *unknown])


def _add(topics: dict[bytes, FetchableTopicResponse], wanted: Wanted, data: PartitionData) -> None:
    topic = topics.get(wanted.topic_id)
    if topic is None:
        topic = FetchableTopicResponse(topic_id=wanted.topic_id, partitions=[])
        topics[wanted.topic_id] = topic
    topic.partitions.append(data)
    if not data.error_code:
        wanted.told_high_watermark = data.high_watermark
        wanted.told_log_start = data.log_start_offset


# -- the waiting room -----------------------------------------------------------------------------


def wake(
    broker: Broker,
    progress: Mapping[PartitionKey, int],
    appended: Mapping[PartitionKey, int],
    now: Now,
) -> None:
    """Note what has happened for each session that it concerns, then look at those who wait."""
    sessions = broker.replicas.sessions
    woken: dict[int, FetchSession] = {}
    for key, new_bytes in progress.items():
        if new_bytes and not broker.config.replica_selector_class:
            sessions.committed(key)
        else:
            woken |= {session.session_id: session for session in sessions.changed(key)}
    for key in appended:
        woken |= {session.session_id: session for session in sessions.changed(key)}
    for session in woken.values():
        for waiter in broker.fetches.at(_place(session)):
            answer(broker, waiter, session, now)


def answer(
    broker: Broker, waiter: FetchWaiter, session: FetchSession, now: Now, due: bool = False
) -> None:
    """Answer who waits, if there is enough by now, or its time is up."""
    reading = begin(broker, waiter.request, waiter.body, now, first_look=False)
    found = _look(broker, waiter.request, waiter.body, session, reading, frozenset())
    if not due and reading.missing_bytes > 0:
        _keep(broker, session, found)
        return
    broker.fetches.leave(waiter)
    broker.respond(waiter.request, _response(broker, session, found))
