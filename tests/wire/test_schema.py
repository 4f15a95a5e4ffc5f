"""What a declaration makes of a class."""

from __future__ import annotations

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.fetch import FetchRequest, PartitionData
from broker.wire.messages.metadata_records import PartitionChangeRecord, TopicRecord
from broker.wire.messages.produce import LeaderIdAndEpoch, PartitionProduceResponse, ProduceRequest
from broker.wire.schema import Message, array, int32, message, nested_or_null, string, struct
from broker.wire.versions import Versions


def test_every_field_has_a_default() -> None:
    request = FetchRequest()
    assert (request.max_bytes, request.session_epoch, request.rack_id) == (0x7FFF_FFFF, -1, "")
    assert PartitionChangeRecord().leader == -2


def test_lists_are_fresh_for_each_object() -> None:
    assert FetchRequest().topics == []
    assert FetchRequest().topics is not FetchRequest().topics


def test_a_field_that_does_not_exist_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        FetchRequest(colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        FetchRequest().replace(colour="red")


def test_objects_are_equal_by_value() -> None:
    assert LeaderIdAndEpoch(leader_id=1) == LeaderIdAndEpoch(leader_id=1)
    assert LeaderIdAndEpoch(leader_id=1) != LeaderIdAndEpoch(leader_id=2)
    assert LeaderIdAndEpoch(leader_id=1) != (1, -1)
    assert PartitionData(records=b"abc") == PartitionData(records=memoryview(b"abc"))
    assert LeaderIdAndEpoch() != LeaderIdAndEpoch(unknown_tags={1: b""})


def test_a_copy_can_be_changed() -> None:
    before = ProduceRequest(acks=1, unknown_tags={9: b"x"})
    after = before.replace(acks=-1)
    assert (before.acks, after.acks, after.unknown_tags) == (1, -1, {9: b"x"})


def test_what_is_printed_is_what_is_set() -> None:
    partition = PartitionProduceResponse(
        index=3, error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER, base_offset=-1
    )
    assert repr(partition) == (
        "PartitionProduceResponse(index=3, error_code=NOT_LEADER_OR_FOLLOWER, base_offset=-1)"
    )
    assert repr(PartitionProduceResponse(error_code=999)).endswith("(error_code=999)")
    assert repr(PartitionData(records=bytes(70))) == "PartitionData(records=<70 bytes>)"
    assert repr(TopicRecord(name="orders", topic_id=bytes(15) + b"\1")) == (
        "TopicRecord(name='orders', topic_id=AAAAAAAAAAAAAAAAAAAAAQ)"
    )


def test_there_are_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        FetchRequest().colour = "red"  # type: ignore[attr-defined]


def test_the_declaration_can_be_asked() -> None:
    schema = ProduceRequest.schema
    assert (schema.name, schema.kind, schema.key) == ("ProduceRequest", "request", 0)
    assert (str(schema.versions), str(schema.flexible)) == ("3-13", "9+")
    assert [field.name for field in schema.fields] == [
        *("transactional_id", "acks", "timeout_ms", "topic_data")
    ]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("3-13", [3, 13], [2, 14]), ("9+", [9, 99], [8]), ("4", [4], [3, 5]), ("none", [], [0, 1])],
)
def test_ranges_of_versions(text: str, inside: list[int], outside: list[int]) -> None:
    versions = Versions.parse(text)
    assert all(version in versions for version in inside)
    assert not any(version in versions for version in outside)


# -- parts of the language that no message uses yet -----------------------------------------------


@struct
class Cursor(Message):
    """A struct that may be missing (KIP-893), as DescribeTopicPartitions has it."""

    topic: str = string()
    partition: int = int32()


@message(kind="data", versions="0-1", flexible="0+")
class Page(Message):
    """A message with such structs: one always there, one tagged."""

    sizes: list[int] | None = array(int32, nullable="1+", default=None)
    cursor: Cursor | None = nested_or_null(Cursor, nullable="0+")
    last: Cursor | None = nested_or_null(Cursor, versions="1+", nullable="1+", tag=0)


def test_a_struct_may_be_null() -> None:
    from broker.wire import codec

    empty = Page(sizes=[])
    assert codec.encode(empty, 0) == bytes.fromhex("01 ff 00")
    full = Page(sizes=[1], cursor=Cursor(topic="t", partition=2), last=Cursor(partition=3))
    assert codec.encode(full, 1) == bytes.fromhex(
        "02 00000001"
        "01 0274 00000002 00"  # there is a cursor
        "01 00 07 01 01 00000003 00"  # one tag, 0, of 7 bytes: there is a last one
    )
    for page, version in ((empty, 0), (full, 1), (Page(), 1)):
        assert codec.decode(Page, version, codec.encode(page, version)) == page
