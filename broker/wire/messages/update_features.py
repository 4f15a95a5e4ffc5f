"""UpdateFeatures: run a feature of the cluster at another level (KIP-584).

A new release can do what an older one cannot read. So the binaries are upgraded first, broker by
broker, and only then, by this request, the cluster begins to use what they can do.
"""

from __future__ import annotations

from typing import Final

from broker.wire.schema import Message, array, boolean, int8, int16, int32, message, string, struct

UPGRADE: Final = 1
SAFE_DOWNGRADE: Final = 2
UNSAFE_DOWNGRADE: Final = 3
"""What `upgrade_type` can be; an unsafe downgrade loses metadata."""

# -- request --------------------------------------------------------------------------------------


@struct
class FeatureUpdateKey(Message):
    """The level that a feature shall have."""

    feature: str = string()
    max_version_level: int = int16()
    """Below 1: not used any longer."""
    allow_downgrade: bool = boolean(versions="0")
    upgrade_type: int = int8(versions="1+", default=UPGRADE)


@message(key=57, kind="request", versions="0-2", flexible="0+")
class UpdateFeaturesRequest(Message):
    """Run these features at these levels.

    - 0: timeout_ms and feature_updates; flexible from the start (KIP-584)
    - 1: validate_only, and upgrade_type instead of allow_downgrade (KIP-778)
    - 2: as 1; changes are in the response
    """

    timeout_ms: int = int32(default=60_000)
    feature_updates: list[FeatureUpdateKey] = array(FeatureUpdateKey)
    validate_only: bool = boolean(versions="1+")


# -- response -------------------------------------------------------------------------------------


@struct
class UpdatableFeatureResult(Message):
    """What became of one feature."""

    feature: str = string()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")


@message(key=57, kind="response", versions="0-2", flexible="0+")
class UpdateFeaturesResponse(Message):
    """What became of it.

    - 0, 1: all fields; flexible from the start (KIP-584)
    - 2: no results: all updates are made, or none (KIP-1022)
    """

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    results: list[UpdatableFeatureResult] = array(
        UpdatableFeatureResult, versions="0-1", ignorable=True
    )
