"""Delete topics: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, int16, int32, message, string, struct, uuid


@struct
class DeleteTopicState(Message):
    """DeleteTopicState."""

    name: str | None = string(nullable="6+", default=None)
    topic_id: bytes = uuid()


@message(key=20, kind="request", versions="1-6", flexible="4+")
class DeleteTopicsRequest(Message):
    """DeleteTopicsRequest."""

    topics: list[DeleteTopicState] = array(DeleteTopicState, versions="6+")
    topic_names: list[str] = array(string, versions="1-5", ignorable=True)
    timeout_ms: int = int32()


@struct
class DeletableTopicResult(Message):
    """DeletableTopicResult."""

    name: str | None = string(nullable="6+")
    topic_id: bytes = uuid(versions="6+", ignorable=True)
    error_code: int = int16()
    error_message: str | None = string(versions="5+", nullable="5+", default=None, ignorable=True)


@message(key=20, kind="response", versions="1-6", flexible="4+")
class DeleteTopicsResponse(Message):
    """DeleteTopicsResponse."""

    throttle_time_ms: int = int32()
    responses: list[DeletableTopicResult] = array(DeletableTopicResult)
