"""What every partition of a broker has to know of the world around it; one object for all."""

from __future__ import annotations

from dataclasses import dataclass

from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage

UNKNOWN_EPOCH = -1
"""A broker that is not registered yet, or a follower that does not say in which run it is."""


@dataclass(slots=True)
class Surroundings:
    """Who we are, who the others are, and who decides."""

    config: BrokerConfig
    image: ClusterImage
    broker_epoch: int = UNKNOWN_EPOCH
    """The run of this broker, as the controller counts them."""
    controller_id: int = -1
    """The active controller, -1 while there is none that we know of."""

    @property
    def broker_id(self) -> int:
        """This broker."""
        return self.config.node_id

    @property
    def lag_us(self) -> int:
        """How long a follower may be behind and still count as in sync."""
        return self.config.replica_lag_time_max_ms * 1000

    def is_stale(self, broker_id: int, broker_epoch: int) -> bool:
        """Whether this comes from an earlier run of a broker, which may have had more in its log
        than what is left of it (KIP-903)."""
        broker = self.image.brokers.get(broker_id)
        return broker is not None and UNKNOWN_EPOCH != broker_epoch < broker.epoch

    def may_be_in_sync(self, broker_id: int, broker_epoch: int | None) -> bool:
        """Whether the controller would take this run of a broker for in sync: it is not fenced, and
        not about to leave (`Partition.isReplicaIsrEligible`)."""
        broker = self.image.brokers.get(broker_id)
        if broker is None or not broker.active or broker_epoch is None:
            return False
        return broker_epoch in (UNKNOWN_EPOCH, broker.epoch)
