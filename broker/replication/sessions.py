"""Fetch sessions (KIP-227): a follower of thousands of partitions names only what has changed.

The first fetch on a connection names them all, and opens a session. Each later one says what is
different (another offset, a partition more or less), and gets an answer in which only those appear
that have something to tell. Neither side ever goes through the whole list: what happened at a
partition since it was told is noted here when it happens.

    asked      what the follower wants of each partition, as it said last
    to_look    partitions to read when the next answer is made: records may be there, or an error
    to_tell    those of which only the high watermark is news: good for an answer, not for one more
    to_repeat  those of which something else was heard since: the next fetch counts as if it named
               them again

Each fetch still speaks for all partitions of its session. That matters when a follower gave up a
connection, and what it had sent there arrives after newer fetches on the next one: the late word is
taken for the latest, and has to be put right by whoever goes on asking.

A session lives as long as its connection. Kafka's outlive theirs, and a client may come back to
one; here it is told FETCH_SESSION_ID_NOT_FOUND, and begins a new one, as Kafka's clients do then.
Consumers get none (session id 0), which they are used to from brokers whose cache is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.replication.follower import Follower, Poll
from broker.replication.partition import PartitionKey
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import FetchPartition, FetchRequest

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

UNKNOWN = -2
LAST_EPOCH = 2**31 - 1


@dataclass(slots=True)
class Wanted:
    """One partition of a session: what is asked of it, and what was told of it last."""

    asked: FetchPartition
    topic_id: bytes
    told_high_watermark: int = UNKNOWN
    told_log_start: int = UNKNOWN

    def heard(self, asked: FetchPartition) -> None:
        """It is named again, and with it what the follower knows: of the answer before it may have
        used nothing, since its log had to be cut first, or its leader epoch was over by then."""
        self.asked = asked
        self.told_high_watermark = min(self.told_high_watermark, asked.high_watermark)
        self.told_log_start = min(self.told_log_start, asked.log_start_offset)


class FetchSession:
    """What one follower wants on one connection."""

    def __init__(self, session_id: int, connection: int, replica_id: int) -> None:
        self.session_id = session_id
        self.connection = connection
        self.replica_id = replica_id
        self.epoch = 0
        """The number of the fetch that is expected next; 0 for the one that opens the session."""
        self.replica_epoch = UNKNOWN
        """In which of its runs the follower fetches; it may register anew and go on."""
        self.poll = Poll()
        self.wanted: dict[PartitionKey, Wanted] = {}
        self.to_look: dict[PartitionKey, None] = {}
        self.to_tell: dict[PartitionKey, None] = {}
        self.to_repeat: dict[PartitionKey, None] = {}
        self.is_new = True
        """Whether its first answer, which names every partition, is still to come."""

    def fetched(self, replica_epoch: int) -> None:
        """One more fetch has come. The numbers go round, without 0."""
        self.epoch = 1 if self.epoch == LAST_EPOCH else self.epoch + 1
        if replica_epoch != self.replica_epoch:
            self.replica_epoch = replica_epoch
            self.to_repeat = dict.fromkeys(self.wanted)

    def repeat(self) -> dict[PartitionKey, None]:
        """What the fetch that has come says once more without naming it."""
        repeated, self.to_repeat = self.to_repeat, {}
        self.to_look.update(repeated)
        return repeated


class FetchSessions:
    """The sessions of all followers, found by their connections and by their partitions."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._opened = 0
        self._by_connection: dict[int, FetchSession] = {}
        self._at: dict[PartitionKey, dict[int, FetchSession]] = {}

    def open(self, connection: int, replica_id: int) -> FetchSession:
        """A new session; the one that this connection had before is over."""
        self.close(connection)
        self._opened += 1
        session = FetchSession(self._opened, connection, replica_id)
        self._by_connection[connection] = session
        return session

    def find(self, connection: int, body: FetchRequest) -> FetchSession:
        """The session that a fetch goes on with, or an ApiError: then it has to begin anew."""
        session = self._by_connection.get(connection)
        if session is None or session.session_id != body.session_id:
            raise ApiError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != body.session_epoch:
            raise ApiError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        return session

    def close(self, connection: int) -> None:
        """The connection is gone, or begins anew."""
        session = self._by_connection.pop(connection, None)
        if session is not None:
            for key in list(session.wanted):
                self._leave(session, key)

    def want(
        self, session: FetchSession, key: PartitionKey, topic_id: bytes, asked: FetchPartition
    ) -> None:
        """A partition is new in a session, or it is wanted from another place."""
        wanted = session.wanted.get(key)
        if wanted is None or wanted.topic_id != topic_id:
            session.wanted[key] = Wanted(asked, topic_id)
            self._at.setdefault(key, {})[session.connection] = session
        else:
            wanted.heard(asked)
        session.to_look[key] = None

    def forget(self, session: FetchSession, key: PartitionKey, topic_id: bytes) -> None:
        """A partition is no longer wanted: the session's fetches do not speak for it."""
        wanted = session.wanted.get(key)
        if wanted is not None and wanted.topic_id == topic_id:
            del session.wanted[key]
            session.to_look.pop(key, None)
            session.to_tell.pop(key, None)
            session.to_repeat.pop(key, None)
            self._leave(session, key)

    def _leave(self, session: FetchSession, key: PartitionKey) -> None:
        at = self._at.get(key)
        if at is not None:
            at.pop(session.connection, None)
            if not at:
                del self._at[key]
        partition = self._replicas.partitions.get(key)
        if partition is not None:
            follower = partition.followers.get(session.replica_id)
            if follower is not None and follower.poll is session.poll:
                follower.left_behind()
                self.speaks(None, key, follower)

    def speaks(self, poll: Poll | None, key: PartitionKey, follower: Follower) -> None:
        """From now on these fetches speak for a follower. Any others that did have to say again
        what they want, for nobody knows which of them are the newer ones."""
        follower.poll = poll
        for session in self._at.get(key, {}).values():
            if session.replica_id == follower.broker_id and session.poll is not poll:
                session.to_repeat[key] = None

    def changed(self, key: PartitionKey) -> list[FetchSession]:
        """There are records at a partition, or its role has changed: whose sessions have it."""
        at = self._at.get(key)
        if at is None:
            return []
        sessions = list(at.values())
        for session in sessions:
            session.to_look[key] = None
        return sessions

    def committed(self, key: PartitionKey) -> None:
        """The high watermark of a partition has moved."""
        for session in self._at.get(key, {}).values():
            session.to_tell[key] = None

    def __len__(self) -> int:
        return len(self._by_connection)
