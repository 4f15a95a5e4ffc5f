"""What a topic's settings say about its elections, as the controller sees them.

The controller decides on the latest image, so it asks that image for settings and not the broker
it runs in: a value counts from the record on that sets it, on whichever node the controller is
(Kafka's `KafkaConfigSchema.resolveEffectiveTopicConfig`).
"""

from __future__ import annotations

from broker.metadata.configs import TOPIC_CONFIGS, BrokerConfig
from broker.metadata.features import elr_enabled
from broker.metadata.image import CONFIG_BROKER, CONFIG_TOPIC, ClusterImage, TopicImage
from broker.metadata.partition_change import Rules
from broker.metadata.registrations import NO_LEADER


def effective(image: ClusterImage, config: BrokerConfig, topic: str, name: str) -> object:
    """A topic's setting: its own, this node's, that of all brokers, or the one it started with."""
    layers = ((CONFIG_TOPIC, topic), (CONFIG_BROKER, str(config.node_id)), (CONFIG_BROKER, ""))
    for kind, resource in layers:
        text = image.config(kind, resource).get(name)
        if text is not None:
            return TOPIC_CONFIGS[name].parse(text)
    return config.value(name)


def min_insync_replicas(image: ClusterImage, config: BrokerConfig, topic: TopicImage) -> int:
    """How many must be in sync, and no more than there are replicas."""
    wanted = effective(image, config, topic.name, "min.insync.replicas")
    replicas = topic.partitions.find(0)
    return min(int(str(wanted)), len(replicas.replicas)) if replicas else int(str(wanted))


def topic_rules(
    image: ClusterImage,
    config: BrokerConfig,
    topic: TopicImage,
    *,
    leaving: int = NO_LEADER,
    lost: int = NO_LEADER,
) -> Rules:
    """What decides about the elections of a topic's partitions."""
    return Rules(
        image=image,
        topic_id=topic.topic_id,
        min_isr=min_insync_replicas(image, config, topic),
        elr=elr_enabled(image),
        unclean=bool(effective(image, config, topic.name, "unclean.leader.election.enable")),
        leaving=leaving,
        lost=lost,
    )
