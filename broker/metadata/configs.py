"""The settings of topics: which there are, where their values come from, how they change.

A topic that says nothing takes the broker's value, and the broker's setting often bears another
name: a topic's `retention.ms` is the broker's `log.retention.ms`, or its `log.retention.minutes`,
or its `log.retention.hours`, whichever is set first (ServerTopicConfigSynonyms.java). What a topic
says itself is a ConfigRecord in the metadata log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from broker.log.config import LogConfig
from broker.metadata.broker_config import BrokerConfig, Layered
from broker.metadata.broker_settings import BROKER_CONFIGS, closest, without_effect
from broker.metadata.config_def import (
    ConfigKey,
    ConfigSource,
    ConfigType,
    InvalidValueError,
    Value,
    format_value,
)
from broker.metadata.properties import parse_properties
from broker.wire.errors import ApiError, ErrorCode

__all__ = [
    "BROKER_CONFIGS",
    "TOPIC_CONFIGS",
    "AlterOp",
    "BrokerConfig",
    "ConfigEntry",
    "ConfigKey",
    "ConfigSource",
    "ConfigType",
    "alter",
    "describe_broker",
    "describe_broker_default",
    "describe_topic",
    "log_config",
    "parse_properties",
    "topic_value",
    "topic_values",
    "validate_broker_configs",
    "validate_topic_config",
    "validate_topic_configs",
]

_MINUTE = 60 * 1000
_HOUR = 60 * _MINUTE

_SYNONYMS: dict[str, tuple[tuple[str, int], ...]] = {
    "cleanup.policy": (("log.cleanup.policy", 1),),
    "compression.type": (("compression.type", 1),),
    "file.delete.delay.ms": (("log.segment.delete.delay.ms", 1),),
    "flush.messages": (("log.flush.interval.messages", 1),),
    "flush.ms": (("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)),
    "index.interval.bytes": (("log.index.interval.bytes", 1),),
    "max.message.bytes": (("message.max.bytes", 1),),
    "message.timestamp.after.max.ms": (("log.message.timestamp.after.max.ms", 1),),
    "message.timestamp.before.max.ms": (("log.message.timestamp.before.max.ms", 1),),
    "message.timestamp.type": (("log.message.timestamp.type", 1),),
    "min.insync.replicas": (("min.insync.replicas", 1),),
    "retention.bytes": (("log.retention.bytes", 1),),
    "retention.ms": (
        ("log.retention.ms", 1),
        ("log.retention.minutes", _MINUTE),
        ("log.retention.hours", _HOUR),
    ),
    "segment.bytes": (("log.segment.bytes", 1),),
    "segment.index.bytes": (("log.index.size.max.bytes", 1),),
    "segment.ms": (("log.roll.ms", 1), ("log.roll.hours", _HOUR)),
    "unclean.leader.election.enable": (("unclean.leader.election.enable", 1),),
}
"""A topic's setting and the broker's that stand in for it, the first that is set counting; each
with the milliseconds of its unit."""

# Limits that differ between a topic's setting and the broker's (LogConfig.java).
_MINIMUM = {"retention.ms": -1, "segment.ms": 1, "flush.ms": 0}


def _topic_key(name: str) -> ConfigKey:
    """A topic's setting: the broker's first synonym under another name."""
    key = BROKER_CONFIGS[_SYNONYMS[name][0][0]]
    default = _first_set(name, {known: k.default for known, k in BROKER_CONFIGS.items()})
    return key._replace(
        name=name, default=default, minimum=_MINIMUM.get(name, key.minimum), dynamic=True
    )


def _first_set(name: str, broker: Mapping[str, Value]) -> Value:
    """What the broker's settings say for a topic's."""
    for synonym, unit in _SYNONYMS[name]:
        value = broker[synonym]
        if isinstance(value, int) and unit > 1:
            # Every negative time means "without a limit"; only -1 is how Kafka writes it.
            return max(value * unit, -1)
        if value is not None:
            return value
    return None


TOPIC_CONFIGS: Mapping[str, ConfigKey] = {name: _topic_key(name) for name in _SYNONYMS} | {
    # Kafka's own way to have small segments in tests: segment.bytes starts at a mebibyte.
    "internal.segment.bytes": ConfigKey(
        "internal.segment.bytes",
        ConfigType.INT,
        None,
        "The size of a segment, however small. For tests and lessons.",
        minimum=1,
        dynamic=True,
        internal=True,
    )
}
"""Every setting of a topic by Kafka's name: what CreateTopics and IncrementalAlterConfigs take."""


