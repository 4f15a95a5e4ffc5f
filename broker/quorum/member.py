"""A node of the quorum: the state it is in, its log, and every way from one state to another.

All moves happen here, each along a row of `transitions`. A move that says something for ever (the
epoch, the vote given in it, its leader) is on the disk before anything else can rest on it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from broker.events import Effect, Entropy, Now, RequestArrived, Respond
from broker.log.disk import Disk
from broker.quorum.config import QuorumConfig
from broker.quorum.election_state import (
    NOBODY,
    ElectionState,
    read_election_state,
    write_election_state,
)
from broker.quorum.metadata_log import METADATA_FOLDER, MetadataLog
from broker.quorum.peers import Peers
from broker.quorum.singletons import refused_fetch
from broker.quorum.states import (
    Ballot,
    Candidate,
    Follower,
    Leader,
    Prospective,
    QuorumState,
    Resigned,
    Unattached,
)
from broker.quorum.transitions import FIRST_STATES, Cause, allowed
from broker.wire.errors import ErrorCode, invariant
from broker.wire.schema import Message

_LOG = logging.getLogger("broker.quorum")

HELD_UP_US = 50_000
"""A deadline that comes so much too late says that this node was busy, or stood still."""

ELECTION_STATE = f"{METADATA_FOLDER}/quorum-state"


class Member:
    """What the parts of the quorum share: elections, following and leading each move it."""

    def __init__(
        self,
        disk: Disk,
        config: QuorumConfig,
        now: Now,
        entropy: Entropy,
        effects: list[Effect],
    ) -> None:
        self.disk = disk
        self.config = config
        self.entropy = entropy
        self.effects = effects
        self.log = MetadataLog(disk, config, now)
        self.peers = Peers(config, entropy, effects)
        self.node_id = config.node_id
        self.is_voter = config.node_id in config.voters
        self.stopping = False
        """It shuts down: it stands for no election any more."""
        self.timers_us = now.mono_us
        """The time that the deadlines see: that of the last `run`."""
        self.changes = 1
        """How often something has changed that others may want to see."""
        self._written = read_election_state(disk, ELECTION_STATE)
        self.state: QuorumState = self._first_state(now)
        invariant(self.state.kind in FIRST_STATES, "a node begins as what it was, or less")
        self._write()

    # -- who leads --------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch it is in."""
        return self.state.epoch

    @property
    def leader_id(self) -> int:
        """The leader of that epoch, -1 while it knows none."""
        return self.state.leader_id

    @property
    def is_only_voter(self) -> bool:
        """Whether its own vote is all that there is."""
        return self.config.voters == (self.node_id,)

    def respond(self, request: RequestArrived, body: Message) -> None:
        """Answer a request that has waited."""
        self.effects.append(
            Respond(
                request.connection,
                request.correlation_id,
                request.api_key,
                request.api_version,
                body,
            )
        )

    # -- where it begins --------------------------------------------------------------------------

    def _first_state(self, now: Now) -> QuorumState:
        """As what it stood when it was last heard of (QuorumState.initialize)."""
        known, voters = self._written, self.config.voters
        if known.epoch < self.log.last_epoch:
            return Unattached(self.log.last_epoch, NOBODY, self._election_deadline(now))
        if known.leader_id == self.node_id and self.is_voter:
            others = [voter for voter in voters if voter != self.node_id]
            deadline = self._election_deadline(now)
            return Resigned(known.epoch, self.node_id, deadline, others)
        if known.leader_id in voters:
            deadline = self.fetch_deadline(now)
            return Follower(known.epoch, known.leader_id, known.voted_id, deadline)
        # A leader that is no voter any more cannot be followed. The epoch is decided all the same.
        voted_id = known.voted_id if known.leader_id == NOBODY else known.leader_id
        return Unattached(known.epoch, voted_id, self._election_deadline(now))

    # -- moving -----------------------------------------------------------------------------------

    def become_unattached(
        self, cause: Cause, epoch: int, now: Now, *, voted_id: int = NOBODY
    ) -> None:
        """No leader is known, in a higher epoch, or in the same one.

        Time that it has waited for an election already still counts, unless it has voted.
        """
        old = self.state
        deadline = self._election_deadline(now)
        if voted_id == NOBODY:
            voted_id = old.voted_id if epoch == old.epoch else NOBODY
            lost = isinstance(old, Prospective) and old.ballot.is_lost
            if isinstance(old, Unattached | Prospective | Candidate | Resigned) and not lost:
                deadline = deadline and old.deadline
        self._move(cause, Unattached(epoch, voted_id, deadline))

    def learn(self, leader_id: int, epoch: int, now: Now) -> bool:
        """Follow the leader of this epoch or a higher one, if that is news. False if it cannot be:
        an epoch has one leader, and only the node itself knows that it leads."""
        if leader_id == self.node_id:
            return epoch == self.epoch and self.leader_id == leader_id
        if epoch == self.epoch and self.leader_id != NOBODY:
            return leader_id in (NOBODY, self.leader_id)
        if leader_id != NOBODY:
            self.become_follower(Cause.LEADER_FOUND, epoch, leader_id, now)
        elif epoch > self.epoch:
            self.become_unattached(Cause.HIGHER_EPOCH, epoch, now)
        return True

    def become_follower(self, cause: Cause, epoch: int, leader_id: int, now: Now) -> None:
        """There is a leader: fetch from it."""
        invariant(leader_id != self.node_id, "nobody follows itself")
        old = self.state
        voted_id = old.voted_id if epoch == old.epoch else NOBODY
        self._move(cause, Follower(epoch, leader_id, voted_id, self.fetch_deadline(now)))

    def become_prospective(self, cause: Cause, now: Now, *, voted_id: int = NOBODY) -> None:
        """Ask who would vote for this node."""
        invariant(self.is_voter, "an observer stands for no election")
        old = self.state
        leader_id = NOBODY if old.leader_id == self.node_id else old.leader_id
        voted_id = old.voted_id if voted_id == NOBODY else voted_id
        ballot = Ballot(self.config.voters, self.node_id)
        deadline = now.mono_us + self.random_election_us()
        self._move(cause, Prospective(old.epoch, leader_id, voted_id, deadline, ballot))

    def become_candidate(self, cause: Cause, now: Now) -> None:
        """Stand for election in the next epoch."""
        ballot = Ballot(self.config.voters, self.node_id)
        deadline = now.mono_us + self.random_election_us()
        self._move(cause, Candidate(self.epoch + 1, self.node_id, deadline, ballot))

    def become_leader(self, leader: Leader) -> None:
        """The majority has voted for this node."""
        self._move(Cause.VOTES, leader)

    def become_resigned(self, cause: Cause, successors: Sequence[int], now: Now) -> None:
        """Lead no more. A node that stops stays so; any other takes part again after a while."""
        others = [voter for voter in self.config.voters if voter != self.node_id]
        deadline = None if self.stopping else now.mono_us + self.random_election_us()
        self._move(cause, Resigned(self.epoch, self.node_id, deadline, others, tuple(successors)))

    def _move(self, cause: Cause, state: QuorumState) -> None:
        old = self.state
        invariant(
            allowed(old.kind, cause, state.kind),
            f"{old.kind.value} does not become {state.kind.value} when it {cause.value}",
        )
        _LOG.debug(
            "node %d: %s -> %s (%s), epoch %d",
            *(self.node_id, old.kind.value, state.kind.value, cause.value, state.epoch),
        )
        if state.leader_id not in (NOBODY, old.leader_id):
            _LOG.info("the quorum is led by node %d in epoch %d", state.leader_id, state.epoch)
        self.state = state
        self.changes += 1
        self._write()
        self.peers.forget()
        if isinstance(old, Follower) and old.snapshot is not None:
            old.snapshot.discard()
        if isinstance(old, Leader):
            self._dismiss(old)

    def _dismiss(self, old: Leader) -> None:
        """Whoever waits for something of a leader that is none any more shall ask another."""
        refusal = refused_fetch(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.leader_id, self.epoch)
        for waiting in old.waiting:
            self.respond(waiting.request, refusal)

    def _write(self) -> None:
        """What must not be forgotten. Not the asking of a prospective voter: it has decided
        nothing. A leader that resigns is still the leader that was elected."""
        state = self.state
        decided = (state.epoch, state.leader_id, state.voted_id)
        if decided != (self._written.epoch, self._written.leader_id, self._written.voted_id):
            latest = ElectionState(*decided, self.config.voters)
            write_election_state(self.disk, ELECTION_STATE, latest)
            self._written = latest

    # -- time -------------------------------------------------------------------------------------

    def random_election_us(self) -> int:
        """Between one and two election timeouts: so two voters rarely stand at the same time."""
        timeout_us = self.config.election_timeout_ms * 1000
        return timeout_us + int(self.entropy.random() * timeout_us)

    def _election_deadline(self, now: Now) -> int | None:
        return now.mono_us + self.random_election_us() if self.is_voter else None

    def fetch_deadline(self, now: Now) -> int | None:
        """When a voter has waited too long for its leader."""
        return now.mono_us + self.config.fetch_timeout_ms * 1000 if self.is_voter else None

    def is_due(self, deadline: int | None) -> bool:
        """Whether a time has come. It comes with `run` and with nothing else: a node that was held
        up first takes in what the others have said meanwhile."""
        return deadline is not None and deadline <= self.timers_us

    def gives_up(self, state: Follower | Leader, now: Now) -> bool:
        """Whether the others were silent for too long. Who was held up itself cannot tell, since
        they may have been held up by the same: it gives them a little more time, once."""
        if state.deadline is None or not self.is_due(state.deadline):
            return False
        if state.held_up or now.mono_us - state.deadline < HELD_UP_US:
            return True
        state.held_up = True
        state.deadline = now.mono_us + self.config.fetch_timeout_ms * 1000 // 3
        return False
