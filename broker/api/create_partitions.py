"""CreatePartitions (37): give a topic more partitions (KIP-195).

The records that are there stay where they are, but a key that went to one partition may go to
another from now on: what was in order by key is so no longer.

A topic that is named twice is refused; the others go to the controller together, each with a result
of its own, and the answer waits for the commit (Kafka's `ControllerApis.createPartitions`).
"""

from __future__ import annotations

from collections import Counter

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.errors import ErrorCode
from broker.wire.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsTopicResult,
)


def handle(
    broker: Broker, request: RequestArrived, body: CreatePartitionsRequest, now: Now
) -> None:
    """Let the controller add them."""
    times = Counter(topic.name for topic in body.topics)
    twice = [
        CreatePartitionsTopicResult(
            name=name,
            error_code=ErrorCode.INVALID_REQUEST,
            error_message="Duplicate topic name.",
        )
        for name, count in times.items()
        if count > 1
    ]
    once = [topic for topic in body.topics if times[topic.name] == 1]
    controller = broker.active_controller()
    response, offset = controller.create_partitions(body.replace(topics=once), now)
    answer = response.replace(results=[*twice, *response.results])
    broker.after_commit(offset, request, answer)
