"""Produce (0): append record batches. The hot path of a broker.

    3   record batches v2 only (Kafka 4)      10  where the leader went, on an error (KIP-951)
    9   flexible                              12  one request a transaction (KIP-890)
                                              13  topic ids (KIP-516)

What `acks` promises, when the answer leaves:

     0   nothing: there is no answer
     1   the leader has the batch in its log
    -1   every in-sync replica has it ("all"): the high watermark is past it. Too few in sync
         (min.insync.replicas) is said before the append, NOT_ENOUGH_REPLICAS, where it is known;
         if it shows only later, NOT_ENOUGH_REPLICAS_AFTER_APPEND: the batch may yet be committed

A batch is never unpacked here. Its bytes go from the request's buffer to the file, and what the
broker has to say about them (offset, leader epoch) is written into the batch's header on the way.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.api.leaders import UNKNOWN_LEADER, addresses, current_leader
from broker.api.waiters import ProduceWaiter
from broker.events import Now, RequestArrived
from broker.log.validation import RecordsRejectedError
from broker.replication.partition import Partition, PartitionKey
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.produce import (
    BatchIndexAndErrorMessage,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.wire.primitives import Buffer
from broker.wire.records import FLAGS_AT, TRANSACTIONAL_BIT

NO_ACKS, LEADER_ACKS, ALL_ACKS = 0, 1, -1
LEADER_SINCE = 10
"""From this version on an error may say where the leader went."""
BY_TOPIC_ID = 13
"""From this version on topics are named by their ids."""


def handle(
    broker: Broker, request: RequestArrived, body: ProduceRequest, now: Now
) -> ProduceResponse | None:
    """Append each batch; answer as `acks` says."""
    missing: dict[PartitionKey, tuple[Partition, int]] = {}
    leaders: list[int] = []
    response = ProduceResponse(
        responses=[
            _append_all(broker, request, body, topic, now, missing, leaders)
            for topic in body.topic_data
        ]
    )
    if leaders:
        response = _with_addresses(broker, response, leaders)
    if body.acks == NO_ACKS:
        _end_without_answer(broker, request, response)
        return None
    if not missing:
        return response
    waiter = ProduceWaiter(request.connection, request, body.acks, response, missing)
    broker.produces.enter(waiter, missing, now.mono_us + max(0, body.timeout_ms) * 1000)
    return None


def _append_all(
    broker: Broker,
    request: RequestArrived,
    body: ProduceRequest,
    topic: TopicProduceData,
    now: Now,
    missing: dict[PartitionKey, tuple[Partition, int]],
    leaders: list[int],
) -> TopicProduceResponse:
    replicas, results = broker.replicas, []
    name = _topic_name(broker, request, topic)
    for data in topic.partition_data:
        try:
            partition = replicas.find(_checked(body, name), data.index, now)
            first, last, append_time_ms, log_start_offset, _ = replicas.append(
                partition, _batch(data.records), now, body.acks
            )
        except ApiError as error:
            refused = _refused(broker, request, name, data.index, error)
            if refused.current_leader.leader_id >= 0:
                leaders.append(refused.current_leader.leader_id)
            results.append(refused)
            continue
        if not _is_safe(partition, body.acks, last + 1):
            missing[partition.key] = partition, last + 1
        results.append(
            PartitionProduceResponse(
                index=data.index,
                error_code=0,
                base_offset=first,
                log_append_time_ms=append_time_ms,
                log_start_offset=log_start_offset,
            )
        )
    # The name is not written where ids are; but who waits in the answer is found by it.
    return TopicProduceResponse(
        name=name or "", topic_id=topic.topic_id, partition_responses=results
    )


def _topic_name(broker: Broker, request: RequestArrived, topic: TopicProduceData) -> str | None:
    """The name of a topic that is given by name or by id; None if nobody knows the id."""
    if request.api_version >= BY_TOPIC_ID:
        return broker.image.names.get(topic.topic_id)
    return topic.name


def _checked(body: ProduceRequest, topic: str | None) -> str:
    """The topic's name, if it is known and the request may write to any topic at all."""
    if topic is None:
        raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
    if not -1 <= body.acks <= 1:
        raise ApiError(ErrorCode.INVALID_REQUIRED_ACKS)
    return topic


def _batch(records: Buffer | None) -> bytearray | memoryview:
    """The batch in a buffer that may be written to, for its offset and epoch are patched in place.

    The server's buffers are; only a batch from elsewhere (a simulated message) is copied.
    """
    if not records:
        raise ApiError(ErrorCode.INVALID_RECORD, "A produce request carries one batch a partition.")
    if len(records) > FLAGS_AT and records[FLAGS_AT] & TRANSACTIONAL_BIT:
        raise ApiError(ErrorCode.INVALID_TXN_STATE, "This broker has no transactions yet.")
    if isinstance(records, memoryview) and not records.readonly:
        return records
    return bytearray(records)


