"""What each message says, in one line of the field's own words.

This is the only place that knows: figures, transcripts and findings all show these lines.

    Produce            A, C to orders-0
    its answer         offset 10
    Fetch              fetch orders-0 from 6
    its answer         offsets 6 to 8 of orders-0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from broker.sim.among_brokers import Talk, said
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from broker.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from broker.wire.messages.fetch import FetchRequest, FetchResponse
from broker.wire.messages.init_producer_id import InitProducerIdResponse
from broker.wire.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from broker.wire.messages.metadata import MetadataRequest, MetadataResponse
from broker.wire.messages.produce import ProduceRequest, ProduceResponse
from broker.wire.primitives import Buffer
from broker.wire.records import Record, iter_batches, read_records
from broker.wire.schema import Message

KEYS_MAX = 24
"""A message may carry thousands of records; a line names the first of them."""
TEXT_MAX = 40
NO_KEY = "·"

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3
METADATA = "__cluster_metadata-0"

Names = Mapping[bytes, str]
"""Topics by id."""


class Meaning(NamedTuple):
    """A message in words."""

    name: str
    text: str
    partitions: Sequence[str] = ()
    keys: Sequence[str | None] = ()


Brokers = tuple[str, str] | None
"""Who says it to whom, if both are brokers."""


def meaning(
    body: Message, names: Names, question: Message | None = None, brokers: Brokers = None
) -> Meaning:
    """The meaning of a message; `question` is the request that it answers."""
    name = title(type(body).__name__)
    if brokers is not None:
        return _among_brokers(name, body, names, question, brokers)
    return _to_client(name, body, names, question)


def _among_brokers(
    name: str, body: Message, names: Names, question: Message | None, brokers: tuple[str, str]
) -> Meaning:
    speaker, listener = brokers
    talk = Talk(speaker, listener, lambda topic: names.get(topic, "?"), question)
    text = said(body, talk)
    if text is not None:
        return Meaning(name, text)
    told = _to_client(name, body, names, question)
    if isinstance(body, FetchRequest):
        what = told.text.removeprefix("fetch ")
        return told._replace(text=f"{speaker} asks {listener} for {what or 'nothing'}")
    if told.partitions == [METADATA]:
        return told._replace(keys=())
    return told


def _to_client(name: str, body: Message, names: Names, question: Message | None) -> Meaning:
    if name in _PLAIN:
        return Meaning(name, _PLAIN[name])
    tell = _NARRATORS.get(type(body))
    if tell is not None:
        return tell(name, body, names, question)
    code = getattr(body, "error_code", 0)
    return Meaning(name, ErrorCode(code).name if code else name)


@cache
def title(class_name: str) -> str:
    """The name of a message as people say it: "Fetch", "Fetch response"."""
    if class_name.endswith("Response"):
        return class_name.removesuffix("Response") + " response"
    return class_name.removesuffix("Request")


def shown(data: bytes | None, length_max: int = TEXT_MAX) -> str | None:
    """A key or a value as a reader sees it: text where it is text, and not too long."""
    if data is None:
        return None
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError:
        text = "0x" + data.hex()
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def records_in(buffer: Buffer | None) -> list[Record]:
    """The records that a message carries; what cannot be read is left out."""
    records: list[Record] = []
    try:
        for _, batch in iter_batches(buffer or b""):
            records += read_records(batch)
    except ApiError:
        pass  # Damaged on purpose, most likely; the machines say what they think of it.
    return records


# -- writing -------------------------------------------------------------------------------------


def _produce(name: str, body: ProduceRequest, names: Names, _: Message | None) -> Meaning:
    parts, partitions, keys = [], [], list[str | None]()
    for topic in body.topic_data:
        for data in topic.partition_data:
            where = f"{topic.name or names.get(topic.topic_id, '?')}-{data.index}"
            here = [shown(record.key) for record in records_in(data.records)]
            parts.append(f"{_listed(here)} to {where}")
            partitions.append(where)
            keys += here[: KEYS_MAX - len(keys)]
    return Meaning(name, ", ".join(parts), partitions, keys)


def _listed(keys: Sequence[str | None]) -> str:
    """ "A, C" or, of many, "A, C and 480 more"."""
    if not keys:
        return "nothing"
    first = ", ".join(NO_KEY if key is None else key for key in keys[:6])
    return first if len(keys) <= 6 else f"{first} and {len(keys) - 6} more"


def _produced(name: str, body: ProduceResponse, names: Names, _: Message | None) -> Meaning:
    parts, partitions = [], []
    for topic in body.responses:
        for answer in topic.partition_responses:
            partitions.append(f"{topic.name or names.get(topic.topic_id, '?')}-{answer.index}")
            error = ErrorCode(answer.error_code)
            parts.append(error.name if error else f"offset {answer.base_offset}")
    return Meaning(name, _by_partition(parts, partitions), partitions)


def _by_partition(parts: list[str], partitions: list[str]) -> str:
    """One part stands alone; of several, each says where it belongs."""
    if len(parts) == 1:
        return parts[0]
    return ", ".join(f"{part} in {where}" for part, where in zip(parts, partitions, strict=True))


def _init_producer_id(
    name: str, body: InitProducerIdResponse, _: Names, __: Message | None
) -> Meaning:
    if body.error_code:
        return Meaning(name, ErrorCode(body.error_code).name)
    return Meaning(name, f"producer id {body.producer_id}, epoch {body.producer_epoch}")


# -- reading -------------------------------------------------------------------------------------


def _fetch(name: str, body: FetchRequest, names: Names, _: Message | None) -> Meaning:
    parts, partitions = [], []
    for topic in body.topics:
        for part in topic.partitions:
            where = f"{topic.topic or names.get(topic.topic_id, '?')}-{part.partition}"
            partitions.append(where)
            parts.append(f"{where} from {part.fetch_offset}")
    return Meaning(name, f"fetch {', '.join(parts)}", partitions)


def _fetched(name: str, body: FetchResponse, names: Names, _: Message | None) -> Meaning:
    if body.error_code:
        return Meaning(name, ErrorCode(body.error_code).name)
    parts, partitions, keys = [], [], list[str | None]()
    for topic in body.responses:
        for part in topic.partitions:
            where = f"{topic.topic or names.get(topic.topic_id, '?')}-{part.partition_index}"
            records = records_in(part.records)
            if part.error_code:
                parts.append(f"{ErrorCode(part.error_code).name} for {where}")
            elif part.diverging_epoch.epoch >= 0:
                diverging = part.diverging_epoch
                parts.append(
                    f"{where} diverges: epoch {diverging.epoch} ends at {diverging.end_offset}"
                )
            elif part.snapshot_id.epoch >= 0:
                parts.append(f"{where} begins with snapshot {part.snapshot_id.end_offset}")
            elif records:
                parts.append(f"{_offsets(records)} of {where}")
                keys += [shown(record.key) for record in records[: KEYS_MAX - len(keys)]]
            else:
                continue
            partitions.append(where)
    return Meaning(name, ", ".join(parts) or "nothing new", partitions, keys)


def _offsets(records: list[Record]) -> str:
    first, last = records[0].offset, records[-1].offset
    return f"offset {first}" if first == last else f"offsets {first} to {last}"


def _list_offsets(name: str, body: ListOffsetsRequest, _: Names, __: Message | None) -> Meaning:
    parts, partitions = [], []
    for topic in body.topics:
        for part in topic.partitions:
            where = f"{topic.name}-{part.partition_index}"
            partitions.append(where)
            parts.append(f"{_which(part.timestamp)} of {where}")
    return Meaning(name, f"{', '.join(parts)}?", partitions)


def _which(timestamp_ms: int) -> str:
    words = {LATEST: "end", EARLIEST: "start", MAX_TIMESTAMP: "newest record"}
    return words.get(timestamp_ms, f"first offset from time {timestamp_ms} on")


def _listed_offsets(
    name: str, body: ListOffsetsResponse, _: Names, question: Message | None
) -> Meaning:
    asked = {}
    if isinstance(question, ListOffsetsRequest):
        asked = {
            (topic.name, part.partition_index): part.timestamp
            for topic in question.topics
            for part in topic.partitions
        }
    parts, partitions = [], []
    for topic in body.topics:
        for answer in topic.partitions:
            where = f"{topic.name}-{answer.partition_index}"
            which = _which(asked.get((topic.name, answer.partition_index), 0))
            error = ErrorCode(answer.error_code)
            what = f"the {which.split(' from ')[0]} of {where} is {answer.offset}"
            partitions.append(where)
            parts.append(f"{error.name} for {where}" if error else what)
    return Meaning(name, ", ".join(parts), partitions)


# -- the cluster ---------------------------------------------------------------------------------


def _metadata(name: str, body: MetadataRequest, names: Names, _: Message | None) -> Meaning:
    if body.topics is None:
        return Meaning(name, "metadata of all topics")
    topics = [topic.name or names.get(topic.topic_id, "?") for topic in body.topics]
    return Meaning(name, f"metadata of {', '.join(topics)}" if topics else "who is there?")


def _metadata_answer(name: str, body: MetadataResponse, names: Names, _: Message | None) -> Meaning:
    parts = []
    for topic in body.topics:
        known = topic.name or names.get(topic.topic_id, "?")
        if topic.error_code:
            parts.append(f"{ErrorCode(topic.error_code).name} for {known}")
        else:
            leaders = sorted({part.leader_id for part in topic.partitions})
            led = ", ".join(str(leader) for leader in leaders)
            parts.append(f"{known} has {_count(len(topic.partitions), 'partition')}, led by {led}")
    if not parts:
        parts = [f"broker {', '.join(str(broker.node_id) for broker in body.brokers)}"]
    return Meaning(name, "; ".join(parts))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _create_topics(name: str, body: CreateTopicsRequest, _: Names, __: Message | None) -> Meaning:
    parts = [
        f"{topic.name} with {_count(topic.num_partitions, 'partition')}"
        if topic.num_partitions > 0
        else topic.name
        for topic in body.topics
    ]
    return Meaning(name, f"create {', '.join(parts)}")


def _delete_topics(
    name: str, body: DeleteTopicsRequest, names: Names, _: Message | None
) -> Meaning:
    states = [state.name or names.get(state.topic_id, "?") for state in body.topics]
    return Meaning(name, f"delete {', '.join([*states, *body.topic_names])}")


def _topics_done(
    name: str, body: CreateTopicsResponse | DeleteTopicsResponse, _: Names, __: Message | None
) -> Meaning:
    word = "created" if isinstance(body, CreateTopicsResponse) else "deleted"
    results: Iterator[tuple[str | None, int]] = (
        ((topic.name, topic.error_code) for topic in body.topics)
        if isinstance(body, CreateTopicsResponse)
        else ((topic.name, topic.error_code) for topic in body.responses)
    )
    parts = [
        f"{ErrorCode(code).name} for {topic or '?'}" if code else f"{topic or '?'} {word}"
        for topic, code in results
    ]
    return Meaning(name, ", ".join(parts))


_PLAIN = {
    "ApiVersions": "which APIs are there?",
    "ApiVersions response": "the APIs and their versions",
    "InitProducerId": "a producer id, please",
}

_NARRATORS: dict[type[Message], Callable[[str, Any, Names, Message | None], Meaning]] = {
    ProduceRequest: _produce,
    ProduceResponse: _produced,
    FetchRequest: _fetch,
    FetchResponse: _fetched,
    ListOffsetsRequest: _list_offsets,
    ListOffsetsResponse: _listed_offsets,
    MetadataRequest: _metadata,
    MetadataResponse: _metadata_answer,
    InitProducerIdResponse: _init_producer_id,
    CreateTopicsRequest: _create_topics,
    CreateTopicsResponse: _topics_done,
    DeleteTopicsRequest: _delete_topics,
    DeleteTopicsResponse: _topics_done,
}
