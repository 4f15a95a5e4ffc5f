"""What a follower asks of one leader: all of it once, then only what is different (KIP-227).

    request 0     every partition, and session epoch 0: open a session, please
    answer        session 7
    request 1     session 7, epoch 1: these have moved on, those I do not want any more
    answer        what there is to tell; whatever is not in it is as it was

The leader may refuse (session id 0, as Kafka does when its cache is full): then each request names
everything (Kafka's `FetchSessionHandler`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from broker.metadata.configs import BrokerConfig
from broker.replication.following import Following
from broker.replication.sessions import LAST_EPOCH
from broker.wire.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchTopic,
    ForgottenTopic,
    ReplicaState,
)

NO_SESSION = 0
PlaceInRequest = tuple[bytes, int]
"""A partition as Fetch names it: the id of its topic, and its index."""


class Asked(NamedTuple):
    """One partition, as the leader was asked for it last."""

    state: Following
    offset: int


def _place(state: Following) -> PlaceInRequest:
    return state.partition.topic_id, state.partition.index


class Asking:
    """The session with one leader, as the follower knows it."""

    def __init__(self) -> None:
        self._session_id = NO_SESSION
        self._epoch = 0
        self._asked: dict[PlaceInRequest, Asked] = {}
        """What the leader knows that we want."""
        self._news: dict[PlaceInRequest, Following] = {}
        """What it has to be told with the next request..."""
        self._gone: dict[PlaceInRequest, None] = {}
        """...and what we do not want any more."""

    def __bool__(self) -> bool:
        """Whether there is anything to ask for."""
        return bool(self._news) or len(self._asked) > len(self._gone)

    @property
    def in_session(self) -> bool:
        """Whether the leader may hold a fetch back: one that opens a session it answers at once."""
        return self._session_id != NO_SESSION

    def ask(self, state: Following) -> None:
        """Want a partition from where its log ends now."""
        place = _place(state)
        self._news[place] = state
        self._gone.pop(place, None)

    def leave(self, state: Following) -> None:
        """Want a partition no more, for now."""
        place = _place(state)
        if self._news.get(place) is state:
            del self._news[place]
        asked = self._asked.get(place)
        if asked is not None and asked.state is state:
            self._gone[place] = None

    def begin_anew(self, states: Iterable[Following]) -> None:
        """The session is lost. These are wanted."""
        self._session_id, self._epoch = NO_SESSION, 0
        self._asked.clear()
        self._gone.clear()
        self._news = {_place(state): state for state in states}

    def asked(self, topic_id: bytes, index: int) -> Asked | None:
        """What was asked, unless it is not wanted any more."""
        place = (topic_id, index)
        return None if place in self._gone else self._asked.get(place)

    def awaits_disk(self) -> bool:
        """Whether some log has more than it vouches for."""
        return any(
            state.partition.own_end_offset < state.fetch_offset for state in self._news.values()
        )

    def request(self, config: BrokerConfig, broker_epoch: int, wait_ms: int) -> FetchRequest:
        """The next request. From now on an answer to it is expected."""
        if self._session_id == NO_SESSION:
            for place, asked in self._asked.items():
                if place not in self._gone:
                    self._news.setdefault(place, asked.state)
            self._asked.clear()
            self._gone.clear()
        body = FetchRequest(
            replica_state=ReplicaState(replica_id=config.node_id, replica_epoch=broker_epoch),
            max_wait_ms=wait_ms,
            min_bytes=config.replica_fetch_min_bytes,
            max_bytes=config.replica_fetch_response_max_bytes,
            session_id=self._session_id,
            session_epoch=self._epoch,
            topics=self._topics(config.replica_fetch_max_bytes),
            forgotten_topics_data=self._forgotten(),
        )
        self._news.clear()
        self._gone.clear()
        return body

    def _topics(self, max_bytes: int) -> list[FetchTopic]:
        topics: dict[bytes, FetchTopic] = {}
        for place, state in self._news.items():
            partition, log = state.partition, state.partition.log
            offset = log.log_end_offset
            topic = topics.get(partition.topic_id)
            if topic is None:
                topic = FetchTopic(topic_id=partition.topic_id, partitions=[])
                topics[partition.topic_id] = topic
            topic.partitions.append(
                FetchPartition(
                    partition=partition.index,
                    current_leader_epoch=state.leader_epoch,
                    fetch_offset=offset,
                    last_fetched_epoch=log.last_epoch,
                    log_start_offset=log.log_start_offset,
                    partition_max_bytes=max_bytes,
                    high_watermark=partition.high_watermark,
                )
            )
            self._asked[place] = Asked(state, offset)
        return list(topics.values())

    def _forgotten(self) -> list[ForgottenTopic]:
        topics: dict[bytes, ForgottenTopic] = {}
        for place in self._gone:
            del self._asked[place]
            topic_id, index = place
            topic = topics.setdefault(topic_id, ForgottenTopic(topic_id=topic_id, partitions=[]))
            topic.partitions.append(index)
        return list(topics.values())

    def answered(self, session_id: int) -> None:
        """An answer has come, and with it the session's number, or 0."""
        if session_id == NO_SESSION:
            self._session_id, self._epoch = NO_SESSION, 0
        else:
            self._session_id = session_id
            self._epoch = 1 if self._epoch == LAST_EPOCH else self._epoch + 1
