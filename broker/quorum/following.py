"""What a follower does: fetch, append, cut off what the leader does not have, fetch again.

    fetch from 5, my last epoch is 3 ──> "yours went another way: epoch 2 ended at 4 here"
    (cut to 4) fetch from 4, epoch 2 ──> records 4, 5, 6 of epoch 4, high watermark 6
    (append, sync) fetch from 7      ──> ... waits for more

Whatever a follower fetches from, it has on its disk: the leader counts on it. So it never fetches
while its disk is behind. Who is too far behind for the leader's log is given the name of a snapshot
and fetches that, piece by piece, then goes on from its end.

A follower whose leader does not answer asks any other voter as well, to hear of a new one;
observers find theirs in the same way.
"""

from __future__ import annotations

import logging

from broker.events import Now
from broker.quorum.member import Member
from broker.quorum.metadata_log import METADATA_FOLDER, METADATA_TOPIC, METADATA_TOPIC_ID
from broker.quorum.singletons import fetched_partition, snapshot_piece
from broker.quorum.snapshots import OffsetAndEpoch, SnapshotReceiver
from broker.quorum.states import Follower
from broker.quorum.transitions import Cause
from broker.wire.errors import ApiError, ErrorCode, StorageError
from broker.wire.messages import fetch, fetch_snapshot
from broker.wire.messages.end_quorum_epoch import PartitionData as EndOfEpoch

_LOG = logging.getLogger("broker.quorum")


