"""From what is committed to what it means for this node (Kafka's `MetadataPublisher`s).

The loader makes the image; here its parts are told of it. The controller's side hears of each step
at once. The replicas hear of nothing until the broker knows the metadata as far as its own
registration: what is older may still call it the leader of something, which it is no more.
"""

from __future__ import annotations

from broker.api.answers import wake_news
from broker.api.context import Broker
from broker.events import Now
from broker.log import checkpoints
from broker.metadata.image import CONFIG_BROKER, Delta
from broker.metadata.lifecycle import NOBODY
from broker.metadata.loader import MetadataLoader
from broker.metadata.snapshot_generator import SnapshotGenerator

Touched = tuple[str] | tuple[str, int] | tuple[str, str, int]
"""What has changed, for the trace: ("image",), ("quorum",), ("broker", 1), ("log", "orders", 0)."""


class Publisher:
    """Tells the parts of one node what the metadata say."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.loader = MetadataLoader(broker.quorum)
        self.snapshots = SnapshotGenerator(broker.config, broker.quorum, self.loader)
        self._touched: dict[Touched, None] = {}
        self.opened = False
        """Whether the replicas follow."""
        self._unpublished = Delta()

    @property
    def behind(self) -> bool:
        """Whether something is committed and not applied yet."""
        return self.loader.behind

    def deadline(self) -> int | None:
        """When there is something to do."""
        return 0 if self.loader.behind else self.snapshots.deadline()

    def run(self, now: Now) -> None:
        """Write a slice of a snapshot, if it is time."""
        self.snapshots.run(now)

    def apply(self, now: Now) -> None:
        """Take in what was committed, a slice of it, and act on the outcome once."""
        broker, delta = self.broker, self.loader.load()
        if self.loader.image is broker.image:
            return
        broker.image = image = self.loader.image
        own = (broker.config.node_id,)
        broker.lifecycle.alone = own == broker.config.voter_ids == tuple(image.brokers)
        broker.lifecycle.applied(image.offset, now)
        self.snapshots.applied(now)
        self._touched["image",] = None
        self._touched.update({("broker", broker_id): None for broker_id in delta.brokers})
        self._unpublished.merge(delta)
        if delta.configs and any(kind == CONFIG_BROKER for kind, _ in delta.configs):
            self._configure()
        if self.opened:
            self._publish(now)
        wake_news(broker, delta, now)

    def open(self, now: Now) -> None:
        """The broker is registered: from here on its replicas follow.

        And from here on a crash is a crash. Not earlier (`LogManager.loadLogs`): who was stopped
        in order, and starts and dies while it waits for a quorum, has lost nothing.
        """
        checkpoints.remove_clean_shutdown(self.broker.replicas.storage.disk)
        self.opened = True
        self._publish(now)
        self.broker.replicas.sweep_folders(now)

    def close(self) -> None:
        """Everything is synced: close the logs, and leave a mark if they are in order."""
        broker, epoch = self.broker, self.broker.lifecycle.epoch
        disk = broker.replicas.storage.disk
        if self.opened:
            broker.replicas.closed()
            clean = broker.replicas.all_sound
        else:  # they are as the last life has left them
            clean = checkpoints.read_clean_shutdown(disk) is not None and epoch != NOBODY
        if clean:
            checkpoints.write_clean_shutdown(disk, epoch)

    def _configure(self) -> None:
        """Settings of brokers have changed while they run."""
        broker, image = self.broker, self.broker.image
        own = image.config(CONFIG_BROKER, str(broker.node_id))
        config = broker.config.with_dynamic(image.config(CONFIG_BROKER, ""), own)
        broker.config = broker.replicas.config = broker.controller.config = config

    def _publish(self, now: Now) -> None:
        delta, self._unpublished = self._unpublished, Delta()
        self.broker.replicas.apply(self.broker.image, delta, now)

    def drain_touched(self) -> list[Touched]:
        """What has changed on this node since the last call."""
        replicas = self.broker.replicas
        touched: list[Touched] = []
        if self._touched:
            touched += self._touched
            self._touched.clear()
        if self.broker.quorum.drain_touched():
            touched.append(("quorum",))
        if replicas.touched:
            touched += [("log", topic, index) for topic, index in replicas.touched]
            replicas.touched.clear()
        return touched
