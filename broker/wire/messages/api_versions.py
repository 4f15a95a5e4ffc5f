"""Api versions: the declarations."""

from __future__ import annotations

from broker.wire.schema import Message, array, boolean, int16, int32, int64, message, string, struct


@message(key=18, kind="request", versions="0-4", flexible="3+")
class ApiVersionsRequest(Message):
    """ApiVersionsRequest."""

    client_software_name: str = string(versions="3+", ignorable=True)
    client_software_version: str = string(versions="3+", ignorable=True)


@struct
class ApiVersion(Message):
    """ApiVersion."""

    api_key: int = int16()
    min_version: int = int16()
    max_version: int = int16()


@struct
class SupportedFeatureKey(Message):
    """SupportedFeatureKey."""

    name: str = string()
    min_version: int = int16()
    max_version: int = int16()


@struct
class FinalizedFeatureKey(Message):
    """FinalizedFeatureKey."""

    name: str = string()
    max_version_level: int = int16()
    min_version_level: int = int16()


@message(key=18, kind="response", versions="0-4", flexible="3+")
class ApiVersionsResponse(Message):
    """ApiVersionsResponse."""

    error_code: int = int16()
    api_keys: list[ApiVersion] = array(ApiVersion)
    throttle_time_ms: int = int32(versions="1+", ignorable=True)
    supported_features: list[SupportedFeatureKey] = array(
        SupportedFeatureKey, versions="3+", tag=0, ignorable=True
    )
    finalized_features_epoch: int = int64(versions="3+", tag=1, default=-1, ignorable=True)
    finalized_features: list[FinalizedFeatureKey] = array(
        FinalizedFeatureKey, versions="3+", tag=2, ignorable=True
    )
    zk_migration_ready: bool = boolean(versions="3+", tag=3, ignorable=True)
