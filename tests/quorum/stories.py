"""One node of a quorum, and the test in the place of all the others."""

from __future__ import annotations

from typing import TypeVar

from broker.events import Effect, Now, PeerLost, RequestArrived, Respond, ResponseArrived, Send
from broker.log.disk import MemoryDisk
from broker.quorum.config import QuorumConfig
from broker.quorum.metadata_log import METADATA_TOPIC, METADATA_TOPIC_ID
from broker.quorum.quorum import Quorum
from broker.quorum.singletons import vote_response
from broker.quorum.states import QuorumState
from broker.wire.codec import encode_metadata_record
from broker.wire.errors import ErrorCode
from broker.wire.messages import (
    begin_quorum_epoch,
    end_quorum_epoch,
    fetch,
    fetch_snapshot,
    vote,
)
from broker.wire.messages.metadata_records import FeatureLevelRecord
from broker.wire.records import build_batch, iter_batches
from broker.wire.schema import Message

M = TypeVar("M", bound=Message)

ELECTION_MS, FETCH_MS = 400, 600
WALL_US = 1_700_000_000_000_000


class NoLuck:
    """The least of all that could be drawn."""

    least = 0.0

    def random(self) -> float:
        return self.least

    def uuid(self) -> bytes:
        return bytes(16)


class Ruin(NoLuck):
    """When the power goes: whatever was not synced is gone (see MemoryDisk)."""

    least = 0.2


def feature(level: int) -> FeatureLevelRecord:
    """Some metadata record."""
    return FeatureLevelRecord(name="f", feature_level=level)


def records(first: int, count: int, epoch: int) -> bytes:
    """A batch as a leader of an epoch has it in its log."""
    values = ((0, None, encode_metadata_record(feature(i), 0), ()) for i in range(count))
    return bytes(build_batch(values, base_offset=first, leader_epoch=epoch))


