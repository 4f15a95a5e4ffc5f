"""How the parts of a node are put together, from its settings and its data directory."""

from __future__ import annotations

from broker.api.context import Broker
from broker.api.forwarding import Forwarder
from broker.events import Effect, Entropy, Now
from broker.log import checkpoints
from broker.log.disk import Disk
from broker.metadata.configs import BrokerConfig
from broker.metadata.controller import Controller
from broker.metadata.features import SUPPORTED
from broker.metadata.identity import own_directory
from broker.metadata.image import ClusterImage
from broker.metadata.lifecycle import NOBODY, BrokerLifecycle, Identity
from broker.metadata.producer_ids import ProducerIds
from broker.quorum.config import QuorumConfig, VoterEndpoint
from broker.quorum.quorum import Quorum
from broker.replication.replicas import Replicas


def assemble(
    config: BrokerConfig,
    disk: Disk,
    entropy: Entropy,
    effects: list[Effect],
    outbox: list[Effect],
    now: Now,
) -> Broker:
    """Open the data directory and make the parts of the node that it belongs to."""
    owner = own_directory(disk, config, entropy)
    previous_epoch = checkpoints.read_clean_shutdown(disk)
    image = ClusterImage()
    quorum = Quorum.open(disk, _quorum_config(config, owner), now, entropy, outbox)
    identity = Identity(
        cluster_id=owner.cluster_id,
        incarnation_id=entropy.uuid(),
        directory_id=owner.directory_id,
        previous_epoch=NOBODY if previous_epoch is None else previous_epoch,
        features=SUPPORTED,
    )
    return Broker(
        config=config,
        cluster_id=owner.cluster_id,
        entropy=entropy,
        image=image,
        quorum=quorum,
        controller=Controller(quorum, image, config, owner.cluster_id),
        replicas=Replicas(disk, config, entropy, outbox, clean=previous_epoch is not None),
        lifecycle=BrokerLifecycle(config, identity, outbox),
        forwarder=Forwarder(config, outbox),
        producer_ids=ProducerIds(),
        effects=effects,
        outbox=outbox,
    )


def _quorum_config(config: BrokerConfig, owner: checkpoints.MetaProperties) -> QuorumConfig:
    return QuorumConfig(
        node_id=config.node_id,
        voters=config.voter_ids,
        endpoints=_endpoints(config),
        cluster_id=owner.cluster_id,
        directory_id=owner.directory_id,
        election_timeout_ms=config.controller_quorum_election_timeout_ms,
        fetch_timeout_ms=config.controller_quorum_fetch_timeout_ms,
        election_backoff_max_ms=config.controller_quorum_election_backoff_max_ms,
        request_timeout_ms=config.controller_quorum_request_timeout_ms,
        fetch_max_bytes=config.controller_quorum_fetch_max_bytes,
        fetch_snapshot_max_bytes=config.controller_quorum_fetch_snapshot_max_bytes,
        segment_bytes=(
            config.internal_metadata_log_segment_bytes or config.metadata_log_segment_bytes
        ),
        segment_ms=config.metadata_log_segment_ms,
        retention_bytes=config.metadata_max_retention_bytes,
        retention_ms=config.metadata_max_retention_ms,
    )


def _endpoints(config: BrokerConfig) -> tuple[VoterEndpoint, ...]:
    """Where the voters are, for those who ask (DescribeQuorum)."""
    names = config.controller_listener_names
    return tuple(
        VoterEndpoint(voter.voter_id, names[0], *voter[1:]) for voter in config.voters if names
    )
