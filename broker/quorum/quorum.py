"""The metadata quorum, as one node sees it: KRaft, which is Raft with followers that fetch.

    quorum = Quorum.open(disk, config, now, entropy, effects)
    quorum.start(now)
    quorum.handle(request, body, now)      # somebody asks; None: the answer comes later
    quorum.response(event, now)            # somebody answers
    when = quorum.deadline()               # and at the latest then: run(now)

It is a state machine without a world. What it wants to have sent goes to `effects`; what it must
not forget is on the disk before that. It asks for no sync of its log: `unsynced` says that the disk
is behind, the owner lets the host sync, and reports with `synced(offset, now)`. Records count as
this node's from then on.

The parts, each with a file: `transitions` (the states and the ways between them), `states`,
`member` (the moves), `elections`, `leading`, `following`, `resigning`, `reporting`; what comes in
(`requests`, `responses`) and what was asked (`peers`); the log (`metadata_log`, `snapshots`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from broker.events import (
    Effect,
    Entropy,
    Now,
    PeerLost,
    RequestArrived,
    ResponseArrived,
    earliest,
)
from broker.log.disk import Disk
from broker.log.log import Log
from broker.quorum import snapshots
from broker.quorum.config import QuorumConfig
from broker.quorum.elections import Elections
from broker.quorum.following import Following
from broker.quorum.leading import Leading
from broker.quorum.member import Member
from broker.quorum.metadata_log import (
    METADATA_FOLDER,
    METADATA_TOPIC,
    METADATA_TOPIC_ID,
    CommittedBatch,
    SnapshotWriter,
)
from broker.quorum.requests import Requests
from broker.quorum.resigning import Resigning
from broker.quorum.responses import Responses
from broker.quorum.snapshots import OffsetAndEpoch, SnapshotId
from broker.quorum.states import (
    Follower,
    Leader,
    Prospective,
    QuorumState,
    Resigned,
    Unattached,
)
from broker.quorum.transitions import Cause
from broker.wire.errors import invariant
from broker.wire.schema import Message

__all__ = [
    "METADATA_FOLDER",
    "METADATA_TOPIC",
    "METADATA_TOPIC_ID",
    "CommittedBatch",
    "Quorum",
    "SnapshotId",
    "SnapshotWriter",
]

_LOG = logging.getLogger("broker.quorum")

FILES_REMOVED_AT_ONCE = 16


class Quorum:
    """One node of the quorum, voter or observer."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.elections = Elections(member)
        self.leading = Leading(member)
        self.following = Following(member)
        self.resigning = Resigning(member)
        self.requests = Requests(member, self.elections, self.leading, self.following)
        self.responses = Responses(member, self.elections, self.following, self.resigning)
        self._drained = 0

    @classmethod
    def open(
        cls,
        disk: Disk,
        config: QuorumConfig,
        now: Now,
        entropy: Entropy,
        effects: list[Effect],
    ) -> Quorum:
        """Read the node's metadata log, and what it must not have forgotten."""
        return cls(Member(disk, config, now, entropy, effects))

    def start(self, now: Now) -> None:
        """Begin. Who votes alone need not wait for anybody."""
        if self.member.is_only_voter and isinstance(self.member.state, Unattached | Resigned):
            self.member.become_prospective(Cause.ONLY_VOTER, now)
        self._act(now)

    # -- what others may look at ------------------------------------------------------------------

    @property
    def log(self) -> Log:
        """The metadata log itself."""
        return self.member.log.log

    @property
    def node_id(self) -> int:
        """Whose quorum this is."""
        return self.member.node_id

    @property
    def epoch(self) -> int:
        """The epoch of the leader, counted up by each election."""
        return self.member.epoch

    @property
    def leader_id(self) -> int:
        """The leader of the epoch, -1 while none is known."""
        return self.member.leader_id

    @property
    def is_leader(self) -> bool:
        """Whether this node may append."""
        return isinstance(self.member.state, Leader)

    @property
    def role(self) -> str:
        """The state's name; "observer" for a node that does not vote."""
        return self.member.state.kind.value if self.member.is_voter else "observer"

    @property
    def high_watermark(self) -> int:
        """Everything before it is committed, as far as this node knows."""
        return self.member.log.high_watermark

    @property
    def epoch_is_committed(self) -> bool:
        """Whether the leader has committed a record of its own epoch (Raft, section 5.4.2)."""
        state = self.member.state
        return isinstance(state, Leader) and state.high_watermark >= 0

    @property
    def unsynced(self) -> bool:
        """Whether appended records are not known to be durable yet."""
        return self.member.log.unsynced

    @property
    def may_stop(self) -> bool:
        """After `resign`: whether the others can do without this node now."""
        member, state = self.member, self.member.state
        if not member.is_voter or member.is_only_voter:
            return True
        if isinstance(state, Resigned):
            return not state.unacknowledged
        return not isinstance(state, Leader)

    @property
    def changes(self) -> int:
        """How often state, epoch, leader or high watermark have changed."""
        return self.member.changes

    def drain_touched(self) -> bool:
        """Whether state, epoch, leader or high watermark changed since the last call."""
        drained, self._drained = self._drained, self.member.changes
        return drained != self._drained

    # -- the log ----------------------------------------------------------------------------------

    def append(self, records: Sequence[Message], now: Now) -> int:
        """Append records that stand or fall together, and return the offset after the last.

        They count once the high watermark has reached that offset. If this node is deposed before,
        they may count or not: whoever waits is told that it does not lead.
        """
        state = self.member.state
        invariant(isinstance(state, Leader), "only the leader of the quorum appends metadata")
        if records and isinstance(state, Leader):
            self.leading.append(state, list(records), now)
        return self.member.log.end_offset

    def synced(self, offset: int, now: Now) -> None:
        """The log is durable up to `offset`, as it was when the sync began."""
        self.member.log.log.mark_flushed(offset)
        if isinstance(self.member.state, Leader):
            self.leading.synced(self.member.state, now)
        self._act(now)

    def committed_since(self, offset: int) -> Iterator[CommittedBatch]:
        """The committed batches from `offset` on, in order; control batches come empty.

        Where the log does not begin that early, `snapshot_for(offset)` names what to read instead.
        """
        return self.member.log.committed_since(offset)

    # -- snapshots --------------------------------------------------------------------------------

    @property
    def latest_snapshot(self) -> SnapshotId | None:
        """The newest snapshot on this disk."""
        known = self.member.log.snapshots
        return known[-1] if known else None

    def snapshot_for(self, offset: int) -> SnapshotId | None:
        """The snapshot to load before `committed_since` goes on, for one that has applied all
        before `offset`; None if the records do. Who has nothing begins with a snapshot."""
        latest = self.latest_snapshot
        if latest is None or latest.offset <= offset:
            return None
        return latest if not offset or offset < self.log.log_start_offset else None

    def read_snapshot(self, snapshot: SnapshotId) -> Iterator[tuple[Message, ...]]:
        """The records of a snapshot, batch by batch."""
        return snapshots.read_snapshot(self.member.disk, self.member.log.snapshot_path(snapshot))

    def begin_snapshot(self, offset: int, epoch: int, timestamp_ms: int) -> SnapshotWriter | None:
        """Begin to write down what the records before `offset` led to; `epoch` and time are those
        of the last of them. None if there is such a snapshot, or a newer one."""
        snapshot = OffsetAndEpoch(offset, epoch)
        if not self.member.log.may_snapshot(snapshot):
            return None
        return SnapshotWriter(self.member.log, snapshot, timestamp_ms)

    # -- events -----------------------------------------------------------------------------------

    def handle(self, request: RequestArrived, body: Message, now: Now) -> Message | None:
        """Somebody asks. None: it waits, and the answer will be among the effects."""
        answer = self.requests.answer(request, body, now)
        self._act(now)
        return answer

    def response(self, event: ResponseArrived, now: Now) -> None:
        """Somebody answers. What is no use earns the peer a pause."""
        if self.member.peers.expects(event):
            if not self.responses.take_in(event, now):
                self.member.peers.pause(event.peer, now)
            self._act(now)

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The connection to a peer is gone, or there was none."""
        self.member.peers.lost(event, now)
        self.following.lost(event.peer, now)
        self._act(now)

    def disconnected(self, connection: int) -> None:
        """Nothing can be answered on a connection any more."""
        self.leading.forget(connection)

    def resign(self, now: Now) -> None:
        """This node will stop: another shall lead. See `may_stop`."""
        self.resigning.resign(now)
        self._act(now)

    # -- time -------------------------------------------------------------------------------------

    def deadline(self) -> int | None:
        """When something is due though nothing happens, in monotonic microseconds."""
        member = self.member
        state = member.state
        own = None
        if isinstance(state, Leader):
            own = self.leading.deadline(state)
        elif not member.stopping:
            own = state.deadline
        return earliest(own, member.peers.deadline(), member.log.log.doomed.next_due_us)

    def run(self, now: Now) -> None:
        """The time that `deadline` gave has come."""
        self.member.timers_us = now.mono_us
        self.member.peers.run(now)
        self.log.doomed.remove(now.mono_us, FILES_REMOVED_AT_ONCE)
        self._act(now)

    def _act(self, now: Now) -> None:
        """Do what the state asks for; and again, as long as that leads to another state."""
        state: QuorumState | None = None
        while state is not self.member.state:
            state = self.member.state
            if isinstance(state, Leader):
                self.leading.run(state, now)
            elif isinstance(state, Follower):
                self.following.run(state, now)
            elif isinstance(state, Unattached):
                if not self.elections.run_unattached(state, now):
                    self.following.look_around(now)
            elif isinstance(state, Prospective):
                self.elections.run_prospective(state, now)
            elif isinstance(state, Resigned):
                self.resigning.run(state, now)
            elif state.ballot.is_won:
                self.leading.begin(state.ballot.granting, now)
            else:
                self.elections.run_candidate(state, now)
