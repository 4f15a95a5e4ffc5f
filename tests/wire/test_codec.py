"""Messages and their bytes, by example, and what the codec refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings

from broker.wire import codec
from broker.wire.errors import ConfigError, EncodeError, FrameError
from broker.wire.messages.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse
from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from broker.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from broker.wire.messages.fetch import FetchRequest, FetchResponse, FetchTopic, ReplicaState
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from broker.wire.messages.produce import (
    LeaderIdAndEpoch,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.wire.schema import Message
from tests.wire.strategies import messages

PRODUCE = ProduceRequest(
    acks=-1,
    timeout_ms=1500,
    topic_data=[
        TopicProduceData(
            name="orders", partition_data=[PartitionProduceData(index=3, records=b"BATCH")]
        )
    ],
)


def spelled(*pieces: str) -> bytes:
    """Bytes, piece by piece: hexadecimal, or text in quotes."""
    return b"".join(
        piece[1:-1].encode() if piece.startswith("'") else bytes.fromhex(piece) for piece in pieces
    )


# -- by example -----------------------------------------------------------------------------------


def test_an_old_version_has_fixed_lengths() -> None:
    assert codec.encode(PRODUCE, 8) == spelled(
        *("ffff", "ffff", "000005dc"),  # no transactional id; acks -1; 1500 ms
        *("00000001", "0006", "'orders'"),  # one topic
        *("00000001", "00000003"),  # one partition, number 3
        *("00000005", "'BATCH'"),
    )


def test_a_flexible_version_has_varints_one_too_large_and_tags_at_each_end() -> None:
    """Null is 0, so a length of n is written as n + 1 (KIP-482)."""
    assert codec.encode(PRODUCE, 9) == spelled(
        *("00", "ffff", "000005dc"),
        *("02", "07", "'orders'"),
        *("02", "00000003"),
        *("06", "'BATCH'", "00"),  # no tags at the partition,
        *("00", "00"),  # at the topic, at the request
    )


def test_a_tagged_field_is_written_only_if_it_is_set() -> None:
    partition = PartitionProduceResponse(index=1)
    led = partition.replace(current_leader=LeaderIdAndEpoch(leader_id=2, leader_epoch=7))
    plain, tagged = (
        codec.encode(ProduceResponse(responses=[TopicProduceResponse(partition_responses=[p])]), 10)
        for p in (partition, led)
    )
    assert plain.endswith(spelled("00", "00", "00000000", "00"))
    assert tagged.endswith(
        spelled("01", "00", "09", "00000002", "00000007", "00")  # one tag, 0, of 9 bytes
        + spelled("00", "00000000", "00")
    )


def test_an_api_versions_response_of_version_0_is_what_everybody_can_read() -> None:
    response = ApiVersionsResponse(
        error_code=35, api_keys=[ApiVersion(api_key=18, min_version=0, max_version=4)]
    )
    assert codec.encode(response, 0) == spelled("0023", "00000001", "0012", "0000", "0004")


# -- reading --------------------------------------------------------------------------------------


def test_records_are_a_view_on_the_frame() -> None:
    frame = bytearray(codec.encode(PRODUCE, 9))
    records = codec.decode(ProduceRequest, 9, frame).topic_data[0].partition_data[0].records
    assert isinstance(records, memoryview)
    assert records.tobytes() == b"BATCH"
    frame[frame.index(b"BATCH")] = ord("P")
    assert records.tobytes() == b"PATCH"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_will_do(kind: Any) -> None:
    assert codec.decode(ProduceRequest, 9, kind(codec.encode(PRODUCE, 9))) == PRODUCE


def test_a_message_may_lie_within_a_larger_buffer() -> None:
    buffer = b"before" + codec.encode(PRODUCE, 9) + b"behind"
    message, end = codec.read(ProduceRequest, 9, buffer, 6)
    assert (message, buffer[end:]) == (PRODUCE, b"behind")


def test_what_a_version_lacks_has_its_default() -> None:
    request = codec.decode(MetadataRequest, 0, codec.encode(MetadataRequest(), 0))
    assert request.allow_auto_topic_creation is True
    assert request.topics == []


def test_absent_lists_are_not_shared() -> None:
    first, second = (codec.decode(FetchRequest, 4, bytes(21)) for _ in "ab")
    first.forgotten_topics_data.append(FetchTopic())  # type: ignore[arg-type]
    assert second.forgotten_topics_data == []


@settings(max_examples=20)
@given(messages(FetchResponse, 16, tags=True))
def test_tags_that_nobody_knows_are_kept(message: Message) -> None:
    written = codec.encode(message, 16)
    assert codec.decode(FetchResponse, 16, written) == message
    assert codec.encode(codec.decode(FetchResponse, 16, written), 16) == written


def test_null_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(FrameError, match="topic_data is null"):
        codec.decode(ProduceRequest, 9, spelled("00", "ffff", "00000000", "00", "00"))
    with pytest.raises(FrameError, match="a string is null"):
        codec.decode(ApiVersionsRequest, 3, spelled("00", "01", "00"))


def test_a_string_of_more_than_32767_bytes_is_refused() -> None:
    name = b"a" * 32768
    with pytest.raises(FrameError, match="longer than 32767"):
        codec.decode(ApiVersionsRequest, 3, b"\x81\x80\x02" + name + b"\x01\x00")


def test_a_tagged_field_must_have_the_size_it_claims() -> None:
    cluster_id = spelled("01", "00", "05", "03", "'id'", "00")  # 5 bytes are said, 3 are there
    request = codec.encode(FetchRequest(), 12)[:-1] + cluster_id + b"\0"
    with pytest.raises(FrameError, match="tagged field 0 is 2 bytes short"):
        codec.decode(FetchRequest, 12, request)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(FrameError, match=r"ProduceRequest has no version 14; it has 3-13"):
        codec.decode(ProduceRequest, 14, b"")


# -- writing --------------------------------------------------------------------------------------


def test_a_version_that_would_lose_the_meaning_is_refused() -> None:
    """Kafka calls such fields "not ignorable"."""
    follower = FetchRequest(replica_state=ReplicaState(replica_id=1))
    with pytest.raises(EncodeError, match=r"FetchRequest.replica_state is set, and version 14 has"):
        codec.encode(follower, 14)
    by_id = DeleteTopicsRequest(topics=[DeleteTopicState()])
    with pytest.raises(EncodeError, match=r"DeleteTopicsRequest.topics is set"):
        codec.encode(by_id, 5)


def test_an_ignorable_field_is_left_out_without_a_word() -> None:
    named = FetchTopic(topic="orders", topic_id=bytes(range(16)))
    written = codec.encode(FetchRequest(topics=[named]), 12)
    assert codec.decode(FetchRequest, 12, written).topics == [FetchTopic(topic="orders")]


def test_tags_cannot_be_written_in_a_version_without_tags() -> None:
    with pytest.raises(EncodeError, match="unknown_tags is set, and version 8"):
        codec.encode(PRODUCE.replace(unknown_tags={7: b"x"}), 8)


TOO_LONG = "a" * 32768

BAD: list[tuple[Message, str]] = [
    (ProduceRequest(acks=40_000), r"acks must be an int16 \(-32768 to 32767\), not 40000"),
    (ProduceRequest(timeout_ms="soon"), "timeout_ms must be an int32 .* not 'soon'"),  # type: ignore[arg-type]
    (ProduceRequest(topic_data=None), "topic_data must not be null"),  # type: ignore[arg-type]
    (ProduceRequest(topic_data=[7]), r"topic_data\[0\] must be a TopicProduceData, not 7"),  # type: ignore[list-item]
    (
        ProduceRequest(topic_data=[TopicProduceData(), TopicProduceData(name=None)]),  # type: ignore[arg-type]
        r"topic_data\[1\].name must not be null",
    ),
    (ProduceRequest(topic_data=[TopicProduceData(name=TOO_LONG)]), "32768 bytes"),
    (ProduceRequest(transactional_id="\ud800"), "characters that UTF-8 cannot express"),
    (ProduceRequest(transactional_id=b"id"), "must be a string, not b'id'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("version", [3, 9])
@pytest.mark.parametrize(("message", "fault"), BAD, ids=[fault[:20] for _, fault in BAD])
def test_a_message_that_cannot_be_written_names_the_field(
    message: Message, fault: str, version: int
) -> None:
    with pytest.raises(EncodeError, match=fault):
        codec.encode(message, version)


def test_an_id_has_16_bytes() -> None:
    """struct would fill up a shorter one with zeros."""
    with pytest.raises(EncodeError, match="topic_id must be 16 bytes, not 3"):
        codec.encode(MetadataRequest(topics=[MetadataRequestTopic(topic_id=b"abc")]), 12)


def test_records_must_be_bytes() -> None:
    data = TopicProduceData(partition_data=[PartitionProduceData(records="text")])  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"partition_data\[0\].records must be bytes"):
        codec.encode(ProduceRequest(topic_data=[data]), 9)


# -- the generated source -------------------------------------------------------------------------

DELETE_TOPICS_5 = """\
# DeleteTopicsRequest, version 5 of 1-6

