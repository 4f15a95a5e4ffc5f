"""A quorum in a box: a few nodes, a network that can be cut, disks that can lose power, one clock.

Nothing happens but what stands in the queue of events, in the order of their times; every choice is
drawn from one seed. After each event `safety` looks at what must hold.
"""

from __future__ import annotations

import heapq
from random import Random

from broker.events import Effect, Now, PeerLost, RequestArrived, Respond, ResponseArrived, Send
from broker.log.disk import MemoryDisk
from broker.quorum.config import QuorumConfig
from broker.quorum.quorum import Quorum
from broker.wire.codec import decode, encode
from broker.wire.schema import Message
from tests.quorum.network import Link, Network
from tests.quorum.safety import Safety, record_of, value_of

START_US = 1_700_000_000_000_000
CLUSTER = "a-cluster"


class Chance:
    """Entropy from the seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def random(self) -> float:
        return self._random.random()

    def uuid(self) -> bytes:
        return self._random.randbytes(16)


class Host:
    """One node and its machine."""

    def __init__(self, world: World, node_id: int, voters: tuple[int, ...]) -> None:
        self.world = world
        self.node_id = node_id
        self.voters = voters
        self.disk = MemoryDisk()
        self.quorum: Quorum | None = None
        self.effects: list[Effect] = []
        self.life = 0
        """Counted up by each start and crash: what was under way then is of no use any more."""
        self.sync_until: int | None = None
        self.deadline: int | None = None
        self.applied = 0
        self.values: list[int] = []
        """What it took for committed: its state machine."""
        self.checked = self.compared = self.durable_end = 0

    @property
    def is_voter(self) -> bool:
        return self.node_id in self.voters

    @property
    def up(self) -> bool:
        return self.quorum is not None

    def start(self) -> None:
        self.life += 1
        self.effects.clear()
        self.sync_until = self.deadline = None
        self.applied, self.values = 0, []
        self.checked = self.compared = 0
        config = self.world.config(self.node_id, self.voters)
        now = self.world.now
        chance = Chance(self.world.random)
        self.quorum = Quorum.open(self.disk, config, now, chance, self.effects)
        self.quorum.start(now)
        self.after()

    def crash(self, power: bool = False) -> None:
        """The process dies; with `power`, what was not synced may be gone, too."""
        self.life += 1
        self.quorum = None
        if power:
            self.disk.power_loss(self.world.random)
        self.world.hang_up(self.node_id)

    def after(self) -> None:
        """Carry out what follows from an event."""
        quorum = self.quorum
        assert quorum is not None
        effects = self.effects[:]
        self.effects.clear()
        for effect in effects:
            self.world.carry_out(self, effect)
        self.apply(quorum)
        if quorum.unsynced and self.sync_until is None:
            self.sync_until = quorum.log.log_end_offset
            paths = quorum.log.paths_to_sync()
            self.world.later(self.world.sync_us(), "synced", self, self.sync_until, paths)
        deadline = quorum.deadline()
        if deadline is not None and deadline != self.deadline:
            self.deadline = deadline
            self.world.later(max(0, deadline - self.world.time), "deadline", self, deadline)
        self.world.safety.check(self)

    def apply(self, quorum: Quorum) -> None:
        """Take in what is committed, from a snapshot where the log begins too late."""
        snapshot = quorum.snapshot_for(self.applied)
        if snapshot is not None:
            batches = quorum.read_snapshot(snapshot)
            self.values = [value_of(record) for batch in batches for record in batch]
            self.applied, self.compared = snapshot.offset, 0
        for batch in quorum.committed_since(self.applied):
            self.values += [value_of(record) for record in batch.records]
            self.applied = batch.last_offset + 1


class World(Network):
    """The nodes, the network between them, and what must hold."""

    def __init__(
        self,
        voters: int = 3,
        observers: int = 0,
        seed: int = 0,
        settings: dict[str, int] | None = None,
    ) -> None:
        super().__init__(Random(seed))
        self.settings = settings or {}
        self.sync_delay_us = (50, 5_000)
        self.through_codec = False
        self._queue: list[tuple[int, int, str, Host, int, tuple[object, ...]]] = []
        self._count = 0
        ids = tuple(range(1, voters + 1))
        self.hosts = {node: Host(self, node, ids) for node in range(1, voters + observers + 1)}
        self.next_value = 0
        self.safety = Safety(self.hosts)

    def config(self, node_id: int, voters: tuple[int, ...]) -> QuorumConfig:
        return QuorumConfig(
            node_id=node_id,
            voters=voters,
            cluster_id=CLUSTER,
            directory_id=bytes([node_id]) * 16,
            **self.settings,  # type: ignore[arg-type]
        )

    @property
    def now(self) -> Now:
        return Now(START_US + self.time, self.time)

    def sync_us(self) -> int:
        low, high = self.sync_delay_us
        return low + int(self.random.random() * (high - low))

    # -- the queue --------------------------------------------------------------------------------

    def later(self, delay_us: int, what: str, host: Host, *args: object) -> None:
        self._count += 1
        due = self.time + delay_us
        heapq.heappush(self._queue, (due, self._count, what, host, host.life, args))

    def start(self) -> World:
        for host in self.hosts.values():
            host.start()
        return self

    def run(self, us: int) -> None:
        """Let the world go on for a while."""
        end = self.time + us
        while self._queue and self._queue[0][0] <= end:
            self.step()
        self.time = end

    def step(self) -> None:
        due, _, what, host, life, args = heapq.heappop(self._queue)
        self.time = max(self.time, due)
        if host.life != life or host.quorum is None:
            return
        getattr(self, f"_{what}")(host, host.quorum, *args)

    def _synced(self, host: Host, quorum: Quorum, offset: int, paths: list[str]) -> None:
        host.disk.sync(paths)
        host.sync_until = None
        quorum.synced(offset, self.now)
        host.after()

    def _deadline(self, host: Host, quorum: Quorum, deadline: int) -> None:
        if host.deadline == deadline:
            host.deadline = None
            quorum.run(self.now)
            host.after()

    def _request(self, host: Host, quorum: Quorum, link: Link, send: Send) -> None:
        if not self.is_open(link.node, host.node_id, link.connection):
            return
        body = self._coded(send.body, send.api_version)
        key = body.schema.key
        arrived = RequestArrived(
            link.connection, send.correlation_id, key, send.api_version, "test", body, True
        )
        answer = quorum.handle(arrived, body, self.now)
        if answer is not None:
            host.effects.append(
                Respond(link.connection, send.correlation_id, key, send.api_version, answer)
            )
        host.after()

    def _response(self, host: Host, quorum: Quorum, peer: int, connection: int, r: Respond) -> None:
        if self.is_open(host.node_id, peer, connection) and r.body is not None:
            body = self._coded(r.body, r.api_version)
            event = ResponseArrived(peer, r.correlation_id, body, "quorum")
            quorum.response(event, self.now)
            host.after()

    def _lost(self, host: Host, quorum: Quorum, peer: int, connection: int) -> None:
        if self.is_open(host.node_id, peer, connection):
            self.lose(host.node_id, peer)
            quorum.peer_lost(PeerLost(peer, "quorum"), self.now)
            host.after()

    def _hung_up(self, host: Host, quorum: Quorum, connection: int) -> None:
        quorum.disconnected(connection)
        host.after()

    def _coded(self, body: Message, version: int) -> Message:
        if not self.through_codec:
            return body
        return decode(type(body), version, encode(body, version))

    # -- what clients do --------------------------------------------------------------------------

    @property
    def leader(self) -> Host | None:
        """The leader of the highest epoch, if it is up."""
        leading = [h for h in self.hosts.values() if h.quorum is not None and h.quorum.is_leader]
        return max(leading, key=lambda h: h.quorum.epoch if h.quorum else -1, default=None)

    def propose(self, host: Host | None = None, count: int = 1) -> int | None:
        """Append fresh values at a leader; returns the offset after them."""
        host = host or self.leader
        if host is None or host.quorum is None or not host.quorum.is_leader:
            return None
        values = range(self.next_value, self.next_value + count)
        self.next_value += count
        offset = host.quorum.append([record_of(value) for value in values], self.now)
        host.after()
        return offset

    def snapshot(self, host: Host) -> bool:
        """Write down what a node has applied."""
        quorum = host.quorum
        if quorum is None or not host.applied:
            return False
        epoch = quorum.log.epochs.epoch_at(host.applied - 1)
        writer = quorum.begin_snapshot(host.applied, epoch, self.now.wall_ms)
        if writer is None:
            return False
        for start in range(0, len(host.values), 10):
            writer.append([record_of(value) for value in host.values[start : start + 10]])
        writer.finish(self.now)
        host.after()
        return True

    def settle(self, limit_us: int = 10_000_000) -> None:
        """Run until there is a leader that everybody follows, with everything everywhere."""
        end = self.time + limit_us
        while self.time < end:
            self.run(50_000)
            if self.settled:
                return
        raise AssertionError(f"not settled: {self.describe()}")

    @property
    def settled(self) -> bool:
        leader = self.leader
        if leader is None or leader.quorum is None or not leader.quorum.epoch_is_committed:
            return False
        end, epoch = leader.quorum.log.log_end_offset, leader.quorum.epoch
        return all(
            host.quorum is not None
            and host.quorum.epoch == epoch
            and host.quorum.leader_id == leader.node_id
            and host.quorum.role in ("leader", "follower", "observer")
            and host.quorum.high_watermark == end
            and host.applied == end
            for host in self.hosts.values()
        )

    def describe(self) -> str:
        return "; ".join(
            f"{h.node_id}: down"
            if h.quorum is None
            else f"{h.node_id}: {h.quorum.role} epoch {h.quorum.epoch} leader {h.quorum.leader_id}"
            f" end {h.quorum.log.log_end_offset} hw {h.quorum.high_watermark}"
            for h in self.hosts.values()
        )
