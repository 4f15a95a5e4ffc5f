"""Whose data directory this is: `meta.properties`, and how a new one gets its names.

A directory belongs to one node of one cluster for all its life. Kafka has it formatted by hand
before a first start, so that all nodes are told the same cluster id. Here a node formats a new
directory by itself: one that is alone draws an id, and those that know of each other take one that
follows from the list of voters, which is the same on each of them.
"""

from __future__ import annotations

from broker.events import Entropy
from broker.log import checkpoints
from broker.log.disk import Disk
from broker.metadata.configs import BrokerConfig
from broker.wire.errors import ConfigError
from broker.wire.primitives import uuid_text


def own_directory(disk: Disk, config: BrokerConfig, entropy: Entropy) -> checkpoints.MetaProperties:
    """Whose data directory this is; a new one becomes ours. ConfigError if it is another's."""
    owner = checkpoints.read_meta_properties(disk)
    if owner is None:
        cluster_id = uuid_text(_cluster_id(config) or entropy.uuid())
        owner = checkpoints.MetaProperties(cluster_id, config.node_id, entropy.uuid())
        checkpoints.write_meta_properties(disk, owner)
    if owner.node_id != config.node_id:
        raise ConfigError(
            f"node.id={config.node_id}: the data directory belongs to node"
            f" {owner.node_id}; start with node.id={owner.node_id}, or choose another folder"
        )
    return owner


def _cluster_id(config: BrokerConfig) -> bytes | None:
    """The same sixteen bytes on every node that has these voters; None for one that names none."""
    if not config.voters:
        return None
    import hashlib  # it brings OpenSSL along, which a node alone does without

    told = ",".join(f"{voter_id}@{host}:{port}" for voter_id, host, port in config.voters)
    return hashlib.sha256(told.encode()).digest()[:16]
