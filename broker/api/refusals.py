"""How each API says no to a whole request (Kafka's `AbstractRequest.getErrorResponse`).

Most responses have one error code at the top. Where each part of the answer has its own, a request
that fails as a whole fails for each of its parts. An API that has no place for an error at all gets
no answer, and its connection is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.events import RequestArrived
from broker.wire.codec import message_class
from broker.wire.errors import ApiError
from broker.wire.schema import Message


def refusal(request: RequestArrived, error: ApiError) -> Message | None:
    """The response that carries the error, None if this API has none."""
    if request.body is None:
        return None
    by_parts = _BY_PARTS.get(request.api_key)
    if by_parts is not None:
        return by_parts(request.body, error)
    response = message_class("response", request.api_key)
    names = {field.name for field in response.schema.fields}
    if "error_code" not in names:
        return None
    said: dict[str, Any] = {"error_code": error.code}
    if "error_message" in names:
        said["error_message"] = error.message
    return response(**said)


def _create_topics(body: Any, error: ApiError) -> Message:
    from broker.wire.messages.create_topics import CreatableTopicResult, CreateTopicsResponse

    return CreateTopicsResponse(
        topics=[
            CreatableTopicResult(
                name=topic.name, error_code=error.code, error_message=error.message, configs=[]
            )
            for topic in body.topics
        ]
    )


def _delete_topics(body: Any, error: ApiError) -> Message:
    from broker.wire.messages.delete_topics import DeletableTopicResult, DeleteTopicsResponse

    named: list[dict[str, Any]] = [{"name": name} for name in body.topic_names]
    named += [{"name": topic.name, "topic_id": topic.topic_id} for topic in body.topics]
    return DeleteTopicsResponse(
        responses=[
            DeletableTopicResult(**which, error_code=error.code, error_message=error.message)
            for which in named
        ]
    )


def _create_partitions(body: Any, error: ApiError) -> Message:
    from broker.wire.messages.create_partitions import (
        CreatePartitionsResponse,
        CreatePartitionsTopicResult,
    )

    return CreatePartitionsResponse(
        results=[
            CreatePartitionsTopicResult(
                name=topic.name, error_code=error.code, error_message=error.message
            )
            for topic in body.topics
        ]
    )


def _alter_configs(body: Any, error: ApiError) -> Message:
    from broker.wire.messages.incremental_alter_configs import (
        AlterConfigsResourceResponse,
        IncrementalAlterConfigsResponse,
    )

    return IncrementalAlterConfigsResponse(
        responses=[
            AlterConfigsResourceResponse(
                error_code=error.code,
                error_message=error.message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource in body.resources
        ]
    )


_BY_PARTS: dict[int, Callable[[Any, ApiError], Message]] = {
    19: _create_topics,
    20: _delete_topics,
    37: _create_partitions,
    44: _alter_configs,
}
