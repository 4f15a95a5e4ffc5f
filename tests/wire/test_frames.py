"""Headers and bodies together, as they travel."""

from __future__ import annotations

import pytest

from broker.wire import frames
from broker.wire.errors import FrameError
from broker.wire.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.wire.messages.headers import RequestHeader
from broker.wire.messages.metadata import MetadataRequest, MetadataResponse


def header(api_key: int, version: int, client_id: str | None = "shop") -> RequestHeader:
    return RequestHeader(
        request_api_key=api_key,
        request_api_version=version,
        correlation_id=7,
        client_id=client_id,
    )


def test_a_request_begins_with_its_size() -> None:
    frame = frames.encode_request(header(3, 1), MetadataRequest(topics=None))
    assert frame == bytes.fromhex(
        "00000012"  # 18 bytes follow
        "0003 0001 00000007 0004 73686f70"  # Metadata, version 1, request 7, by "shop"
        "ffffffff"  # all topics
    )
    assert frames.decode_request(frame[4:]) == (header(3, 1), MetadataRequest(topics=None))


def test_a_flexible_request_has_a_flexible_header() -> None:
    """Only the client's id keeps its old form: a length of two bytes."""
    frame = frames.encode_request(header(3, 9), MetadataRequest(topics=None))
    assert frame[4:] == bytes.fromhex("0003 0009 00000007 0004 73686f70 0000 01 00 00 00")
    assert frames.decode_request(frame[4:])[0] == header(3, 9)


def test_a_client_need_not_have_a_name() -> None:
    frame = frames.encode_request(header(3, 1, client_id=None), MetadataRequest())
    assert frames.decode_request(frame[4:])[0].client_id is None


@pytest.mark.parametrize(("version", "head"), [(8, "00000007"), (9, "00000007 00")])
def test_a_response_repeats_the_correlation_id(version: int, head: str) -> None:
    frame = frames.encode_response(3, version, 7, MetadataResponse(controller_id=1))
    assert frame[4:].startswith(bytes.fromhex(head))
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert frames.decode_response(3, version, frame[4:]) == (7, MetadataResponse(controller_id=1))


# -- KIP-511: asking for versions works between any two versions ----------------------------------


def test_the_header_of_an_api_versions_response_is_never_flexible() -> None:
    """KIP-511: "the length of the header must not change"."""
    frame = frames.encode_response(18, 3, 7, ApiVersionsResponse())
    assert frame[4:8] == bytes.fromhex("00000007")
    assert frame[8:10] == bytes.fromhex("0000"), "the error code follows at once"
    assert frames.response_header_version(18, 3) == 0
    assert frames.request_header_version(18, 3) == 2


def test_api_versions_of_the_future_is_known_by_its_header() -> None:
    frame = bytes.fromhex("0012 0063 00000007 0004 73686f70 00") + b"whatever comes then"
    assert frames.decode_request(frame) == (header(18, 99), None)


def test_even_if_the_rest_of_its_header_has_changed() -> None:
    frame = bytes.fromhex("0012 0063 00000007") + b"\x7f\x7f"
    assert frames.decode_request(frame) == (header(18, 99, client_id=None), None)


def test_known_versions_of_api_versions_are_read_whole() -> None:
    body = ApiVersionsRequest(client_software_name="shop", client_software_version="1")
    frame = frames.encode_request(header(18, 3), body)
    assert frames.decode_request(frame[4:]) == (header(18, 3), body)


# -- refused --------------------------------------------------------------------------------------


def test_other_apis_must_be_of_a_known_version() -> None:
    with pytest.raises(FrameError, match="MetadataRequest has no version 99; it has 0-13"):
        frames.decode_request(bytes.fromhex("0003 0063 00000007 ffff"))


def test_an_unknown_api_is_refused() -> None:
    with pytest.raises(FrameError, match="request with unknown key 999"):
        frames.decode_request(bytes.fromhex("03e7 0000 00000007 ffff"))


@pytest.mark.parametrize("size", range(8))
def test_a_frame_too_short_for_a_header_is_refused(size: int) -> None:
    with pytest.raises(FrameError, match=f"{size} bytes are too few"):
        frames.decode_request(bytes.fromhex("0003 0001 00000007")[:size])
    with pytest.raises(FrameError):
        frames.decode_request_header(bytes.fromhex("0003 0001 00000007")[:size])


def test_bytes_behind_a_request_are_let_pass_as_kafka_does() -> None:
    """The frame of librdkafka 2.16 asking for the Metadata of all topics: three bytes too many."""
    frame = (
        bytes.fromhex("0003 000d 0000000a 0007") + b"rdkafka" + bytes.fromhex("0000000000 010000")
    )
    _, body = frames.decode_request(frame)
    assert body == MetadataRequest(topics=None, allow_auto_topic_creation=False)


def test_bytes_behind_a_response_are_refused() -> None:
    frame = frames.encode_response(3, 1, 7, MetadataResponse())
    with pytest.raises(FrameError, match="1 bytes are left over behind a MetadataResponse"):
        frames.decode_response(3, 1, frame[4:] + b"\0")
