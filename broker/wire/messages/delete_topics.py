"""DeleteTopics: remove topics and all their records.

The topic is gone from the metadata when the answer comes. The files follow later, each broker
deleting its own after file.delete.delay.ms.
"""

from __future__ import annotations

from broker.wire.schema import Message, array, int16, int32, message, string, struct, uuid


@struct
class DeleteTopicState(Message):
    """A topic to delete, by name or by id."""

    name: str | None = string(nullable="6+", default=None)
    topic_id: bytes = uuid()


@message(key=20, kind="request", versions="1-6", flexible="4+")
class DeleteTopicsRequest(Message):
    """Delete these topics.

    - 1-3: topic_names and timeout_ms
    - 4: flexible (KIP-482)
    - 5: the client knows THROTTLING_QUOTA_EXCEEDED (KIP-599)
    - 6: `topics`, by name or by id, instead of topic_names (KIP-516)
    """

    topics: list[DeleteTopicState] = array(DeleteTopicState, versions="6+")
    topic_names: list[str] = array(string, versions="1-5", ignorable=True)
    timeout_ms: int = int32()


@struct
class DeletableTopicResult(Message):
    """What became of one topic."""

    name: str | None = string(nullable="6+")
    """Null if the client asked by id and may not know the name, or nobody knows the id."""
    topic_id: bytes = uuid(versions="6+", ignorable=True)
    error_code: int = int16()
    error_message: str | None = string(versions="5+", nullable="5+", default=None, ignorable=True)


@message(key=20, kind="response", versions="1-6", flexible="4+")
class DeleteTopicsResponse(Message):
    """What became of the topics.

    - 1: throttle_time_ms (KIP-124)
    - 2: the response comes at once even when the client is throttled (KIP-219)
    - 3: TOPIC_DELETION_DISABLED may be among the errors (KIP-322)
    - 4: flexible (KIP-482)
    - 5: error_message, and THROTTLING_QUOTA_EXCEEDED among the errors (KIP-599)
    - 6: topic_id, and UNKNOWN_TOPIC_ID among the errors (KIP-516)
    """

    throttle_time_ms: int = int32()
    responses: list[DeletableTopicResult] = array(DeletableTopicResult)
