"""What brokers say to each other, in one line of the field's own words.

    Fetch of a follower     2 asks 1 for orders-0 from 17
    Vote                    2 asks 3 to vote for it in epoch 4
    its answer              3 votes for 2 in epoch 4
    AlterPartition          1 asks 2 for the ISR 1, 3 of orders-0

Unlike a client's, these lines name who speaks: between brokers everybody asks and everybody
answers, and which of them did is the point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from broker.wire.errors import ErrorCode
from broker.wire.messages import alter_partition, begin_quorum_epoch, end_quorum_epoch, vote
from broker.wire.messages.allocate_producer_ids import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
)
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)
from broker.wire.messages.envelope import EnvelopeRequest, EnvelopeResponse
from broker.wire.messages.fetch_snapshot import FetchSnapshotRequest, FetchSnapshotResponse
from broker.wire.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
)
from broker.wire.schema import Message


class Talk(NamedTuple):
    """Who says it to whom, about which topics, in answer to what."""

    speaker: str
    listener: str
    topic: Callable[[bytes], str]
    """The name of a topic by its id."""
    question: Any


def said(body: Message, talk: Talk) -> str | None:
    """A message between two brokers in words; None if this is the business of others."""
    tell = _TELL.get(type(body))
    if tell is None:
        return None
    code = getattr(body, "error_code", 0)
    if code:
        return f"{talk.speaker} answers {talk.listener}: {ErrorCode(code).name}"
    return tell(body, talk)


def _parts(body: Any) -> Iterator[Any]:
    return (part for topic in body.topics for part in topic.partitions)


# -- the quorum ----------------------------------------------------------------------------------


def _vote(body: vote.VoteRequest, talk: Talk) -> str:
    part = next(_parts(body))
    if part.pre_vote:
        how = f"whether it would vote for it in epoch {part.replica_epoch + 1}"
    else:
        how = f"to vote for it in epoch {part.replica_epoch}"
    return f"{talk.speaker} asks {talk.listener} {how}"


def _voted(body: vote.VoteResponse, talk: Talk) -> str:
    part = next(_parts(body), None)
    asked = None if talk.question is None else next(_parts(talk.question), None)
    if part is None or asked is None:
        return f"{talk.speaker} has no vote"
    if part.error_code:
        return f"{talk.speaker} answers {talk.listener}: {ErrorCode(part.error_code).name}"
    epoch = asked.replica_epoch + asked.pre_vote
    verb = {
        (True, True): "would vote",
        (True, False): "would not vote",
        (False, True): "votes",
        (False, False): "does not vote",
    }[asked.pre_vote, part.vote_granted]
    return f"{talk.speaker} {verb} for {talk.listener} in epoch {epoch}"


def _begin_epoch(body: begin_quorum_epoch.BeginQuorumEpochRequest, talk: Talk) -> str:
    part = next(_parts(body))
    return f"{talk.speaker} tells {talk.listener} that it leads in epoch {part.leader_epoch}"


def _end_epoch(body: end_quorum_epoch.EndQuorumEpochRequest, talk: Talk) -> str:
    part = next(_parts(body))
    return (
        f"{talk.speaker} tells {talk.listener} that it leads no more in epoch {part.leader_epoch}"
    )


def _epoch_known(body: Any, talk: Talk) -> str:
    part = next(_parts(body), None)
    if part is None or part.error_code:
        code = ErrorCode(part.error_code if part is not None else 0).name
        return f"{talk.speaker} answers {talk.listener}: {code}"
    return f"{talk.speaker} has heard {talk.listener}"


def _fetch_snapshot(body: FetchSnapshotRequest, talk: Talk) -> str:
    part = next(_parts(body))
    which = f"{part.snapshot_id.end_offset} of epoch {part.snapshot_id.epoch}"
    return f"{talk.speaker} asks {talk.listener} for snapshot {which} from byte {part.position}"


def _fetched_snapshot(body: FetchSnapshotResponse, talk: Talk) -> str:
    part = next(_parts(body), None)
    if part is None or part.error_code:
        code = ErrorCode(part.error_code if part is not None else 0).name
        return f"{talk.speaker} answers {talk.listener}: {code}"
    end = part.position + len(part.unaligned_records or b"")
    return (
        f"bytes {part.position} to {end} of {part.size} of snapshot {part.snapshot_id.end_offset}"
    )


# -- brokers and the controller ------------------------------------------------------------------


def _register(body: BrokerRegistrationRequest, talk: Talk) -> str:
    return f"{talk.speaker} registers with {talk.listener}"


def _registered(body: BrokerRegistrationResponse, talk: Talk) -> str:
    return f"{talk.listener} is registered, with broker epoch {body.broker_epoch}"


def _heartbeat(body: BrokerHeartbeatRequest, talk: Talk) -> str:
    wish = ""
    if body.want_shut_down:
        wish = " and wants to stop"
    elif body.want_fence:
        wish = " and wants to stay fenced"
    return f"{talk.speaker} lives, has metadata up to {body.current_metadata_offset}{wish}"


def _heartbeat_answer(body: BrokerHeartbeatResponse, talk: Talk) -> str:
    state = "fenced" if body.is_fenced else "not fenced"
    leave = " and may stop" if body.should_shut_down else ""
    return f"{talk.listener} is {state}{leave}"


def _alter_partition(body: alter_partition.AlterPartitionRequest, talk: Talk) -> str:
    wishes = []
    for topic in body.topics:
        for part in topic.partitions:
            isr = [state.broker_id for state in part.new_isr_with_epochs] or part.new_isr
            listed = ", ".join(map(str, isr))
            wishes.append(
                f"the ISR {listed} of {talk.topic(topic.topic_id)}-{part.partition_index}"
            )
    return f"{talk.speaker} asks {talk.listener} for {' and '.join(wishes)}"


def _partition_altered(body: alter_partition.AlterPartitionResponse, talk: Talk) -> str:
    parts = []
    for topic in body.topics:
        for part in topic.partitions:
            where = f"{talk.topic(topic.topic_id)}-{part.partition_index}"
            if part.error_code:
                parts.append(f"{ErrorCode(part.error_code).name} for {where}")
            else:
                parts.append(f"the ISR of {where} is {', '.join(map(str, part.isr))}")
    return ", ".join(parts) or "nothing is changed"


def _allocate(body: AllocateProducerIdsRequest, talk: Talk) -> str:
    return f"{talk.speaker} asks {talk.listener} for producer ids"


def _allocated(body: AllocateProducerIdsResponse, talk: Talk) -> str:
    last = body.producer_id_start + body.producer_id_len - 1
    return f"producer ids {body.producer_id_start} to {last} are {talk.listener}'s"


def _envelope(body: EnvelopeRequest, talk: Talk) -> str:
    return f"{talk.speaker} passes on to {talk.listener} what a client asks"


def _envelope_answer(body: EnvelopeResponse, talk: Talk) -> str:
    return f"{talk.speaker} answers what {talk.listener} passed on"


# -- leader epochs -------------------------------------------------------------------------------


def _epoch_end(body: OffsetForLeaderEpochRequest, talk: Talk) -> str:
    asked = [
        f"epoch {part.leader_epoch} of {topic.topic}-{part.partition}"
        for topic in body.topics
        for part in topic.partitions
    ]
    return f"{talk.speaker} asks {talk.listener} where {', '.join(asked)} ends"


def _epoch_ends(body: OffsetForLeaderEpochResponse, talk: Talk) -> str:
    ends = []
    for topic in body.topics:
        for part in topic.partitions:
            where = f"{topic.topic}-{part.partition}"
            if part.error_code:
                ends.append(f"{ErrorCode(part.error_code).name} for {where}")
            else:
                ends.append(f"epoch {part.leader_epoch} of {where} ends at {part.end_offset}")
    return ", ".join(ends)


_TELL: dict[type[Message], Callable[[Any, Talk], str]] = {
    vote.VoteRequest: _vote,
    vote.VoteResponse: _voted,
    begin_quorum_epoch.BeginQuorumEpochRequest: _begin_epoch,
    begin_quorum_epoch.BeginQuorumEpochResponse: _epoch_known,
    end_quorum_epoch.EndQuorumEpochRequest: _end_epoch,
    end_quorum_epoch.EndQuorumEpochResponse: _epoch_known,
    FetchSnapshotRequest: _fetch_snapshot,
    FetchSnapshotResponse: _fetched_snapshot,
    BrokerRegistrationRequest: _register,
    BrokerRegistrationResponse: _registered,
    BrokerHeartbeatRequest: _heartbeat,
    BrokerHeartbeatResponse: _heartbeat_answer,
    alter_partition.AlterPartitionRequest: _alter_partition,
    alter_partition.AlterPartitionResponse: _partition_altered,
    AllocateProducerIdsRequest: _allocate,
    AllocateProducerIdsResponse: _allocated,
    EnvelopeRequest: _envelope,
    EnvelopeResponse: _envelope_answer,
    OffsetForLeaderEpochRequest: _epoch_end,
    OffsetForLeaderEpochResponse: _epoch_ends,
}
