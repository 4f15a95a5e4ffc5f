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

Parts = dict[str, Any]
"""Fields of a response."""


def refusal(request: RequestArrived, error: ApiError) -> Message | None:
    """The response that carries the error, None if this API has none."""
    if request.body is None:
        return None
    response = message_class("response", request.api_key)
    fields = {f.name for f in response.schema.fields if request.api_version in f.versions}
    said: dict[str, Any] = {}
    if "error_code" in fields:
        said["error_code"] = error.code
        if "error_message" in fields:
            said["error_message"] = error.message
    by_parts = _BY_PARTS.get(request.api_key)
    if by_parts is not None:
        said |= by_parts(request.body, error)
    return response(**said) if said else None


def _create_topics(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.create_topics import CreatableTopicResult

    return {
        "topics": [
            CreatableTopicResult(
                name=topic.name, error_code=error.code, error_message=error.message, configs=[]
            )
            for topic in body.topics
        ]
    }


def _delete_topics(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.delete_topics import DeletableTopicResult

    named: list[dict[str, Any]] = [{"name": name} for name in body.topic_names]
    named += [{"name": topic.name, "topic_id": topic.topic_id} for topic in body.topics]
    return {
        "responses": [
            DeletableTopicResult(**which, error_code=error.code, error_message=error.message)
            for which in named
        ]
    }


def _create_partitions(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.create_partitions import (
        CreatePartitionsTopicResult,
    )

    return {
        "results": [
            CreatePartitionsTopicResult(
                name=topic.name, error_code=error.code, error_message=error.message
            )
            for topic in body.topics
        ]
    }


def _alter_configs(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.incremental_alter_configs import (
        AlterConfigsResourceResponse,
    )

    return {
        "responses": [
            AlterConfigsResourceResponse(
                error_code=error.code,
                error_message=error.message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource in body.resources
        ]
    }


def _elect_leaders(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.elect_leaders import PartitionResult, ReplicaElectionResult

    return {
        "replica_election_results": [
            ReplicaElectionResult(
                topic=topic.topic,
                partition_result=[
                    PartitionResult(
                        partition_id=index, error_code=error.code, error_message=error.message
                    )
                    for index in topic.partitions
                ],
            )
            for topic in body.topic_partitions or []
        ]
    }


def _describe_topic_partitions(body: Any, error: ApiError) -> Parts:
    from broker.wire.messages.describe_topic_partitions import DescribeTopicPartitionsResponseTopic

    return {
        "topics": [
            DescribeTopicPartitionsResponseTopic(error_code=error.code, name=topic.name)
            for topic in body.topics
        ]
    }


_BY_PARTS: dict[int, Callable[[Any, ApiError], Parts]] = {
    19: _create_topics,
    20: _delete_topics,
    37: _create_partitions,
    43: _elect_leaders,
    44: _alter_configs,
    75: _describe_topic_partitions,
}