class Following:
    """The part of a member that fetches."""

    def __init__(self, member: Member) -> None:
        self.member = member

    # -- asking -----------------------------------------------------------------------------------

    def run(self, state: Follower, now: Now) -> None:
        """Fetch from the leader, or from anybody while it does not answer."""
        member = self.member
        if not member.stopping and member.gives_up(state, now):
            member.become_prospective(Cause.FETCH_TIMEOUT, now)
            return
        if not member.peers.ready(state.leader_id):
            self.look_around(now)
        elif not self._may_fetch():
            return
        elif state.snapshot is not None:
            request = self._snapshot_request(state.snapshot)
            member.peers.send(state.leader_id, request, now)
        else:
            member.peers.send(state.leader_id, self._fetch_request(), now)

    def look_around(self, now: Now) -> None:
        """Fetch from some voter: whoever does not lead tells who does."""
        voter = self.member.peers.any_ready_voter() if self._may_fetch() else None
        if voter is not None:
            self.member.peers.send(voter, self._fetch_request(), now)

    def _may_fetch(self) -> bool:
        """One fetch at a time, and none that tells of more than the disk holds."""
        return not self.member.log.unsynced and not self.member.peers.busy

    def _fetch_request(self) -> fetch.FetchRequest:
        member, config = self.member, self.member.config
        end = member.log.end
        partition = fetch.FetchPartition(
            current_leader_epoch=member.epoch,
            fetch_offset=end.offset,
            last_fetched_epoch=end.epoch,
            partition_max_bytes=0,
            replica_directory_id=config.directory_id,
            high_watermark=member.log.high_watermark,
        )
        topic = fetch.FetchTopic(
            topic=METADATA_TOPIC, topic_id=METADATA_TOPIC_ID, partitions=[partition]
        )
        return fetch.FetchRequest(
            cluster_id=config.cluster_id,
            replica_state=fetch.ReplicaState(replica_id=member.node_id),
            max_wait_ms=config.wait_ms,
            max_bytes=config.fetch_max_bytes,
            topics=[topic],
        )

    def _snapshot_request(self, snapshot: SnapshotReceiver) -> fetch_snapshot.FetchSnapshotRequest:
        config = self.member.config
        partition = fetch_snapshot.PartitionSnapshot(
            current_leader_epoch=self.member.epoch,
            snapshot_id=fetch_snapshot.SnapshotId(
                end_offset=snapshot.id.offset, epoch=snapshot.id.epoch
            ),
            position=snapshot.size,
            replica_directory_id=config.directory_id,
        )
        topic = fetch_snapshot.TopicSnapshot(name=METADATA_TOPIC, partitions=[partition])
        return fetch_snapshot.FetchSnapshotRequest(
            cluster_id=config.cluster_id,
            replica_id=config.node_id,
            max_bytes=config.fetch_snapshot_max_bytes,
            topics=[topic],
        )

    # -- the leader's answers ---------------------------------------------------------------------

    def fetched(self, response: fetch.FetchResponse, now: Now) -> bool:
        """The leader of this epoch has answered a fetch; False if it is no use."""
        state, partition = self.member.state, fetched_partition(response)
        if partition is None or not isinstance(state, Follower):
            return False
        diverging, snapshot = partition.diverging_epoch, partition.snapshot_id
        if diverging.epoch >= 0:
            self.member.log.truncate_to(OffsetAndEpoch(diverging.end_offset, diverging.epoch))
            self.member.changes += 1
        elif snapshot.epoch >= 0 and snapshot.end_offset >= 0:
            wanted = OffsetAndEpoch(snapshot.end_offset, snapshot.epoch)
            if wanted not in self.member.log.snapshots:
                state.snapshot = SnapshotReceiver(self.member.disk, METADATA_FOLDER, wanted)
        else:
            self._append(state, partition, now)
        self._heard_leader(state, now)
        return True

    def _append(self, state: Follower, partition: fetch.PartitionData, now: Now) -> None:
        log = self.member.log
        if partition.records:
            try:
                log.append_fetched(partition.records, state.epoch, now)
            except StorageError:
                raise
            except ApiError as error:
                # Damaged on the way: it is fetched again.
                _LOG.warning("node %d: %s", self.member.node_id, error.message)
        if partition.high_watermark >= 0 and log.advance_high_watermark(partition.high_watermark):
            self.member.changes += 1

    def fetched_snapshot(self, response: fetch_snapshot.FetchSnapshotResponse, now: Now) -> bool:
        """A piece of the snapshot has come (KafkaRaftClient.handleFetchSnapshotResponse)."""
        state, piece = self.member.state, snapshot_piece(response)
        if piece is None or not isinstance(state, Follower) or state.snapshot is None:
            return False
        receiver = state.snapshot
        said = OffsetAndEpoch(piece.snapshot_id.end_offset, piece.snapshot_id.epoch)
        data = piece.unaligned_records or b""
        out_of_place = said != receiver.id or piece.position != receiver.size or not data
        if piece.error_code == ErrorCode.SNAPSHOT_NOT_FOUND or out_of_place:
            # The leader has a newer one by now, and tells its name in answer to the next fetch.
            receiver.discard()
            state.snapshot = None
        else:
            receiver.write(data)
            if receiver.size >= piece.size:
                state.snapshot = None
                self._complete(receiver, now)
        self._heard_leader(state, now)
        return True

    def _complete(self, receiver: SnapshotReceiver, now: Now) -> None:
        log = self.member.log
        try:
            receiver.complete()
        except StorageError:
            raise
        except ApiError as error:
            _LOG.warning("node %d: snapshot refused: %s", self.member.node_id, error.message)
            receiver.discard()
            return
        log.add_snapshot(receiver.id)
        log.truncate_to_latest_snapshot()
        self.member.changes += 1

    def lost(self, peer: int, now: Now) -> None:
        """A connection has broken. If it led to the leader, and there is no other to be had, its
        process is gone: no need to wait until it could be called silent. (Kafka waits all the
        same.) Where others still hear it, they refuse their pre-votes, and nothing happens."""
        state = self.member.state
        if not isinstance(state, Follower) or peer != state.leader_id:
            return
        if state.has_fetched:
            state.has_fetched, state.lost_leader = False, True
        elif state.lost_leader and state.deadline is not None:
            soon_us = self.member.random_election_us() // 4
            state.deadline = min(state.deadline, now.mono_us + soon_us)

    def _heard_leader(self, state: Follower, now: Now) -> None:
        state.deadline = self.member.fetch_deadline(now)
        state.has_fetched = True
        state.held_up = state.lost_leader = False

    # -- the leader resigns -----------------------------------------------------------------------

    def leader_ends(self, end: EndOfEpoch, now: Now) -> None:
        """The leader goes. The one that it names first stands at once, the others give it a lead
        that doubles with each place, so that they do not all stand together (KIP-595). And nobody
        refuses a pre-vote for the sake of a leader that goes."""
        state = self.member.state
        if not isinstance(state, Follower) or state.leader_id != end.leader_id:
            return
        state.has_fetched = False
        if state.deadline is None or self.member.stopping:
            return
        order = [each.candidate_id for each in end.preferred_candidates]
        order = order or list(end.preferred_successors)
        if not order or order[0] == self.member.node_id:
            self.member.become_prospective(Cause.FETCH_TIMEOUT, now)
            return
        backoff_ms = limit = self.member.config.election_backoff_max_ms
        if self.member.node_id in order:
            place = order.index(self.member.node_id)
            backoff_ms = min(limit, (limit >> (len(order) - 1)) << (place - 1))
        state.deadline = now.mono_us + backoff_ms * 1000
