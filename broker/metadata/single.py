"""How a node that is a cluster by itself still calls its controller, until it sends messages."""

from __future__ import annotations

from typing import Any

from broker.events import Now
from broker.metadata.features import SUPPORTED
from broker.metadata.image import NO_LEADER
from broker.wire.messages.allocate_producer_ids import AllocateProducerIdsRequest
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    Feature,
    Listener,
)
from broker.wire.messages.metadata_records import (
    BrokerRegistrationChangeRecord,
    PartitionChangeRecord,
)


def registration(
    controller: Any,
    broker_id: int,
    incarnation_id: bytes,
    directory_id: bytes,
    endpoint: tuple[str, str, int],
    rack: str | None = None,
) -> BrokerRegistrationRequest:
    """The request that a broker would send."""
    name, host, port = endpoint
    return BrokerRegistrationRequest(
        broker_id=broker_id,
        cluster_id=controller.cluster_id,
        incarnation_id=incarnation_id,
        listeners=[Listener(name=name, host=host, port=port)],
        features=[
            Feature(
                name=name,
                min_supported_version=levels.min_version,
                max_supported_version=levels.max_version,
            )
            for name, levels in SUPPORTED.items()
        ],
        rack=rack,
        log_dirs=[directory_id],
    )


def unfence(controller: Any, now: Now, broker_id: int, epoch: int) -> int:
    """A broker has caught up, and leads in a new epoch what it is the last replica of."""
    plan = controller.plan()
    plan.add([BrokerRegistrationChangeRecord(broker_id=broker_id, broker_epoch=epoch, fenced=-1)])
    plan.add(
        [
            PartitionChangeRecord(
                partition_id=partition.index, topic_id=topic.topic_id, leader=broker_id
            )
            for topic in plan.image.topics.values()
            for partition in topic.partitions
            if partition.leader in (NO_LEADER, broker_id) and broker_id in partition.isr
        ]
    )
    offset: int = controller.submit(plan, now)
    return offset


def allocate(controller: Any, now: Now, broker_id: int, broker_epoch: int) -> range:
    """A block of producer ids."""
    body = AllocateProducerIdsRequest(broker_id=broker_id, broker_epoch=broker_epoch)
    response, _ = controller.allocate_producer_ids(body, now)
    first = response.producer_id_start
    return range(first, first + response.producer_id_len)
