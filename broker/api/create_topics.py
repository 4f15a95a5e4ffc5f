"""CreateTopics (19): topics by name, with counts or with chosen brokers.

    2   validate_only, throttling (KIP-195)      5   the result tells counts and settings (KIP-525)
    4   -1: the broker's defaults (KIP-464)      7   topic ids (KIP-516)

All topics of a request that are in order go into the metadata log together; each of the others gets
its own error. The answer leaves when the topics are committed, so the next Metadata knows them.
"""

from __future__ import annotations

from collections import Counter

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.metadata.configs import describe_topic
from broker.metadata.image import CONFIG_TOPIC, ClusterImage
from broker.metadata.topics import NewTopic, check_total, plan_topic
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)


def handle(
    broker: Broker, request: RequestArrived, body: CreateTopicsRequest, now: Now
) -> CreateTopicsResponse | None:
    """Create what can be created; the answer waits for the commit."""
    times = Counter(topic.name for topic in body.topics)
    wishes = {topic.name: _wish(topic) for topic in body.topics}
    try:
        check_total(wishes.values(), broker.config)
    except ApiError as error:
        return CreateTopicsResponse(topics=[_refused(name, error) for name in wishes])
    plan = broker.controller.plan()
    results = []
    for name, wish in wishes.items():
        try:
            if times[name] > 1:
                raise ApiError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
            records = plan_topic(plan.image, broker.config, wish, broker.entropy.uuid())
        except ApiError as error:
            results.append(_refused(name, error))
            continue
        plan.add(records)
        results.append(_created(broker, plan.image, name))
    response = CreateTopicsResponse(topics=results)
    if body.validate_only:
        return response
    broker.after_commit(broker.controller.submit(plan, now), request, response)
    return None


def _wish(topic: CreatableTopic) -> NewTopic:
    return NewTopic(
        name=topic.name,
        partitions=topic.num_partitions,
        replication_factor=topic.replication_factor,
        assignments={a.partition_index: a.broker_ids for a in topic.assignments},
        configs={config.name: config.value for config in topic.configs},
    )


def _created(broker: Broker, image: ClusterImage, name: str) -> CreatableTopicResult:
    topic = image.topics[name]
    entries = describe_topic(broker.config, image.config(CONFIG_TOPIC, name))
    return CreatableTopicResult(
        name=name,
        topic_id=topic.topic_id,
        error_code=ErrorCode.NONE,
        error_message=None,
        num_partitions=len(topic.partitions),
        replication_factor=len(topic.partitions[0].replicas),
        configs=[
            CreatableTopicConfigs(
                name=entry.key.name,
                value=entry.value,
                read_only=entry.read_only,
                config_source=entry.source,
            )
            for entry in entries
        ],
    )


def _refused(name: str, error: ApiError) -> CreatableTopicResult:
    # The Java client reads `configs` even of a topic that was not created: an empty list, not null.
    return CreatableTopicResult(
        name=name, error_code=error.code, error_message=error.message, configs=[]
    )
