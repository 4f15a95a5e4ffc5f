"""IncrementalAlterConfigs: change some configs of topics and brokers, and leave the others alone.

Its predecessor AlterConfigs replaces all of a resource's configs by those it names, so that two
people who each change one undo each other's work. This one (KIP-339) says what to do with each. All
changes to one resource are made, or none.
"""

from __future__ import annotations

from enum import IntEnum

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct


class ConfigOperation(IntEnum):
    """What to do with a config (Kafka's AlterConfigOp.OpType)."""

    SET = 0
    DELETE = 1
    """Back to the default."""
    APPEND = 2
    """Add to a list, as cleanup.policy is one."""
    SUBTRACT = 3
    """Remove from a list."""


@struct
class AlterableConfig(Message):
    """A change to one config."""

    name: str = string()
    config_operation: int = int8()
    value: str | None = string(nullable="0+")


@struct
class AlterConfigsResource(Message):
    """The changes to one topic or broker."""

    resource_type: int = int8()
    """By the numbers of `describe_configs.ResourceType`."""
    resource_name: str = string()
    configs: list[AlterableConfig] = array(AlterableConfig)


@message(key=44, kind="request", versions="0-1", flexible="1+")
class IncrementalAlterConfigsRequest(Message):
    """Change these configs.

    - 0: all fields (KIP-339)
    - 1: flexible (KIP-482)
    """

    resources: list[AlterConfigsResource] = array(AlterConfigsResource)
    validate_only: bool = boolean()
    """Check everything, change nothing."""


@struct
class AlterConfigsResourceResponse(Message):
    """What became of the changes to one topic or broker."""

    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    resource_type: int = int8()
    resource_name: str = string()


@message(key=44, kind="response", versions="0-1", flexible="1+")
class IncrementalAlterConfigsResponse(Message):
    """What became of the changes.

    - 0: all fields (KIP-339)
    - 1: flexible (KIP-482)
    """

    throttle_time_ms: int = int32()
    responses: list[AlterConfigsResourceResponse] = array(AlterConfigsResourceResponse)