pack_i = struct.Struct(">i").pack
unpack_iB = struct.Struct(">iB").unpack_from


def read_DeleteTopicsRequest(buf, pos):
    limit = len(buf)
    delete_topics_request = new(DeleteTopicsRequest)
    delete_topics_request.topics = []
    delete_topics_request.unknown_tags = NO_TAGS
    count = buf[pos]
    pos += 1
    if count > 127:
        count, pos = read_uvarint(buf, pos - 1)
    count -= 1
    if not 0 <= count * 1 <= limit - pos:
        raise bad_length("topic_names", count, limit - pos)
    topic_names = delete_topics_request.topic_names = []
    for _ in range(count):
        size = buf[pos]
        pos += 1
        if 0 < size < 128:
            value = TEXT[size - 1](buf, pos)[0].decode()
            pos += size - 1
        else:
            value, pos = compact_text(buf, pos - 1)
        topic_names.append(value)
    delete_topics_request.timeout_ms, tags = unpack_iB(buf, pos)
    pos += 5
    if tags:
        delete_topics_request.unknown_tags, pos = unknown_tags(buf, pos - 1)
    return delete_topics_request, pos


def write_DeleteTopicsRequest(delete_topics_request, append):
    if delete_topics_request.topics != []:
        raise would_lose("DeleteTopicsRequest", "topics", 5)
    topic_names = delete_topics_request.topic_names
    size = len(topic_names) + 1
    append(SMALL[size] if size < 128 else write_uvarint(size))
    for value in topic_names:
        raw = value.encode()
        size = len(raw) + 1
        append(SMALL[size] if size < 128 else text_size(size))
        append(raw)
    append(pack_i(delete_topics_request.timeout_ms))
    if delete_topics_request.unknown_tags:
        append(tagged_fields(delete_topics_request.unknown_tags))
    else:
        append(b"\\0")
