"""Headers: what stands in front of every request and response (see `frames`)."""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, message, string


@message(kind="header", versions="1-2", flexible="2+")
class RequestHeader(Message):
    """Which API this is for, in which version, and by whom.

    The start is the same in all versions, for a broker reads it before it knows the version.

    - 0: without client_id; only ControlledShutdown 0 had it, and Kafka 4 dropped both
    - 1: client_id
    - 2: flexible (KIP-482)
    """

    request_api_key: int = int16()
    request_api_version: int = int16()
    correlation_id: int = int32()
    """Chosen by the client, repeated in the response."""
    client_id: str | None = string(nullable="1+", flexible="none")
    """A name for logs and quotas. Its length is never compact: an old broker must be able to read
    it in front of an ApiVersions request from the future."""


@message(kind="header", versions="0-1", flexible="1+")
class ResponseHeader(Message):
    """Which request this answers.

    - 0: correlation_id
    - 1: flexible (KIP-482)
    """

    correlation_id: int = int32()
