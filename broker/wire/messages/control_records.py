"""Control records: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, int16, int32, int64, message, struct, uuid


@struct
class Voter(Message):
    """Voter."""

    voter_id: int = int32()
    voter_directory_id: bytes = uuid(versions="1+")


@message(kind="data", versions="0-1", flexible="0+")
class LeaderChangeMessage(Message):
    """LeaderChangeMessage."""

    version: int = int16()
    leader_id: int = int32()
    voters: list[Voter] = array(Voter)
    granting_voters: list[Voter] = array(Voter)


@message(kind="data", versions="0", flexible="0+")
class SnapshotHeaderRecord(Message):
    """SnapshotHeaderRecord."""

    version: int = int16()
    last_contained_log_timestamp: int = int64()


@message(kind="data", versions="0", flexible="0+")
class SnapshotFooterRecord(Message):
    """SnapshotFooterRecord."""

    version: int = int16()


@message(kind="data", versions="0", flexible="0+")
class KRaftVersionRecord(Message):
    """KRaftVersionRecord."""

    version: int = int16()
    kraft_version: int = int16()


@message(kind="data", versions="0")
class EndTxnMarker(Message):
    """EndTxnMarker."""

    coordinator_epoch: int = int32()
