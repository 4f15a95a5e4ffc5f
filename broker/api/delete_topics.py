"""DeleteTopics (20): topics by name, or from version 6 on by id (KIP-516).

A deleted topic is gone from the metadata at once, and its files follow after a delay. Deleting by
id is the safe way: a name may by now belong to a newer topic.
"""

from __future__ import annotations

from collections import Counter

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.metadata.controller import Plan
from broker.metadata.topics import plan_removal
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.wire.primitives import ZERO_UUID


def handle(
    broker: Broker, request: RequestArrived, body: DeleteTopicsRequest, now: Now
) -> DeleteTopicsResponse | None:
    """Delete what there is; the answer waits for the commit."""
    named = [DeleteTopicState(name=name, topic_id=ZERO_UUID) for name in body.topic_names]
    times = Counter((topic.name, topic.topic_id) for topic in [*named, *body.topics])
    plan = broker.controller.plan()
    results = []
    for (name, topic_id), count in times.items():
        try:
            results.append(_delete(broker, plan, name, topic_id, count))
        except ApiError as error:
            results.append(
                DeletableTopicResult(
                    name=name,
                    topic_id=topic_id,
                    error_code=error.code,
                    error_message=error.message,
                )
            )
    response = DeleteTopicsResponse(responses=results)
    broker.after_commit(broker.controller.submit(plan, now), request, response)
    return None


def _delete(
    broker: Broker, plan: Plan, name: str | None, topic_id: bytes, times: int
) -> DeletableTopicResult:
    if not broker.config.delete_topic_enable:
        raise ApiError(ErrorCode.TOPIC_DELETION_DISABLED)
    if name is None and topic_id == ZERO_UUID:
        raise _invalid("Neither topic name nor id were specified.")
    if name is not None and topic_id != ZERO_UUID:
        raise _invalid("You may not specify both topic name and topic id.")
    if times > 1:
        raise _invalid(f"Duplicate topic {'id' if name is None else 'name'}.")
    if name is None:
        topic = plan.image.topic_by_id(topic_id)
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
    else:
        topic = plan.image.topics.get(name)
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    plan.add(plan_removal(plan.image, topic.topic_id))
    return DeletableTopicResult(name=topic.name, topic_id=topic.topic_id, error_code=ErrorCode.NONE)


def _invalid(why: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REQUEST, why)
