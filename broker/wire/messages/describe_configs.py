"""Describe configs: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct


@struct
class DescribeConfigsResource(Message):
    """DescribeConfigsResource."""

    resource_type: int = int8()
    resource_name: str = string()
    configuration_keys: list[str] | None = array(string, nullable="1+")


@message(key=32, kind="request", versions="1-4", flexible="4+")
class DescribeConfigsRequest(Message):
    """DescribeConfigsRequest."""

    resources: list[DescribeConfigsResource] = array(DescribeConfigsResource)
    include_synonyms: bool = boolean()
    include_documentation: bool = boolean(versions="3+")


@struct
class DescribeConfigsSynonym(Message):
    """DescribeConfigsSynonym."""

    name: str = string()
    value: str | None = string(nullable="1+")
    source: int = int8()


@struct
class DescribeConfigsResourceResult(Message):
    """DescribeConfigsResourceResult."""

    name: str = string()
    value: str | None = string(nullable="1+")
    read_only: bool = boolean()
    config_source: int = int8(default=-1)
    is_sensitive: bool = boolean()
    synonyms: list[DescribeConfigsSynonym] = array(DescribeConfigsSynonym)
    config_type: int = int8(versions="3+", ignorable=True)
    documentation: str | None = string(versions="3+", nullable="3+", ignorable=True)


@struct
class DescribeConfigsResult(Message):
    """DescribeConfigsResult."""

    error_code: int = int16()
    error_message: str | None = string(nullable="1+")
    resource_type: int = int8()
    resource_name: str = string()
    configs: list[DescribeConfigsResourceResult] = array(DescribeConfigsResourceResult)


@message(key=32, kind="response", versions="1-4", flexible="4+")
class DescribeConfigsResponse(Message):
    """DescribeConfigsResponse."""

    throttle_time_ms: int = int32()
    results: list[DescribeConfigsResult] = array(DescribeConfigsResult)