class Node:
    """Node 1 of the voters 1, 2, 3, unless a test says otherwise."""

    def __init__(
        self,
        node_id: int = 1,
        voters: tuple[int, ...] = (1, 2, 3),
        disk: MemoryDisk | None = None,
        start: bool = True,
        **settings: int,
    ) -> None:
        self.disk = disk or MemoryDisk()
        self.time = 0
        self.effects: list[Effect] = []
        self.asked: dict[int, Send] = {}
        """The last request to each peer."""
        self.config = QuorumConfig(
            node_id=node_id,
            voters=voters,
            cluster_id="c",
            fetch_timeout_ms=FETCH_MS,
            election_timeout_ms=ELECTION_MS,
            **settings,  # type: ignore[arg-type]
        )
        self.quorum = Quorum.open(self.disk, self.config, self.now, NoLuck(), self.effects)
        if start:
            self.quorum.start(self.now)

    @property
    def now(self) -> Now:
        return Now(WALL_US + self.time, self.time)

    @property
    def state(self) -> QuorumState:
        return self.quorum.member.state

    @property
    def role(self) -> str:
        return self.quorum.role

    @property
    def end(self) -> int:
        return self.quorum.log.log_end_offset

    def again(self, power_lost: bool = True) -> Node:
        """The same node after a crash."""
        if power_lost:
            self.disk.power_loss(Ruin())
        return Node(self.config.node_id, self.config.voters, self.disk)

    # -- time and the disk ------------------------------------------------------------------------

    def wait(self, ms: int) -> Node:
        """Let time go by, with every deadline in its turn."""
        end = self.time + ms * 1000
        while True:
            due = self.quorum.deadline()
            if due is None or due > end:
                break
            self.time = max(self.time, due)
            self.quorum.run(self.now)
        self.time = end
        return self

    def sync(self) -> Node:
        """The disk catches up."""
        end = self.end
        self.disk.sync(self.quorum.log.paths_to_sync())
        self.quorum.synced(end, self.now)
        return self

    # -- what it sends ----------------------------------------------------------------------------

    def sent(self, kind: type[M]) -> dict[int, M]:
        """What it has asked whom since it was last looked at."""
        found: dict[int, M] = {}
        for effect in [each for each in self.effects if isinstance(each, Send)]:
            self.asked[effect.peer] = effect
            if isinstance(effect.body, kind):
                found[effect.peer] = effect.body
                self.effects.remove(effect)
        return found

    def answered(self) -> list[Message]:
        """The answers to those who had to wait."""
        found = [e for e in self.effects if isinstance(e, Respond)]
        for each in found:
            self.effects.remove(each)
        return [each.body for each in found if each.body is not None]

    def answer(self, peer: int, body: Message) -> Node:
        """A peer answers what it was asked last."""
        self.sent(Message)
        event = ResponseArrived(peer, self.asked[peer].correlation_id, body, "quorum")
        self.quorum.response(event, self.now)
        return self

    def lose(self, peer: int) -> Node:
        """The connection to a peer breaks."""
        self.quorum.peer_lost(PeerLost(peer, "quorum"), self.now)
        return self

    # -- elections --------------------------------------------------------------------------------

    def stand(self) -> Node:
        """Wait until it asks for pre-votes."""
        while self.role not in ("prospective", "candidate", "leader"):
            self.wait(50)
        return self

    def votes(self, peer: int, granted: bool = True) -> Node:
        """A voter answers its pre-vote or vote."""
        return self.answer(peer, vote_response(ErrorCode.NONE, -1, self.quorum.epoch, granted))

    def lead(self) -> Node:
        """Make it the leader, with its first record on its own disk and on node 2's."""
        self.stand().votes(2).votes(2).sync()
        assert self.role == "leader"
        self.fetch(2, self.end, self.quorum.epoch)
        return self

    def follow(self, leader: int = 2, epoch: int = 1) -> Node:
        """Make it follow."""
        self.begin(leader, epoch)
        assert self.quorum.leader_id == leader
        return self

    # -- what it is asked -------------------------------------------------------------------------

    def ask(self, body: M, connection: int = 9) -> Message | None:
        key, version = body.schema.key, body.schema.versions.high
        arrived = RequestArrived(connection, 1, key, version, "test", body, True)
        return self.quorum.handle(arrived, body, self.now)

    def vote(
        self,
        candidate: int,
        epoch: int,
        last_offset: int = 0,
        last_epoch: int = 0,
        pre_vote: bool = False,
        voter: int = -1,
    ) -> vote.PartitionResult:
        partition = vote.PartitionData(
            replica_epoch=epoch,
            replica_id=candidate,
            last_offset=last_offset,
            last_offset_epoch=last_epoch,
            pre_vote=pre_vote,
        )
        topic = vote.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        answer = self.ask(vote.VoteRequest(cluster_id="c", voter_id=voter, topics=[topic]))
        assert isinstance(answer, vote.VoteResponse)
        return answer.topics[0].partitions[0]

    def begin(self, leader: int, epoch: int) -> begin_quorum_epoch.PartitionResult:
        partition = begin_quorum_epoch.PartitionData(leader_id=leader, leader_epoch=epoch)
        topic = begin_quorum_epoch.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        request = begin_quorum_epoch.BeginQuorumEpochRequest(cluster_id="c", topics=[topic])
        answer = self.ask(request)
        assert isinstance(answer, begin_quorum_epoch.BeginQuorumEpochResponse)
        return answer.topics[0].partitions[0]

    def ends(
        self, leader: int, epoch: int, successors: tuple[int, ...]
    ) -> end_quorum_epoch.PartitionResult:
        candidates = [end_quorum_epoch.ReplicaInfo(candidate_id=each) for each in successors]
        partition = end_quorum_epoch.PartitionData(
            leader_id=leader, leader_epoch=epoch, preferred_candidates=candidates
        )
        topic = end_quorum_epoch.TopicData(topic_name=METADATA_TOPIC, partitions=[partition])
        request = end_quorum_epoch.EndQuorumEpochRequest(cluster_id="c", topics=[topic])
        answer = self.ask(request)
        assert isinstance(answer, end_quorum_epoch.EndQuorumEpochResponse)
        return answer.topics[0].partitions[0]

    def fetch(
        self,
        replica: int,
        offset: int,
        last_epoch: int,
        wait_ms: int = 0,
        epoch: int | None = None,
        high_watermark: int = 1 << 62,
        connection: int = 9,
    ) -> fetch.PartitionData | None:
        """A replica fetches; by default it knows any high watermark."""
        partition = fetch.FetchPartition(
            current_leader_epoch=self.quorum.epoch if epoch is None else epoch,
            fetch_offset=offset,
            last_fetched_epoch=last_epoch,
            high_watermark=high_watermark,
        )
        topic = fetch.FetchTopic(topic_id=METADATA_TOPIC_ID, partitions=[partition])
        request = fetch.FetchRequest(
            cluster_id="c",
            replica_state=fetch.ReplicaState(replica_id=replica),
            max_wait_ms=wait_ms,
            topics=[topic],
        )
        answer = self.ask(request, connection)
        return None if answer is None else data_of(answer)

    def fetch_snapshot(
        self, replica: int, offset: int, epoch: int, position: int, max_bytes: int = 1 << 20
    ) -> fetch_snapshot.PartitionSnapshotResult:
        partition = fetch_snapshot.PartitionSnapshot(
            current_leader_epoch=self.quorum.epoch,
            snapshot_id=fetch_snapshot.SnapshotId(end_offset=offset, epoch=epoch),
            position=position,
        )
        topic = fetch_snapshot.TopicSnapshot(name=METADATA_TOPIC, partitions=[partition])
        request = fetch_snapshot.FetchSnapshotRequest(
            cluster_id="c", replica_id=replica, max_bytes=max_bytes, topics=[topic]
        )
        answer = self.ask(request)
        assert isinstance(answer, fetch_snapshot.FetchSnapshotResponse)
        return answer.topics[0].partitions[0]

    # -- a leader's answers -----------------------------------------------------------------------

    def leader_says(
        self,
        data: bytes = b"",
        high_watermark: int = -1,
        diverging: tuple[int, int] = (-1, -1),
        snapshot: tuple[int, int] = (-1, -1),
        error: ErrorCode = ErrorCode.NONE,
        leader: int | None = None,
        epoch: int | None = None,
        peer: int | None = None,
    ) -> Node:
        """The leader (or some other peer) answers the fetch of this node."""
        leader = self.quorum.leader_id if leader is None else leader
        partition = fetch.PartitionData(
            error_code=error,
            high_watermark=high_watermark,
            diverging_epoch=fetch.EpochEndOffset(epoch=diverging[0], end_offset=diverging[1]),
            snapshot_id=fetch.SnapshotId(end_offset=snapshot[0], epoch=snapshot[1]),
            current_leader=fetch.LeaderIdAndEpoch(
                leader_id=leader, leader_epoch=self.quorum.epoch if epoch is None else epoch
            ),
            aborted_transactions=[],
            records=data,
        )
        topic = fetch.FetchableTopicResponse(topic_id=METADATA_TOPIC_ID, partitions=[partition])
        return self.answer(peer or leader, fetch.FetchResponse(responses=[topic]))


def data_of(answer: Message) -> fetch.PartitionData:
    """The partition in the answer to a fetch."""
    assert isinstance(answer, fetch.FetchResponse)
    return answer.responses[0].partitions[0]


def offsets(data: fetch.PartitionData) -> list[int]:
    """The offsets of the records that a fetch got."""
    return [
        offset
        for header, _ in iter_batches(data.records or b"")
        for offset in range(header.base_offset, header.next_offset)
    ]
