"""What messages say, in one line each."""

from __future__ import annotations

import pytest

from broker.sim.narration import Meaning, meaning, shown
from broker.wire.errors import ErrorCode
from broker.wire.messages.api_versions import ApiVersionsRequest
from broker.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
    ListOffsetsTopicResponse,
)
from broker.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.wire.records import build_batch
from broker.wire.schema import Message

ORDERS = b"orders' own id.."
NAMES = {ORDERS: "orders"}


def batch(*keys: bytes | None, base_offset: int = 0) -> bytes:
    return bytes(build_batch([(0, key, b"v", ()) for key in keys], base_offset=base_offset))


def produce(*keys: bytes | None) -> ProduceRequest:
    data = PartitionProduceData(index=0, records=batch(*keys))
    return ProduceRequest(topic_data=[TopicProduceData(topic_id=ORDERS, partition_data=[data])])


def produced(*answers: PartitionProduceResponse) -> ProduceResponse:
    topic = TopicProduceResponse(topic_id=ORDERS, partition_responses=list(answers))
    return ProduceResponse(responses=[topic])


def fetched(data: PartitionData) -> FetchResponse:
    return FetchResponse(responses=[FetchableTopicResponse(topic_id=ORDERS, partitions=[data])])


def listed(timestamp: int) -> ListOffsetsRequest:
    part = ListOffsetsPartition(partition_index=2, timestamp=timestamp)
    return ListOffsetsRequest(topics=[ListOffsetsTopic(name="orders", partitions=[part])])


STORIES: list[tuple[Message, str, str]] = [
    (produce(b"A", b"C"), "Produce", "A, C to orders-0"),
    (produce(b"A", None), "Produce", "A, · to orders-0"),
    (produce(*[b"A"] * 9), "Produce", "A, A, A, A, A, A and 3 more to orders-0"),
    (produced(PartitionProduceResponse(index=0, base_offset=10)), "Produce response", "offset 10"),
    (
        produced(
            PartitionProduceResponse(index=0, base_offset=10),
            PartitionProduceResponse(index=1, error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER),
        ),
        "Produce response",
        "offset 10 in orders-0, NOT_LEADER_OR_FOLLOWER in orders-1",
    ),
    (
        FetchRequest(
            topics=[FetchTopic(topic_id=ORDERS, partitions=[FetchPartition(fetch_offset=6)])]
        ),
        "Fetch",
        "fetch orders-0 from 6",
    ),
    (
        fetched(PartitionData(records=batch(b"A", b"B", b"A", base_offset=6))),
        "Fetch response",
        "offsets 6 to 8 of orders-0",
    ),
    (fetched(PartitionData(records=batch(b"A"))), "Fetch response", "offset 0 of orders-0"),
    (fetched(PartitionData()), "Fetch response", "nothing new"),
    (
        fetched(PartitionData(error_code=ErrorCode.OFFSET_OUT_OF_RANGE)),
        "Fetch response",
        "OFFSET_OUT_OF_RANGE for orders-0",
    ),
    (listed(-2), "ListOffsets", "start of orders-2?"),
    (ApiVersionsRequest(), "ApiVersions", "which APIs are there?"),
    (
        CreateTopicsRequest(topics=[CreatableTopic(name="orders", num_partitions=3)]),
        "CreateTopics",
        "create orders with 3 partitions",
    ),
    (
        CreateTopicsResponse(topics=[CreatableTopicResult(name="orders")]),
        "CreateTopics response",
        "orders created",
    ),
]


@pytest.mark.parametrize(("body", "name", "text"), STORIES, ids=[text for *_, text in STORIES])
def test_each_message_in_its_line(body: Message, name: str, text: str) -> None:
    told = meaning(body, NAMES)
    assert (told.name, told.text) == (name, text)


def test_an_answer_about_offsets_says_what_was_asked_for() -> None:
    part = ListOffsetsPartitionResponse(partition_index=2, offset=11)
    topic = ListOffsetsTopicResponse(name="orders", partitions=[part])
    answer = ListOffsetsResponse(topics=[topic])
    assert meaning(answer, NAMES, listed(-1)).text == "the end of orders-2 is 11"
    assert meaning(answer, NAMES, listed(-2)).text == "the start of orders-2 is 11"


def test_keys_and_partitions_come_along_for_the_figure() -> None:
    told = meaning(produce(b"A", None), NAMES)
    assert told == Meaning("Produce", "A, · to orders-0", ["orders-0"], ["A", None])


def test_a_batch_that_cannot_be_read_is_told_without_its_records() -> None:
    damaged = fetched(PartitionData(records=b"\0" * 100))
    assert meaning(damaged, NAMES).text == "nothing new"


def test_long_and_strange_values_are_shown_short() -> None:
    assert shown(b"x" * 100) == "x" * 39 + "…"
    assert shown(b"\xff\x00") == "0xff00"
    assert shown(None) is None
