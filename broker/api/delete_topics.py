"""DeleteTopics (20): topics by name, or from version 6 on by id (KIP-516).

A deleted topic is gone from the metadata at once, and its files follow after a delay. Deleting by
id is the safe way: a name may by now belong to a newer topic.
"""

from __future__ import annotations

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
    plan = broker.controller.plan()
    results = []
    for topic in [*named, *body.topics]:
        try:
            results.append(_delete(broker, plan, topic))
        except ApiError as error:
            results.append(
                DeletableTopicResult(
                    name=topic.name,
                    topic_id=topic.topic_id,
                    error_code=error.code,
                    error_message=error.message,
                )
            )
    response = DeleteTopicsResponse(responses=results)
    broker.after_commit(broker.controller.submit(plan, now), request, response)
    return None


def _delete(broker: Broker, plan: Plan, asked: DeleteTopicState) -> DeletableTopicResult:
    if not broker.config.delete_topic_enable:
        raise ApiError(ErrorCode.TOPIC_DELETION_DISABLED)
    if asked.name is not None and asked.topic_id != ZERO_UUID:
        raise ApiError(
            ErrorCode.INVALID_REQUEST, "A topic is given by its name or by its id, not by both."
        )
    if asked.name is None:
        topic = plan.image.topic_by_id(asked.topic_id)
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
    else:
        topic = plan.image.topics.get(asked.name)
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    plan.add(plan_removal(plan.image, topic.topic_id))
    return DeletableTopicResult(name=topic.name, topic_id=topic.topic_id, error_code=ErrorCode.NONE)
