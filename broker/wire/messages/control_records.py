"""Control records: what brokers write into a log for each other, between the records of clients.

A batch with the control bit set holds records that consumers never see. The key of such a record
tells its type, and its value is one of the messages here:

- The end of a transaction, committed or aborted, in every partition that it wrote to (KIP-98).
- In the metadata log, what belongs to Raft and not to the metadata: who leads from here on
  (KIP-595), where a snapshot begins and ends (KIP-630), and who may vote (KIP-853).

The types are `records.ControlType`. The record with the voters has a file of its own.
"""

from __future__ import annotations

from typing import Final

from broker.wire.messages.voters_record import VotersRecord
from broker.wire.schema import Message, array, int16, int32, int64, message, struct, uuid


@struct
class Voter(Message):
    """A controller that votes."""

    voter_id: int = int32()
    voter_directory_id: bytes = uuid(versions="1+")
    """Which of its disks: a controller that lost its disk is another voter."""


@message(kind="data", versions="0-1", flexible="0+")
class LeaderChangeMessage(Message):
    """A new leader's first record: it leads from here on.

    By appending it the leader commits what its predecessors left uncommitted, since only records of
    the leader's own epoch are counted (Raft, section 5.4.2).

    - 0: leader_id, voters, granting_voters (KIP-595)
    - 1: voter_directory_id (KIP-853)
    """

    version: int = int16()
    """The version of this very message, as its first two bytes."""
    leader_id: int = int32()
    voters: list[Voter] = array(Voter)
    granting_voters: list[Voter] = array(Voter)
    """Who voted for this leader. A quorum of one grants itself."""


@message(kind="data", versions="0", flexible="0+")
class SnapshotHeaderRecord(Message):
    """The first record of a snapshot.

    - 0: all fields (KIP-630)
    """

    version: int = int16()
    last_contained_log_timestamp: int = int64()
    """When the last record that the snapshot replaces was appended, in milliseconds."""


@message(kind="data", versions="0", flexible="0+")
class SnapshotFooterRecord(Message):
    """The last record of a snapshot: it is whole.

    - 0: all fields (KIP-630)
    """

    version: int = int16()


@message(kind="data", versions="0", flexible="0+")
class KRaftVersionRecord(Message):
    """The version of the quorum's protocol from here on: 0 for static voters, 1 for dynamic ones.

    - 0: all fields (KIP-853)
    """

    version: int = int16()
    kraft_version: int = int16()


@message(kind="data", versions="0")
class EndTxnMarker(Message):
    """The value of an ABORT or COMMIT record: a transaction ends here.

    Whose transaction, the batch's header tells: producer id and epoch.

    - 0: all fields (KIP-98)
    """

    coordinator_epoch: int = int32()
    """The leader epoch of the coordinator: a marker from a deposed one is refused."""


CONTROL_MESSAGES: Final[dict[int, type[Message]]] = {
    0: EndTxnMarker,
    1: EndTxnMarker,
    2: LeaderChangeMessage,
    3: SnapshotHeaderRecord,
    4: SnapshotFooterRecord,
    5: KRaftVersionRecord,
    6: VotersRecord,
}
"""The type in a control record's key -> what its value is."""
