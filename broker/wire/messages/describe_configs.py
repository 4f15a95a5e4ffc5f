"""DescribeConfigs: the configs of topics and brokers, and where each value comes from.

A value can be set for the topic, for one broker, for all brokers, in the file that the broker was
started with, or nowhere, and the first of these wins. `config_source` says which one did; the
synonyms show the others in order.
"""

from __future__ import annotations

from enum import IntEnum

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct


class ResourceType(IntEnum):
    """What has configs (Kafka's ConfigResource.Type). Also used by IncrementalAlterConfigs."""

    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigSource(IntEnum):
    """Where a value was set (Kafka's DescribeConfigsResponse.ConfigSource)."""

    UNKNOWN = 0
    TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    CLIENT_METRICS_CONFIG = 7
    GROUP_CONFIG = 8


class ConfigType(IntEnum):
    """How to read a value (Kafka's DescribeConfigsResponse.ConfigType)."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


@struct
class DescribeConfigsResource(Message):
    """A topic or a broker, and what to tell about it."""

    resource_type: int = int8()
    resource_name: str = string()
    """The topic's name or the broker's id; empty for what holds for all brokers."""
    configuration_keys: list[str] | None = array(string, nullable="1+")
    """Null for all."""


@message(key=32, kind="request", versions="1-4", flexible="4+")
class DescribeConfigsRequest(Message):
    """Show me these configs.

    - 1: include_synonyms (KIP-226)
    - 2: as 1
    - 3: include_documentation (KIP-569)
    - 4: flexible (KIP-482)
    """

    resources: list[DescribeConfigsResource] = array(DescribeConfigsResource)
    include_synonyms: bool = boolean()
    include_documentation: bool = boolean(versions="3+")


@struct
class DescribeConfigsSynonym(Message):
    """Another place that gives this config a value."""

    name: str = string()
    """The name there: log.retention.ms is the broker's word for a topic's retention.ms."""
    value: str | None = string(nullable="1+")
    source: int = int8()


@struct
class DescribeConfigsResourceResult(Message):
    """One config."""

    name: str = string()
    value: str | None = string(nullable="1+")
    """Null if it has none, or is sensitive."""
    read_only: bool = boolean()
    config_source: int = int8(default=-1, ignorable=True)
    is_sensitive: bool = boolean()
    synonyms: list[DescribeConfigsSynonym] = array(DescribeConfigsSynonym, ignorable=True)
    config_type: int = int8(versions="3+", ignorable=True)
    documentation: str | None = string(versions="3+", nullable="3+", ignorable=True)


@struct
class DescribeConfigsResult(Message):
    """The configs of one topic or broker, or why there are none."""

    error_code: int = int16()
    error_message: str | None = string(nullable="1+")
    resource_type: int = int8()
    resource_name: str = string()
    configs: list[DescribeConfigsResourceResult] = array(DescribeConfigsResourceResult)


@message(key=32, kind="response", versions="1-4", flexible="4+")
class DescribeConfigsResponse(Message):
    """The configs asked for.

    - 1: config_source and synonyms (KIP-226)
    - 2: the response comes at once even when the client is throttled (KIP-219)
    - 3: config_type and documentation (KIP-569)
    - 4: flexible (KIP-482)
    """

    throttle_time_ms: int = int32()
    results: list[DescribeConfigsResult] = array(DescribeConfigsResult)