# -- values ----------------------------------------------------------------------------------------


def topic_value(broker: BrokerConfig, overrides: Mapping[str, str], name: str) -> Value:
    """The value that counts for one topic: its own, or else the broker's."""
    if name in overrides:
        return TOPIC_CONFIGS[name].parse(overrides[name])
    if name not in _SYNONYMS:
        return TOPIC_CONFIGS[name].default
    return _first_set(name, {known: broker.value(known) for known, _ in _SYNONYMS[name]})


def topic_values(broker: BrokerConfig, overrides: Mapping[str, str]) -> dict[str, Value]:
    """All values that count for one topic, by Kafka's names."""
    return {name: topic_value(broker, overrides, name) for name in TOPIC_CONFIGS}


def log_config(broker: BrokerConfig, overrides: Mapping[str, str]) -> LogConfig:
    """What a log needs to know of its topic's settings."""
    return _log_config(broker, overrides) if overrides else _log_defaults(broker)


@lru_cache(maxsize=16)
def _log_defaults(broker: BrokerConfig) -> LogConfig:
    """For most topics say nothing, and a broker may have ten thousand partitions to open."""
    return _log_config(broker, {})


def _log_config(broker: BrokerConfig, overrides: Mapping[str, str]) -> LogConfig:
    values = topic_values(broker, overrides)
    small = values.pop("internal.segment.bytes")
    if small is not None:
        values["segment.bytes"] = small
    values["producer.id.expiration.ms"] = broker.producer_id_expiration_ms
    wanted = {field.name for field in fields(LogConfig)}
    named: dict[str, Any] = {name.replace(".", "_"): value for name, value in values.items()}
    return LogConfig(**{name: value for name, value in named.items() if name in wanted})


# -- checks ----------------------------------------------------------------------------------------


def validate_topic_config(name: str, value: str | None) -> Value:
    """The parsed value of a topic's setting, or ApiError(INVALID_CONFIG) in Kafka's words."""
    key = TOPIC_CONFIGS.get(name)
    if key is None:
        raise ApiError(ErrorCode.INVALID_CONFIG, f"Unknown topic config name: {name}")
    if value is None:
        raise ApiError(
            ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {name}"
        )
    try:
        return key.parse(value)
    except InvalidValueError as error:
        raise ApiError(ErrorCode.INVALID_CONFIG, str(error)) from None


def validate_topic_configs(overrides: Mapping[str, str | None]) -> None:
    """Check all settings of a topic, as it is created or altered."""
    for name, value in overrides.items():
        validate_topic_config(name, value)


def validate_broker_configs(settings: Mapping[str, str]) -> None:
    """Check settings that are to change while the broker runs (ConfigAdminManager.scala)."""
    for name, value in settings.items():
        key = BROKER_CONFIGS.get(name)
        if key is None:
            meant = None if without_effect(name) else closest(name)
            hint = f", did you mean {meant}?" if meant else ""
            raise ApiError(ErrorCode.INVALID_CONFIG, f"Unknown broker config name: {name}{hint}")
        if not key.dynamic:
            raise ApiError(
                ErrorCode.INVALID_REQUEST, f"Cannot update these configs dynamically: [{name}]"
            )
        try:
            key.parse(value)
        except InvalidValueError as error:
            raise ApiError(ErrorCode.INVALID_REQUEST, str(error)) from None


