"""ElectLeaders: let these partitions have another leader, now (KIP-183, KIP-460).

Either the preferred one, so that leaders are spread again after a broker has come back; or, where
nobody who is in sync is left, any replica that lives. The latter loses records, and is therefore
never done by itself.
"""

from __future__ import annotations

from typing import Final

from broker.wire.schema import Message, array, int8, int16, int32, message, string, struct

PREFERRED: Final = 0
UNCLEAN: Final = 1
"""What `election_type` can be."""

# -- request --------------------------------------------------------------------------------------


@struct
class TopicPartitions(Message):
    """Partitions of one topic."""

    topic: str = string()
    partitions: list[int] = array(int32)


@message(key=43, kind="request", versions="0-2", flexible="2+")
class ElectLeadersRequest(Message):
    """Elect leaders.

    - 0: topic_partitions and timeout_ms (KIP-183)
    - 1: election_type (KIP-460)
    - 2: flexible (KIP-482)
    """

    election_type: int = int8(versions="1+", default=PREFERRED)
    topic_partitions: list[TopicPartitions] | None = array(TopicPartitions, nullable="0+")
    """Null for all partitions there are."""
    timeout_ms: int = int32(default=60_000)


# -- response -------------------------------------------------------------------------------------


@struct
class PartitionResult(Message):
    """What became of one election."""

    partition_id: int = int32()
    error_code: int = int16()
    """ELECTION_NOT_NEEDED if the right one leads already, PREFERRED_LEADER_NOT_AVAILABLE or
    ELIGIBLE_LEADERS_NOT_AVAILABLE if there was nobody to elect."""
    error_message: str | None = string(nullable="0+")


@struct
class ReplicaElectionResult(Message):
    """The elections in one topic."""

    topic: str = string()
    partition_result: list[PartitionResult] = array(PartitionResult)


@message(key=43, kind="response", versions="0-2", flexible="2+")
class ElectLeadersResponse(Message):
    """What became of it.

    - 0: replica_election_results (KIP-183)
    - 1: error_code (KIP-460)
    - 2: flexible (KIP-482)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16(versions="1+")
    replica_election_results: list[ReplicaElectionResult] = array(ReplicaElectionResult)