"""


def test_the_source_of_a_codec_can_be_read() -> None:
    assert codec.describe("DeleteTopicsRequest", 5) == DELETE_TOPICS_5


def test_an_api_is_described_by_both_its_halves() -> None:
    text = codec.describe("Produce", 9)
    assert "# ProduceRequest, version 9 of 3-13" in text
    assert "# ProduceResponse, version 9 of 3-13" in text


def test_records_and_headers_can_be_described_too() -> None:
    assert "def read_PartitionRecord(" in codec.describe("PartitionRecord", 2)
    assert "def write_RequestHeader(" in codec.describe("RequestHeader", 2)


def test_an_unknown_name_or_version_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"no API or record is called 'Produse'; APIs are Allo.*"):
        codec.describe("Produse", 9)
    with pytest.raises(ConfigError, match=r"ProduceRequest has no version 99; it has 3-13"):
        codec.describe("Produce", 99)


def test_an_error_within_generated_code_shows_its_line() -> None:
    topic = CreatableTopic(num_partitions=1 << 40)
    with pytest.raises(EncodeError) as caught:
        codec.encode(CreateTopicsRequest(topics=[topic]), 7)
    assert caught.value.__cause__ is not None
    traceback = caught.value.__cause__.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    assert traceback is not None
    assert traceback.tb_frame.f_code.co_filename == "<write_CreateTopicsRequest v7>"


# -- the registry ---------------------------------------------------------------------------------


def test_a_message_is_found_by_its_key() -> None:
    assert codec.message_class("request", 0) is ProduceRequest
    assert codec.message_class("record", 2).__name__ == "TopicRecord"
    with pytest.raises(FrameError, match="request with unknown key 999"):
        codec.message_class("request", 999)


def test_importing_the_package_imports_no_message() -> None:
    script = (
        "import sys, broker.wire; print([m for m in sys.modules if m.startswith('broker.wire.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
