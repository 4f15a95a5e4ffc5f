"""DescribeConfigs (32): the settings of topics and brokers, with where each value comes from.

1   sources and synonyms (KIP-226)        3   types and documentation (KIP-569)
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.metadata.configs import (
    ConfigEntry,
    describe_broker,
    describe_broker_default,
    describe_topic,
)
from broker.metadata.image import CONFIG_BROKER, CONFIG_TOPIC
from broker.metadata.topic_names import check_topic_name
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)


def handle(
    broker: Broker, request: RequestArrived, body: DescribeConfigsRequest, now: Now
) -> DescribeConfigsResponse:
    """Each resource on its own: one that is wrong does not spoil the others."""
    results = []
    for resource in body.resources:
        try:
            entries = _entries(broker, resource)
        except ApiError as error:
            results.append(
                DescribeConfigsResult(
                    error_code=error.code,
                    error_message=error.message,
                    resource_type=resource.resource_type,
                    resource_name=resource.resource_name,
                )
            )
            continue
        wanted = resource.configuration_keys
        results.append(
            DescribeConfigsResult(
                error_code=ErrorCode.NONE,
                error_message=None,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                configs=[
                    _result(entry, body)
                    for entry in entries
                    if not wanted or entry.key.name in wanted
                ],
            )
        )
    return DescribeConfigsResponse(results=results)


def _entries(broker: Broker, resource: DescribeConfigsResource) -> list[ConfigEntry]:
    name = resource.resource_name
    if resource.resource_type == CONFIG_TOPIC:
        check_topic_name(name)
        if name not in broker.image.topics:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return describe_topic(broker.config, broker.image.config(CONFIG_TOPIC, name))
    if resource.resource_type == CONFIG_BROKER:
        if name == "":
            return describe_broker_default(broker.config)
        if name != str(broker.node_id):
            raise ApiError(
                ErrorCode.INVALID_REQUEST,
                f"Unexpected broker id, expected {broker.node_id} or empty string, but received"
                f" {name}",
            )
        return describe_broker(broker.config)
    raise ApiError(
        ErrorCode.INVALID_REQUEST, f"Unsupported resource type: {resource.resource_type}"
    )


def _result(entry: ConfigEntry, body: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    synonyms = entry.synonyms if body.include_synonyms else ()
    return DescribeConfigsResourceResult(
        name=entry.key.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=False,
        synonyms=[
            DescribeConfigsSynonym(name=layer.name, value=layer.text, source=layer.source)
            for layer in synonyms
        ],
        config_type=entry.key.type,
        documentation=entry.key.doc if body.include_documentation else None,
    )