def _is_safe(partition: Partition, acks: int, end_offset: int) -> bool:
    """What every in-sync replica has, the leader has too."""
    if partition.high_watermark >= end_offset:
        return True
    return acks != ALL_ACKS and partition.own_end_offset >= end_offset


def _refused(
    broker: Broker, request: RequestArrived, topic: str | None, index: int, error: ApiError
) -> PartitionProduceResponse:
    leader = UNKNOWN_LEADER
    if request.api_version >= LEADER_SINCE:
        leader = current_leader(broker.image, topic, index, error.code)
    records = error.records if isinstance(error, RecordsRejectedError) else ()
    return PartitionProduceResponse(
        index=index,
        error_code=error.code,
        base_offset=-1,
        record_errors=[
            BatchIndexAndErrorMessage(batch_index=place, batch_index_error_message=reason)
            for place, reason in records
        ],
        error_message=error.message or None,
        current_leader=LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1]),
    )


def _end_without_answer(broker: Broker, request: RequestArrived, response: ProduceResponse) -> None:
    """With acks=0 the only way to tell a client of an error is to close its connection."""
    broker.respond(request, None)
    for topic in response.responses:
        for partition in topic.partition_responses:
            if partition.error_code:
                code = ErrorCode(partition.error_code).name
                broker.close(request.connection, f"{code} in a produce request with acks=0")
                return


# -- the waiting room -----------------------------------------------------------------------------


def wake(broker: Broker, key: PartitionKey) -> None:
    """Something changed at a partition: answer those who waited for just that."""
    for waiter in broker.produces.at(key):
        waits_for = waiter.missing.get(key)
        if waits_for is None:
            continue
        code = _outcome(broker, waiter.acks, *waits_for)
        if code is None:
            continue
        if code:
            waiter.response = _with_error(broker, waiter, key, code)
        del waiter.missing[key]
        if not waiter.missing:
            broker.produces.leave(waiter)
            broker.respond(waiter.request, waiter.response)


def _outcome(broker: Broker, acks: int, partition: Partition, end: int) -> ErrorCode | None:
    """What a waiter is told of a partition; None: it waits on.

    Another topic may have come under the name, or this log been cut and led anew: what is there now
    says nothing about what was appended then.
    """
    if broker.replicas.partitions.get(partition.key) is not partition or not partition.is_leader:
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    if partition.offline:
        return ErrorCode.KAFKA_STORAGE_ERROR
    if not _is_safe(partition, acks, end):
        return None
    if acks == ALL_ACKS and len(partition.maximal_isr) < partition.min_isr:
        return ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
    return ErrorCode.NONE


def time_out(broker: Broker, now: Now) -> None:
    """Answer those whose time is up. Their batches stay in the log, and may yet be committed."""
    for waiter in broker.produces.due(now.mono_us):
        for key in waiter.missing:
            waiter.response = _with_error(broker, waiter, key, ErrorCode.REQUEST_TIMED_OUT)
        broker.produces.leave(waiter)
        broker.respond(waiter.request, waiter.response)


def _with_error(
    broker: Broker, waiter: ProduceWaiter, key: PartitionKey, code: ErrorCode
) -> ProduceResponse:
    """The answer, with an error where the offset was; who has lost the lead says to whom."""
    topic_name, index = key
    leader, epoch = UNKNOWN_LEADER
    if waiter.request.api_version >= LEADER_SINCE:
        leader, epoch = current_leader(broker.image, topic_name, index, code)
    error = {
        "error_code": code,
        "base_offset": -1,
        "log_append_time_ms": -1,
        "current_leader": LeaderIdAndEpoch(leader_id=leader, leader_epoch=epoch),
    }
    response = waiter.response.replace(
        responses=[
            topic.replace(
                partition_responses=[
                    one.replace(**error) if one.index == index else one
                    for one in topic.partition_responses
                ]
            )
            if topic.name == topic_name
            else topic
            for topic in waiter.response.responses
        ]
    )
    known = [endpoint.node_id for endpoint in response.node_endpoints]
    return response if leader < 0 else _with_addresses(broker, response, [*known, leader])


def _with_addresses(
    broker: Broker, response: ProduceResponse, leaders: list[int]
) -> ProduceResponse:
    return response.replace(node_endpoints=addresses(broker.image, leaders, NodeEndpoint))
