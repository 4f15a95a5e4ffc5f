"""IncrementalAlterConfigs (44): change settings one by one, and leave the others alone (KIP-339).

A resource changes as a whole or not at all; each resource of a request stands on its own. What a
broker or topic takes as its value is decided when the change is committed, not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.metadata.configs import (
    BROKER_CONFIGS,
    TOPIC_CONFIGS,
    AlterOp,
    ConfigKey,
    alter,
    validate_broker_configs,
    validate_topic_configs,
)
from broker.metadata.features import MIN_ISR, elr_enabled
from broker.metadata.image import CONFIG_BROKER, CONFIG_TOPIC, ClusterImage
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.incremental_alter_configs import (
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from broker.wire.messages.metadata_records import ClearElrRecord, ConfigRecord
from broker.wire.schema import Message


def handle(
    broker: Broker, request: RequestArrived, body: IncrementalAlterConfigsRequest, now: Now
) -> IncrementalAlterConfigsResponse | None:
    """Record the changes; the answer waits for the commit."""
    plan = broker.controller.plan()
    times = Counter((r.resource_type, r.resource_name) for r in body.resources)
    results = []
    for resource in body.resources:
        code, why = ErrorCode.NONE, None
        try:
            if times[resource.resource_type, resource.resource_name] > 1:
                raise ApiError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
            plan.add(_changes(plan.image, resource))
        except ApiError as error:
            code, why = error.code, error.message
        results.append(
            AlterConfigsResourceResponse(
                error_code=code,
                error_message=why,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
        )
    response = IncrementalAlterConfigsResponse(responses=results)
    if body.validate_only:
        return response
    broker.after_commit(broker.controller.submit(plan, now), request, response)
    return None


def _changes(image: ClusterImage, resource: AlterConfigsResource) -> list[Message]:
    _check_resource(image, resource)
    is_topic = resource.resource_type == CONFIG_TOPIC
    before = image.config(resource.resource_type, resource.resource_name)
    after = _altered(TOPIC_CONFIGS if is_topic else BROKER_CONFIGS, before, resource)
    set_now = {name: value for name, value in after.items() if value is not None}
    if is_topic:
        validate_topic_configs(set_now)
    else:
        validate_broker_configs(set_now)
    changed = {name: value for name, value in after.items() if value != before.get(name)}
    records: list[Message] = [
        ConfigRecord(
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
            name=name,
            value=value,
        )
        for name, value in changed.items()
    ]
    return records + _eligible_replicas(image, resource, changed)


def _eligible_replicas(
    image: ClusterImage, resource: AlterConfigsResource, after: Mapping[str, str | None]
) -> list[Message]:
    """What a change of min.insync.replicas means for eligible leader replicas (KIP-966).

    They are eligible because nothing was acknowledged without them. That rests on one value which
    all brokers share; where another one counts from now on, nobody is eligible any more.
    """
    if MIN_ISR not in after or not elr_enabled(image):
        return []
    name = resource.resource_name
    if resource.resource_type == CONFIG_TOPIC:
        return [ClearElrRecord(topic_name=name)]
    if name:
        raise ApiError(
            ErrorCode.INVALID_CONFIG,
            f"Broker-level {MIN_ISR} cannot be altered while ELR is enabled.",
        )
    if after[MIN_ISR] is None:
        raise ApiError(
            ErrorCode.INVALID_CONFIG,
            f"Cluster-level {MIN_ISR} cannot be removed while ELR is enabled.",
        )
    return [ClearElrRecord()]


def _check_resource(image: ClusterImage, resource: AlterConfigsResource) -> None:
    name = resource.resource_name
    if resource.resource_type == CONFIG_TOPIC:
        if name not in image.topics:
            raise ApiError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{name}' does not exist."
            )
    elif resource.resource_type == CONFIG_BROKER:
        if name and (not name.isdecimal() or int(name) not in image.brokers):
            raise ApiError(ErrorCode.INVALID_REQUEST, f"No broker with id {name} found.")
    else:
        raise ApiError(
            ErrorCode.INVALID_REQUEST, f"Unsupported resource type: {resource.resource_type}"
        )


def _altered(
    keys: Mapping[str, ConfigKey], before: Mapping[str, str], resource: AlterConfigsResource
) -> dict[str, str | None]:
    """The settings that the request names, as they will be; None: no longer set."""
    after: dict[str, str | None] = {}
    for change in resource.configs:
        if change.name in after:
            raise ApiError(
                ErrorCode.INVALID_REQUEST, f"Error due to duplicate config keys: {change.name}"
            )
        try:
            op = AlterOp(change.config_operation)
        except ValueError:
            raise ApiError(
                ErrorCode.INVALID_REQUEST, f"Unknown operation {change.config_operation}."
            ) from None
        key = keys.get(change.name)
        if key is None and op is AlterOp.DELETE:
            # Tools clear what may never have been set, and what they know of and we do not.
            continue
        if key is None:
            raise ApiError(ErrorCode.INVALID_CONFIG, f"Unknown config name: {change.name}")
        if op is not AlterOp.DELETE and change.value is None:
            raise ApiError(
                ErrorCode.INVALID_REQUEST, f"Null value not supported for: {change.name}"
            )
        after[change.name] = alter(key, before.get(change.name), op, change.value)
    return after
