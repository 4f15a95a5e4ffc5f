"""Headers: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, int16, int32, message, string


@message(kind="header", versions="1-2", flexible="2+")
class RequestHeader(Message):
    """RequestHeader."""

    request_api_key: int = int16()
    request_api_version: int = int16()
    correlation_id: int = int32()
    client_id: str | None = string(nullable="1+", flexible="none")


@message(kind="header", versions="0-1", flexible="1+")
class ResponseHeader(Message):
    """ResponseHeader."""

    correlation_id: int = int32()
