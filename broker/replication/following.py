"""What a follower does with its part of a leader's answer.

    records              append them as they are: the leader's offsets, the leader's epochs
    diverging epoch      cut the log where the two parted, and fetch from there
    out of range         ask the leader for its ends: behind its start everything goes, beyond its
                         end the rest goes (only an unclean election leads there)
    fenced               our metadata are older than the leader's: wait for newer ones
    any other error      leave the partition alone for a moment (replica.fetch.backoff.ms)

(Kafka's `ReplicaFetcherThread.processPartitionData` and the error cases of
`AbstractFetcherThread.processFetchRequest`.)
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from broker.events import Now
from broker.replication.partition import Partition
from broker.replication.truncation import truncation_offset
from broker.wire.errors import ApiError, ErrorCode, InvariantError, StorageError
from broker.wire.messages.fetch import PartitionData
from broker.wire.messages.list_offsets import ListOffsetsPartitionResponse
from broker.wire.records import read_header

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

_LOG = logging.getLogger("broker.replication")


class Step(Enum):
    """What a partition needs next from its leader."""

    FETCH = "records"
    LATEST = "where its log ends"
    EARLIEST = "where its log begins"


class Outcome(Enum):
    """What becomes of a partition after an answer."""

    ON = "goes on"
    LATER = "backs off"
    FAILED = "is fetched no more, until the metadata say something new"


@dataclass(slots=True, eq=False)
class Following:
    """A partition that is fetched from a leader, in one leader epoch."""

    partition: Partition
    leader_epoch: int
    step: Step = Step.FETCH

    @property
    def fetch_offset(self) -> int:
        """Where the log goes on."""
        return self.partition.log.log_end_offset


def take_data(replicas: Replicas, state: Following, data: PartitionData, now: Now) -> Outcome:
    """A partition's part of the answer to Fetch."""
    if data.error_code:
        return _take_error(state, data.error_code)
    try:
        if data.diverging_epoch.epoch >= 0:
            # Nothing else in this answer counts before the log is cut.
            common = data.diverging_epoch
            offset = truncation_offset(state.partition.log, common.epoch, common.end_offset)
            _cut(replicas, state.partition, offset)
        else:
            _append(replicas, state, data, now)
    except StorageError as error:
        replicas.take_offline(state.partition, error.message)
        return Outcome.FAILED
    except InvariantError as error:
        replicas.take_offline(state.partition, str(error))
        return Outcome.FAILED
    except ApiError as error:
        # Damaged on the way, or at the leader while it was read: it may be better next time.
        _LOG.warning("%s: a fetch brought what cannot be: %s", state.partition.name, error.message)
        return Outcome.LATER
    return Outcome.ON


def _append(replicas: Replicas, state: Following, data: PartitionData, now: Now) -> None:
    partition, log = state.partition, state.partition.log
    if data.records:
        partition.place()
        end = log.log_end_offset
        first = read_header(data.records).base_offset
        if first < end and end == log.log_start_offset and not log.size_bytes:
            # The leader's log starts within a batch, and batches come whole (KAFKA-6975).
            log.truncate_fully_and_start_at(first)
        log.append_as_follower(data.records, now, state.leader_epoch)
        replicas.copied(partition, now)
    if partition.follow_high_watermark(data.high_watermark, data.log_start_offset):
        replicas.progressed(partition, len(data.records or b""))


def _cut(replicas: Replicas, partition: Partition, offset: int) -> None:
    log, end = partition.log, partition.log.log_end_offset
    was_durable = log.recovery_point > offset
    if log.truncate_to(offset):
        _LOG.info("%s: cut from %d to %d, where its leader went on", partition.name, end, offset)
    partition.was_cut()
    replicas.was_cut(partition, was_durable)


def _take_error(state: Following, code: int) -> Outcome:
    partition = state.partition
    if code == ErrorCode.OFFSET_OUT_OF_RANGE:
        state.step = Step.LATEST
        return Outcome.ON
    if code == ErrorCode.FENCED_LEADER_EPOCH:
        return Outcome.FAILED
    _LOG.debug("%s: its leader answers %s", partition.name, ErrorCode(code).name)
    return Outcome.LATER


def take_offset(
    replicas: Replicas, state: Following, found: ListOffsetsPartitionResponse, now: Now
) -> Outcome:
    """Where the leader's log ends, or begins: now we know in which way we are out of range."""
    step, state.step = state.step, Step.FETCH
    if found.error_code:
        return _take_error(state, found.error_code)
    partition = state.partition
    end = partition.log.log_end_offset
    try:
        if step is Step.LATEST and found.offset < end:
            _cut(replicas, partition, found.offset)
        elif step is Step.LATEST:
            state.step = Step.EARLIEST
        elif found.offset > end:
            _LOG.info(
                "%s: begins anew at %d, where its leader starts", partition.name, found.offset
            )
            partition.log.truncate_fully_and_start_at(found.offset)
            partition.high_watermark = found.offset
            replicas.was_cut(partition, was_durable=True)
        else:
            # In range again: the leader has moved meanwhile.
            return Outcome.LATER
    except StorageError as error:
        replicas.take_offline(partition, error.message)
        return Outcome.FAILED
    return Outcome.ON
