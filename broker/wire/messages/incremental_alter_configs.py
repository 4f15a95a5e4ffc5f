"""Incremental alter configs: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct


@struct
class AlterableConfig(Message):
    """AlterableConfig."""

    name: str = string()
    config_operation: int = int8()
    value: str | None = string(nullable="0+")


@struct
class AlterConfigsResource(Message):
    """AlterConfigsResource."""

    resource_type: int = int8()
    resource_name: str = string()
    configs: list[AlterableConfig] = array(AlterableConfig)


@message(key=44, kind="request", versions="0-1", flexible="1+")
class IncrementalAlterConfigsRequest(Message):
    """IncrementalAlterConfigsRequest."""

    resources: list[AlterConfigsResource] = array(AlterConfigsResource)
    validate_only: bool = boolean()


@struct
class AlterConfigsResourceResponse(Message):
    """AlterConfigsResourceResponse."""

    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    resource_type: int = int8()
    resource_name: str = string()


@message(key=44, kind="response", versions="0-1", flexible="1+")
class IncrementalAlterConfigsResponse(Message):
    """IncrementalAlterConfigsResponse."""

    throttle_time_ms: int = int32()
    responses: list[AlterConfigsResourceResponse] = array(AlterConfigsResourceResponse)
