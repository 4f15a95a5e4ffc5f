"""Features: what the cluster does, and which of its nodes can do it (KIP-584).

A feature is a name and a level. Each node registers the levels that it can run; the cluster has
settled on one of them, its *finalized* level, by a record in the metadata log. So all change over
at one record, and no node can join that would not understand the others.

    metadata.version                   which records there are, and in which versions
    eligible.leader.replicas.version   1: replicas that left a small ISR may still lead (KIP-966)

A new cluster begins with all that its first controller can do, in one batch of records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from broker.metadata.image import CONFIG_BROKER, ClusterImage
from broker.metadata.registrations import Support
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.metadata_records import (
    BeginTransactionRecord,
    ConfigRecord,
    EndTransactionRecord,
    FeatureLevelRecord,
)
from broker.wire.messages.update_features import (
    SAFE_DOWNGRADE,
    UNSAFE_DOWNGRADE,
    UPGRADE,
    FeatureUpdateKey,
)
from broker.wire.schema import Message

METADATA_VERSION: Final = "metadata.version"
ELR_VERSION: Final = "eligible.leader.replicas.version"
MIN_ISR: Final = "min.insync.replicas"

SUPPORTED: Final[Mapping[str, Support]] = {
    ELR_VERSION: Support(0, 1),
    METADATA_VERSION: Support(7, 30),
}
"""What this node can work with. metadata.version 7 to 30: Kafka 3.3 to 4.3."""


def elr_enabled(image: ClusterImage) -> bool:
    """Whether the cluster keeps eligible leader replicas."""
    return bool(image.features.get(ELR_VERSION, 0))


def bootstrap_records(min_insync_replicas: int) -> list[Message]:
    """The first records of a cluster (`ActivationRecordsGenerator.recordsForEmptyLog`).

    With eligible leader replicas all must agree on min.insync.replicas, so it is written down: what
    each broker's own file says would differ from one to the next.
    """
    others = sorted(name for name in SUPPORTED if name != METADATA_VERSION)
    return [
        BeginTransactionRecord(name="Bootstrap records"),
        *(
            FeatureLevelRecord(name=name, feature_level=SUPPORTED[name].max_version)
            for name in (METADATA_VERSION, *others)
        ),
        _min_isr_record("", str(min_insync_replicas)),
        EndTransactionRecord(),
    ]


def plan_features(
    image: ClusterImage, updates: list[FeatureUpdateKey], min_insync_replicas: int
) -> list[Message]:
    """The records that settle on other levels; all of them, or an ApiError
    (`FeatureControlManager.updateFeatures`)."""
    if len({update.feature for update in updates}) < len(updates):
        raise ApiError(ErrorCode.INVALID_REQUEST, "A feature is named twice.")
    records: list[Message] = []
    for update in updates:
        _check_update(image, update)
        if update.feature == ELR_VERSION and update.max_version_level > 0:
            records += _elr_safety_records(image, min_insync_replicas)
        records.append(
            FeatureLevelRecord(name=update.feature, feature_level=update.max_version_level)
        )
    return records


def _check_update(image: ClusterImage, update: FeatureUpdateKey) -> None:
    name, level = update.feature, update.max_version_level
    kind = SAFE_DOWNGRADE if update.allow_downgrade else update.upgrade_type
    current = image.features.get(name, 0)
    why = ""
    if kind not in (UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE):
        why = "The controller does not support the given upgrade type."
    elif level < 0:
        why = "A feature version cannot be less than 0."
    elif reason := _not_supported(image, name, level):
        why = reason
    elif level < current and kind == UPGRADE:
        why = (
            "Can't downgrade the version of this feature without setting the upgrade type to "
            "either safe or unsafe downgrade."
        )
    elif level > current and kind != UPGRADE:
        why = "Can't downgrade to a newer version."
    elif name == METADATA_VERSION and level < current:
        # Level 30 brought a new field, so there is none below it that says the same.
        why = "Refusing to perform the requested downgrade because it might delete metadata."
    if why:
        raise ApiError(
            ErrorCode.INVALID_UPDATE_VERSION,
            "The update failed for all features since the following feature had an error:"
            f" Invalid update version {level} for feature {name}. {why}",
        )


def _not_supported(image: ClusterImage, name: str, level: int) -> str:
    """Which node cannot run a feature at a level; "" if all can."""
    nodes = [("The controller", SUPPORTED.get(name, Support(0, 0)))]
    nodes += [(f"Broker {i}", broker.supports(name)) for i, broker in image.brokers.items()]
    nodes += [(f"Controller {i}", known.supports(name)) for i, known in image.controllers.items()]
    for who, levels in nodes:
        if not levels.min_version <= level <= levels.max_version:
            if not levels.max_version:
                return f"{who} does not support this feature."
            return f"{who} only supports versions {levels.min_version}-{levels.max_version}"
    return ""


def _elr_safety_records(image: ClusterImage, min_insync_replicas: int) -> list[Message]:
    """One min.insync.replicas for all brokers, and none for a single one."""
    records: list[Message] = []
    if MIN_ISR not in image.config(CONFIG_BROKER, ""):
        records.append(_min_isr_record("", str(min_insync_replicas)))
    for (kind, resource), settings in image.configs.items():
        if kind == CONFIG_BROKER and resource and MIN_ISR in settings:
            records.append(_min_isr_record(resource, None))
    return records


def _min_isr_record(broker: str, value: str | None) -> ConfigRecord:
    return ConfigRecord(
        resource_type=CONFIG_BROKER, resource_name=broker, name=MIN_ISR, value=value
    )
