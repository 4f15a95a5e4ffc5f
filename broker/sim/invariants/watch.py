"""The watcher of a run: told after each step which nodes were at work and what they touched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from broker.metadata.configs import topic_value
from broker.metadata.image import CONFIG_TOPIC
from broker.sim import promises
from broker.sim.checker import Place
from broker.sim.history import Content, History, described, named
from broker.sim.hosts import BrokerHost, Host
from broker.sim.invariants.cluster import ImageWatch, QuorumWatch
from broker.sim.invariants.copies import Copies
from broker.sim.invariants.partitions import PartitionWatch
from broker.sim.invariants.report import Report

if TYPE_CHECKING:
    from broker.node import Node

UNCLEAN_ELECTIONS = "unclean.leader.election.enable"

Touched = Collection[tuple[object, ...]]
"""What a node has changed: ("image",), ("quorum",), ("log", topic, partition)..."""


class Invariants:
    """Watches the brokers of a run."""

    def __init__(self, history: History, hosts: Mapping[str, Host]) -> None:
        self.history = history
        self.hosts = hosts
        self.copies = Copies(hosts)
        self.report = Report(history)
        self.quorum = QuorumWatch(self.report, hosts)
        self.images = ImageWatch(self.report)
        self.partitions: dict[Place, PartitionWatch] = {}
        self._weak: dict[int, int] = {}
        """Brokers that lost power, or bits, with the broker epoch they had: until the controller
        knows them in another, it does not know that they may have lost something."""
        self._lives: dict[int, Node] = {}
        self._reads_seen = 0
        self._consumed: dict[Place, dict[int, Content]] = {}
        self.unsettled = False
        """Whether a fault is done, and what it has taken is not looked at yet."""

    # -- after every step -----------------------------------------------------------------------

    def after_event(self, host: BrokerHost, node: Node, touched: Touched) -> None:
        """A node was at work: look at what it touched."""
        if self.unsettled:
            self.settle()
        if self._lives.get(host.node_id) is not node:
            self._lives[host.node_id] = node
            if host.ended != "stopped":
                self.report.crashed[host.node_id] = self.report.now_us
        if len(self.history.reads) > self._reads_seen:
            self._catch_up()
        if not touched:
            return
        for what in dict.fromkeys(touched):
            if what == ("quorum",):
                self.quorum.look(host, node.quorum, node.config.voter_ids)
            elif what == ("image",):
                self._look_at_image(node)
            elif len(what) == 3 and isinstance(what[1], str) and isinstance(what[2], int):
                self._look_at_log(host, node, (what[1], what[2]))

    def came_up(self, host: BrokerHost, node: Node) -> None:
        """A broker serves again: look at everything it has."""
        self.after_event(host, node, [("quorum",), ("image",)])
        for place in node.replicas.partitions:
            self._look_at_log(host, node, place)

    def _look_at_image(self, node: Node) -> None:
        for place, part in self.images.look(node):
            if part is None:
                self._forget(place)
                continue
            topic = self.images.image.topics[place[0]]
            watch = self._watch(place, topic.topic_id)
            watch.heard(part)
            configs = self.images.image.config(CONFIG_TOPIC, place[0])
            watch.unclean = topic_value(node.config, configs, UNCLEAN_ELECTIONS) is True
            self._look_at_members(place, watch)
        for node_id, epoch in list(self._weak.items()):
            broker = self.images.image.brokers.get(node_id)
            if broker is not None and broker.epoch != epoch:
                del self._weak[node_id]

    def _watch(self, place: Place, topic_id: bytes) -> PartitionWatch:
        watch = self.partitions.get(place)
        if watch is None or watch.topic_id != topic_id:
            self._forget(place)
            watch = PartitionWatch(place, topic_id, self.copies, self.report)
            self.partitions[place] = watch
        return watch

    def _forget(self, place: Place) -> None:
        """A topic was deleted: nothing of it is owed any more."""
        self.partitions.pop(place, None)
        self._consumed.pop(place, None)
        self.copies.forget(place)

    def _look_at_members(self, place: Place, watch: PartitionWatch) -> None:
        """The ISR has changed: does every member have what it must have?"""
        for node_id in watch.keepers:
            for host, node in self._up(node_id):
                partition = node.replicas.partitions.get(place)
                if partition is None or partition.topic_id != watch.topic_id:
                    continue
                if node_id not in self._weak:
                    watch.reaches(host, partition)
                if partition.is_leader:
                    watch.contains_controllers(node_id, partition)

    def _look_at_log(self, host: BrokerHost, node: Node, place: Place) -> None:
        partition = node.replicas.partitions.get(place)
        if partition is None:
            return
        watch = self.partitions.get(place)
        if watch is None or watch.topic_id != partition.topic_id:
            known = self.images.image.topics.get(place[0])
            if known is None or known.topic_id != partition.topic_id:
                return  # an older topic of that name, or one of which the image is not known yet
            watch = self._watch(place, partition.topic_id)
        watch.look(host, partition)

    def _catch_up(self) -> None:
        """A consumed offset never holds another record."""
        reads = self.history.reads
        for client, record, _ in reads[self._reads_seen :]:
            place, offset = (record.topic, record.partition), record.offset
            content = (record.key, record.value)
            if self._may_be_gone(place, offset, content):
                continue  # fetched before it was lost, handled after that
            consumed = self._consumed.setdefault(place, {})
            before = consumed.get(offset)
            if before is None or self._may_be_gone(place, offset, before):
                consumed[offset] = content
            elif before != content:
                self.report.wrong(
                    "consumed offset changed",
                    f"{client} read {described(content)} at offset {offset} of {named(place)}, "
                    f"where {described(before)} had been read before",
                )
        self._reads_seen = len(reads)

    def _may_be_gone(self, place: Place, offset: int, content: Content) -> bool:
        return promises.why_gone(self.copies.gone, place, offset, content) is not None

    # -- faults, as they are done ---------------------------------------------------------------

    def power_is_lost(self, host: BrokerHost) -> None:
        """Just before it is up to chance what remains on a disk."""
        self.settle()
        self._catch_up()
        self.copies.power_is_lost(host, list(self.partitions))
        self._distrust(host)

    def bit_is_flipped(self, host: BrokerHost, place: Place, offset: int) -> None:
        """Just before a bit rots in the batch at an offset."""
        self.settle()
        self.copies.bit_is_flipped(host, place, offset)
        self.unsettled = True
        if host.machine is None:
            self._distrust(host)  # when it starts, its log will end there

    def _distrust(self, host: BrokerHost) -> None:
        """A broker will come back with less than it had."""
        broker = self.images.image.brokers.get(host.node_id)
        self._weak[host.node_id] = -1 if broker is None else broker.epoch
        self.unsettled = True

    def settle(self) -> None:
        """A fault is done, and nobody has been at work since: what has it taken?"""
        self.unsettled = False
        for watch in self.partitions.values():
            watch.settle()

    # -- in the end -----------------------------------------------------------------------------

    def at_end(self) -> None:
        """Hold what is there now against all that clients were told."""
        self.settle()
        self._catch_up()
        logs: dict[Place, promises.FinalLog] = {}
        for host, node in self._up():
            for place, partition in node.replicas.partitions.items():
                watch = self.partitions.get(place)
                if watch is None or watch.topic_id != partition.topic_id:
                    continue
                watch.look(host, partition)
                watch.agreement.compare_all(
                    host.disk, host.node_id, partition.log, partition.high_watermark
                )
                if (
                    watch.image is not None
                    and partition.is_leader
                    and (partition.leader_epoch == watch.image.leader_epoch)
                ):
                    end = max(partition.high_watermark, watch.agreement.ledger.end)
                    logs[place] = promises.final_log(host, partition, end)
        promises.judge(self.history, logs, self.copies.gone)

    def _up(self, node_id: int | None = None) -> Iterator[tuple[BrokerHost, Node]]:
        """Brokers that run, and serve."""
        for host in self.hosts.values():
            if (
                isinstance(host, BrokerHost)
                and host.machine is not None
                and (node_id in (None, host.node_id) and host.status in ("up", "paused"))
            ):
                yield host, host.machine
