"""Answers to those who waited for the controller: this node's own, or another one.

a decision of this controller      until it is committed; NOT_CONTROLLER if it is deposed first
what was passed on                 until the active controller has answered
news                               until the image has the topics that are being created, or the
                                   next block of producer ids has come
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.api.context import Broker
from broker.api.forwarding import Answer, Purpose
from broker.api.table import FORWARDED, INIT_PRODUCER_ID
from broker.api.waiters import PRODUCER_IDS, NewsKey, NewsWaiter
from broker.events import LOOPBACK, Now
from broker.metadata.image import Delta
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.schema import Message

# -- decisions of this controller -----------------------------------------------------------------


def answer_committed(broker: Broker) -> None:
    """Answer those whose decisions are committed by now."""
    commits, committed = broker.commits, broker.image.offset + 1
    while commits and commits[0].offset <= committed:
        waiter = commits.popleft()
        broker.respond(waiter.request, waiter.response)


def drop_commits(broker: Broker, now: Now) -> None:
    """This node decides no more. What was decided and is not committed may be lost, or not: a
    client's request goes to the next controller, which will know."""
    waiters = list(broker.commits)
    broker.commits.clear()
    for _, request, _ in waiters:
        own_client = request.connection > LOOPBACK and not request.to_controller
        if own_client and request.api_key in FORWARDED:
            broker.forwarder.forward(request, now)
        else:
            broker.refuse(request, ApiError(ErrorCode.NOT_CONTROLLER))


# -- what was passed on ---------------------------------------------------------------------------


def answer_forwarded(broker: Broker, now: Now) -> None:
    """Hand out what the active controller has answered, or not answered in time."""
    answers = broker.forwarder.answers
    while answers:
        answer = answers.popleft()
        question, response, error = answer
        if question.purpose is Purpose.TOPICS:
            _topics_answered(broker, answer, now)
        elif question.purpose is Purpose.PRODUCER_IDS:
            _producer_ids_answered(broker, response, now)
        elif response is not None:
            broker.respond(question.request, response)
        elif error is not None:
            broker.refuse(question.request, error)


def _topics_answered(broker: Broker, answer: Answer, now: Now) -> None:
    """Topics that cannot be created are waited for no longer. The others come with the image."""
    fine = (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
    told: Any = answer.response
    if told is None:
        asked: Any = answer.question.request.body
        names = [topic.name for topic in asked.topics]
    else:
        names = [topic.name for topic in told.topics if topic.error_code not in fine]
        for topic in told.topics:
            if topic.error_code == ErrorCode.INVALID_REPLICATION_FACTOR:
                for waiter in broker.news.at(("topic", topic.name)):
                    waiter.impossible.add(("topic", topic.name))
    _wake(broker, [("topic", name) for name in names], now)


def _producer_ids_answered(broker: Broker, response: Any, now: Now) -> None:
    broker.producer_ids.asked = False
    if response is not None and not response.error_code:
        first = response.producer_id_start
        broker.producer_ids.refill(range(first, first + response.producer_id_len))
    _wake(broker, [PRODUCER_IDS], now)


# -- news -----------------------------------------------------------------------------------------


def wake_news(broker: Broker, delta: Delta, now: Now) -> None:
    """The image has changed: some may have waited for its new topics."""
    if broker.news:
        _wake(broker, [("topic", name) for name in delta.topics], now)


def time_out_news(broker: Broker, now: Now) -> None:
    """Answer those who have waited long enough with what there is."""
    for waiter in broker.news.due(now.mono_us):
        _answer(broker, waiter, now)


def _wake(broker: Broker, keys: Iterable[NewsKey], now: Now) -> None:
    for key in keys:
        for waiter in broker.news.at(key):
            waiter.missing.pop(key, None)
            if not waiter.missing:
                _answer(broker, waiter, now)


def _answer(broker: Broker, waiter: NewsWaiter, now: Now) -> None:
    """Answer with what there is now. Only those modules come here that let somebody wait."""
    from broker.api import init_producer_id, metadata

    broker.news.leave(waiter)
    request: Any = waiter.request
    answer: Message
    if request.api_key == INIT_PRODUCER_ID:
        answer = init_producer_id.answer(broker)
    else:
        answer = metadata.answer(broker, request, request.body, now, waiter.impossible)
    broker.respond(request, answer)