# -- IncrementalAlterConfigs -----------------------------------------------------------------------


class AlterOp(IntEnum):
    """What IncrementalAlterConfigs does to one setting (KIP-339)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


def alter(key: ConfigKey, current: str | None, op: AlterOp, value: str | None) -> str | None:
    """The text that a setting has after an operation; None: it is no longer set.

    Appending to a list nobody has set appends to its default, as Kafka does.
    """
    if op is AlterOp.DELETE:
        return None
    if op is AlterOp.SET:
        return value
    if key.type is not ConfigType.LIST:
        raise ApiError(
            ErrorCode.INVALID_CONFIG,
            f"Can't {op.name} to key {key.name} because its type is not LIST.",
        )
    before = current if current is not None else format_value(key.default) or ""
    entries = [entry.strip() for entry in before.split(",") if entry.strip()]
    for entry in (value or "").split(","):
        if op is AlterOp.APPEND and entry not in entries:
            entries.append(entry)
        elif op is AlterOp.SUBTRACT and entry in entries:
            entries.remove(entry)
    return ",".join(entries)


# -- DescribeConfigs -------------------------------------------------------------------------------


class ConfigEntry(NamedTuple):
    """One line of a description: a setting, its value and where that comes from."""

    key: ConfigKey
    value: str | None
    source: ConfigSource
    read_only: bool
    synonyms: tuple[Layered, ...]


def describe_topic(broker: BrokerConfig, overrides: Mapping[str, str]) -> list[ConfigEntry]:
    """A topic's settings with their values, as ConfigHelper.createTopicConfigEntry gives them."""
    entries = []
    for name, key in TOPIC_CONFIGS.items():
        if key.internal and name not in overrides:
            continue
        value = format_value(topic_value(broker, overrides, name))
        layers = _synonyms_of(broker, _SYNONYMS[name][0][0]) if name in _SYNONYMS else []
        if name in overrides:
            own = Layered(name, value or "", ConfigSource.DYNAMIC_TOPIC_CONFIG)
            layers = [own, *layers]
        entries.append(_entry(key, value, layers, read_only=False))
    return entries


def describe_broker(broker: BrokerConfig) -> list[ConfigEntry]:
    """The settings of this broker, whatever layer they come from."""
    return [
        _entry(
            key,
            format_value(broker.value(name)),
            _synonyms_of(broker, name),
            read_only=not key.dynamic,
        )
        for name, key in BROKER_CONFIGS.items()
    ]


def describe_broker_default(broker: BrokerConfig) -> list[ConfigEntry]:
    """What was set for all brokers while they ran, and nothing else."""
    return [
        _entry(
            BROKER_CONFIGS[name],
            text,
            [Layered(name, text, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG)],
            read_only=not BROKER_CONFIGS[name].dynamic,
        )
        for name, text in broker.dynamic_default.items()
    ]


def _entry(
    key: ConfigKey, value: str | None, layers: Iterable[Layered], *, read_only: bool
) -> ConfigEntry:
    synonyms = tuple(layers)
    source = synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG
    return ConfigEntry(key, value, source, read_only, synonyms)


_FAMILIES = [
    tuple(name for name, _ in synonyms) for synonyms in _SYNONYMS.values() if len(synonyms) > 1
]
"""Settings of a broker that say the same in different units."""


def _synonyms_of(broker: BrokerConfig, name: str) -> list[Layered]:
    """Every layer of a broker's setting and of those that stand in for it, in Kafka's order.

    Kafka drops what precedes the first layer of the setting's own name: a default of 168
    `log.retention.hours` does not show under `log.retention.ms`, though it is what counts.
    """
    family = next((f for f in _FAMILIES if name in f), (name,))
    found = [layer for member in family for layer in broker.layers(member)]
    found.sort(key=lambda layer: layer.source)  # stable: within a layer the family's order stays
    for position, layer in enumerate(found):
        if layer.name == name:
            return found[position:]
    return []
