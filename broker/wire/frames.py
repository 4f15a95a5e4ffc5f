"""Requests and responses as they travel: a size, a header, a body.

A connection carries frames: four bytes of size, then as many bytes. The frame of a request begins
with a header that tells which API it is for and in which version, and carries a correlation id that
the response repeats. The response's header holds nothing but that id: only the one who asked knows
what the bytes mean.

Headers have versions, too, and which one is used depends on the API's version: flexible versions of
an API go with flexible headers (request header 2, response header 1). ApiVersions is the exception
that makes the rest possible. A client asks it first, in a version that the broker may not know, and
must be able to read the answer whatever the broker is: so the header of its response is version 0
for ever (KIP-511), and a request of an unknown version is not an error here but one without a body.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from broker.wire import codec
from broker.wire.codec import UNREADABLE, Reader
from broker.wire.errors import FrameError
from broker.wire.messages.headers import RequestHeader, ResponseHeader
from broker.wire.primitives import Buffer
from broker.wire.schema import Message

SIZE_BYTES = 4
"""The size in front of every frame; it does not count itself."""

API_VERSIONS = 18

_unpack_start = struct.Struct(">hhi").unpack_from
_unpack_kind = struct.Struct(">i").unpack_from
_pack_size = struct.Struct(">i").pack
_START_BYTES = 8


# -- which header goes with what ------------------------------------------------------------------


@lru_cache(maxsize=1024)
def request_header_version(api_key: int, api_version: int) -> int:
    """1, or 2 for flexible versions. FrameError for an API that is not known."""
    flexible = codec.message_class("request", api_key).schema.flexible
    return 2 if api_version in flexible else 1


@lru_cache(maxsize=1024)
def response_header_version(api_key: int, api_version: int) -> int:
    """0, or 1 for flexible versions; always 0 for ApiVersions (KIP-511)."""
    flexible = codec.message_class("response", api_key).schema.flexible
    return 1 if api_version in flexible and api_key != API_VERSIONS else 0


# -- reading --------------------------------------------------------------------------------------

_Readers = tuple[type[Message], Reader, Reader]
_request_readers: dict[int, _Readers] = {}
"""For the first four bytes of a request, API key and version: what reads its header and body."""


def decode_request(frame: Buffer) -> tuple[RequestHeader, Message | None]:
    """Read a whole request, without the size in front of it: (header, body).

    Bytes behind the body are let pass, as Kafka does: librdkafka leaves three there when it asks
    for the Metadata of all topics. The body is None only if this is ApiVersions in a version that
    is not known here.
    """
    if len(frame) < _START_BYTES:
        raise FrameError(f"{len(frame)} bytes are too few for a request")
    (kind,) = _unpack_kind(frame)
    readers = _request_readers.get(kind) or _find_readers(frame)
    if readers is None:
        return _start_of_header(frame), None
    cls, read_header, read_body = readers
    try:
        header, pos = read_header(frame, 0)
        body, _ = read_body(frame, pos)
    except UNREADABLE as error:
        raise codec.unreadable(cls, kind & 0xFFFF, error) from None
    return header, body


def decode_request_header(frame: Buffer) -> tuple[RequestHeader, int]:
    """Read the header of a request; return it with the position of the body."""
    if len(frame) < _START_BYTES:
        raise FrameError(f"{len(frame)} bytes are too few for a request's header")
    api_key, api_version, _ = _unpack_start(frame)
    return codec.read(RequestHeader, request_header_version(api_key, api_version), frame)


def _find_readers(frame: Buffer) -> _Readers | None:
    """Find the readers for requests that begin like this one, and remember them.

    None for ApiVersions in a version that nobody here knows. Any other is a FrameError.
    """
    api_key, version, _ = _unpack_start(frame)
    cls = codec.message_class("request", api_key)
    if api_key == API_VERSIONS and version not in cls.schema.versions:
        return None
    read_header = codec.reader(RequestHeader, request_header_version(api_key, version))
    (kind,) = _unpack_kind(frame)
    _request_readers[kind] = found = cls, read_header, codec.reader(cls, version)
    return found


def _start_of_header(frame: Buffer) -> RequestHeader:
    """What every version of the header begins with, and the client's id if it can be read."""
    api_key, version, correlation_id = _unpack_start(frame)
    try:
        return decode_request_header(frame)[0]
    except FrameError:
        return RequestHeader(
            request_api_key=api_key,
            request_api_version=version,
            correlation_id=correlation_id,
            client_id=None,
        )


def decode_response(api_key: int, api_version: int, frame: Buffer) -> tuple[int, Message]:
    """Read the response to a request of this API and version: (correlation id, body)."""
    header, pos = codec.read(ResponseHeader, response_header_version(api_key, api_version), frame)
    cls = codec.message_class("response", api_key)
    return header.correlation_id, codec.decode(cls, api_version, frame, pos)


# -- writing --------------------------------------------------------------------------------------


def encode_request(header: RequestHeader, body: Message) -> bytes:
    """The bytes of a request, with the size in front."""
    version = request_header_version(header.request_api_key, header.request_api_version)
    pieces: list[Buffer] = [b""]
    codec.write(header, version, pieces)
    codec.write(body, header.request_api_version, pieces)
    return _join_with_size(pieces, body, header.request_api_version)


def encode_response(api_key: int, api_version: int, correlation_id: int, body: Message) -> bytes:
    """The bytes of a response, with the size in front."""
    header = _pack_size(correlation_id)
    if response_header_version(api_key, api_version):
        header += b"\0"
    pieces: list[Buffer] = [b"", header]
    codec.write(body, api_version, pieces)
    return _join_with_size(pieces, body, api_version)


def _join_with_size(pieces: list[Buffer], body: Message, version: int) -> bytes:
    """Join the pieces, the first of which is the place for their size."""
    pieces[0] = _pack_size(sum(map(len, pieces)))
    return codec.join(pieces, body, version)
