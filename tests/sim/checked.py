"""Three brokers without a broker in them: real disks and real logs, and roles that a test deals.

A test plays the cluster, rightly or wrongly, and looks at what the invariants say of it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery, Status
from broker.events import Now
from broker.log.config import LogConfig
from broker.log.log import Log
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.sim.history import Content, Finding, History, Read, Sent
from broker.sim.hosts import BrokerHost
from broker.sim.invariants import Invariants
from broker.sim.network import Network
from broker.sim.world import World
from broker.wire.messages import metadata_records as m
from broker.wire.records import build_batch
from broker.wire.schema import Message

PLACE = ("orders", 0)
TOPIC_ID = b"orders-and-more!"
NOW = Now(0, 0)
A, B, C = (b"A", b"created"), (b"A", b"paid"), (b"A", b"sent")


class Dice:
    """Chance as a test wants it: by default, the power takes all that was not synced."""

    def __init__(self, value: float = 0.3) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


class Trio:
    """A partition on some brokers, 1 leading in epoch 0 and all in sync; a quorum, if asked for."""

    def __init__(self, brokers: int = 3, config: LogConfig | None = None, **configs: str) -> None:
        self.world = World(7)
        self.network = Network(self.world, codec=False)
        self.history = History(self.world)
        self.ids = list(range(1, brokers + 1))
        self.hosts = {i: BrokerHost(i, self.network) for i in self.ids}
        self.network.hosts = {str(i): host for i, host in self.hosts.items()}
        self.invariants = Invariants(self.history, self.network.hosts)
        self.image = ClusterImage()
        self.offset = 0
        self.config = config or LogConfig()
        self.nodes: dict[int, Any] = {}
        for i in self.ids:
            self.start(i)
        self.metadata(
            *(m.RegisterBrokerRecord(broker_id=i, broker_epoch=i, fenced=False) for i in self.ids),
            m.FeatureLevelRecord(name="eligible.leader.replicas.version", feature_level=1),
            m.TopicRecord(name="orders", topic_id=TOPIC_ID),
            m.PartitionRecord(
                partition_id=0, topic_id=TOPIC_ID, replicas=self.ids, isr=self.ids, leader=1,
                leader_epoch=0, partition_epoch=0,
            ),
            *(m.ConfigRecord(resource_type=2, resource_name="orders",
                             name=name.replace("_", "."), value=value)
              for name, value in configs.items()),
        )  # fmt: skip
        self.role(1, leads=True)

    # -- brokers and their logs -----------------------------------------------------------------

    def start(self, i: int) -> None:
        """A broker starts, with what is on its disk; after a crash, if it was there before."""
        self.hosts[i].ended = "crashed" if i in self.nodes else "stopped"
        log = Log.open(self.hosts[i].disk, "orders-0", self.config, NOW)
        quorum = Log.open(self.hosts[i].disk, "__cluster_metadata-0", LogConfig(), NOW)
        partition = SimpleNamespace(
            log=log, topic_id=TOPIC_ID, high_watermark=0, last_stable_offset=0, is_leader=False,
            leader_epoch=-1, isr=tuple(self.ids), maximal_isr=tuple(self.ids), min_isr=1,
            replicas=tuple(self.ids),
        )  # fmt: skip
        node = SimpleNamespace(
            image=self.image,
            quorum=SimpleNamespace(log=quorum, epoch=0, is_leader=False, high_watermark=0),
            config=cast(Any, _Config(tuple(self.ids))),
            replicas=SimpleNamespace(partitions={PLACE: partition}),
        )
        self.nodes[i] = node
        self.hosts[i].machine = cast(Any, node)
        self.hosts[i].status = "up"

    def role(self, i: int, *, leads: bool, epoch: int = 0) -> None:
        """A broker hears that it leads, or does not."""
        partition = self.partition(i)
        partition.is_leader, partition.leader_epoch = leads, epoch
        self.look(i)

    def partition(self, i: int) -> Any:
        """A broker's replica."""
        return self.nodes[i].replicas.partitions[PLACE]

    def write(self, content: Content, *to: int, epoch: int = 0, **producer: int) -> None:
        """A record lands in the logs of some brokers, or of all; nobody has heard of it yet."""
        self.history.sent.append(Sent("shop", True, 1, Delivery("orders", 0, *content, 0), 0))
        for i in to or self.ids:
            batch = build_batch([(0, *content, ())], **producer)
            self.partition(i).log.append(batch, epoch, NOW)
            self.look(i)

    def commit(self, high_watermark: int, *on: int) -> None:
        """The high watermark moves, on some brokers or on all, the leader first."""
        for i in on or sorted(self.ids, key=lambda i: not self.partition(i).is_leader):
            partition = self.partition(i)
            partition.high_watermark = partition.last_stable_offset = high_watermark
            self.look(i)

    def cut(self, i: int, offset: int) -> None:
        """A broker truncates its log."""
        partition = self.partition(i)
        partition.log.truncate_to(offset)
        partition.high_watermark = min(partition.high_watermark, offset)
        partition.last_stable_offset = partition.high_watermark
        self.look(i)

    def lose_power(self, i: int, dice: float = 0.3) -> None:
        """A broker's machine goes dark."""
        host = self.hosts[i]
        self.invariants.power_is_lost(host)
        host.disk.power_loss(Dice(dice))
        host.halt("crashed")
        self.invariants.settle()

    def look(self, i: int, what: tuple[Any, ...] = ("log", *PLACE)) -> None:
        """The invariants are told that something was touched."""
        self.invariants.after_event(self.hosts[i], self.nodes[i], [what])

    # -- metadata -------------------------------------------------------------------------------

    def metadata(self, *records: Message) -> None:
        """The controller has committed something, and all have heard."""
        self.offset += 1
        self.image, _ = self.image.replay(records, self.offset)
        for i in self.ids:
            self.nodes[i].image = self.image
        for i in self.ids:
            if self.hosts[i].machine is not None:
                self.look(i, ("image",))

    def change(self, **changes: Any) -> None:
        """The controller has changed the partition."""
        self.metadata(m.PartitionChangeRecord(partition_id=0, topic_id=TOPIC_ID, **changes))

    # -- clients --------------------------------------------------------------------------------

    def sent(self, content: Content, offset: int, *, acks: int = -1) -> Delivery:
        """A producer was told where its record is."""
        delivery = Delivery("orders", 0, *content, 0, status=Status.ACKED, offset=offset)
        self.history.sent.append(Sent("shop", True, 1, delivery, 0, acks))
        return delivery

    def read(self, content: Content, offset: int) -> None:
        """A reader was given a record."""
        record = ConsumedRecord("orders", 0, offset, 0, *content, ())
        self.history.reads.append(Read("reader", record, len(self.history.reads)))

    # -- judgement ------------------------------------------------------------------------------

    @property
    def findings(self) -> list[Finding]:
        """What was found so far."""
        return self.history.findings

    def kinds(self) -> list[str]:
        """The same in short; a question mark where Kafka allows it."""
        return [finding.kind + "?" * finding.allowed for finding in self.findings]

    def in_the_end(self) -> list[str]:
        """What is found once all is looked at."""
        self.invariants.at_end()
        return self.kinds()


class _Config:
    """A broker's settings, as far as they are asked for."""

    def __init__(self, voters: tuple[int, ...]) -> None:
        self.voter_ids = voters
        self._settings = BrokerConfig.from_settings({"node.id": "1"})

    def value(self, name: str) -> Any:
        return self._settings.value(name)


def committed(*contents: tuple[bytes, bytes]) -> Trio:
    """A cluster that has committed some records, everywhere."""
    trio = Trio()
    for content in contents:
        trio.write(content)
    trio.commit(len(contents))
    return trio
