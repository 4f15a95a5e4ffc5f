"""Features: what a cluster begins with and what it may change to (after FeatureControlManagerTest
and ActivationRecordsGeneratorTest)."""

from __future__ import annotations

import pytest

from broker.metadata.image import CONFIG_BROKER
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.controller_registration import (
    ControllerRegistrationRequest,
    Feature,
    Listener,
)
from broker.wire.messages.metadata_records import (
    BeginTransactionRecord,
    ConfigRecord,
    EndTransactionRecord,
    FeatureLevelRecord,
)
from broker.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.metadata.council import Council

ELR = "eligible.leader.replicas.version"
METADATA = "metadata.version"
UPGRADE, SAFE, UNSAFE = 1, 2, 3


def update(council: Council, feature: str, level: int, kind: int = UPGRADE, **says: bool) -> None:
    key = FeatureUpdateKey(feature=feature, max_version_level=level, upgrade_type=kind)
    council.controller.update_features(
        UpdateFeaturesRequest(feature_updates=[key]).replace(**says), council.now
    )


def refusal(council: Council, feature: str, level: int, kind: int = UPGRADE) -> str:
    with pytest.raises(ApiError) as error:
        update(council, feature, level, kind)
    assert error.value.code == ErrorCode.INVALID_UPDATE_VERSION
    return error.value.message


def test_the_first_batch_is_kafkas() -> None:
    council = Council(min_insync_replicas=2)
    assert council.tape.batches == [5]
    assert council.tape.records == [
        BeginTransactionRecord(name="Bootstrap records"),
        FeatureLevelRecord(name=METADATA, feature_level=30),
        FeatureLevelRecord(name=ELR, feature_level=1),
        ConfigRecord(resource_type=4, resource_name="", name="min.insync.replicas", value="2"),
        EndTransactionRecord(),
    ]


def test_a_later_controller_writes_nothing_of_the_kind() -> None:
    council = Council()
    council.fail_over()
    assert council.tape.batches == [5]


def test_a_feature_goes_down_only_if_one_says_so() -> None:
    council = Council(1)
    assert "without setting the upgrade type" in refusal(council, ELR, 0)
    update(council, ELR, 0, SAFE)
    assert ELR not in council.image.features
    assert "downgrade to a newer version" in refusal(council, ELR, 1, SAFE)


def test_eligible_leaders_need_one_setting_for_all_brokers() -> None:
    council = Council(1, min_insync_replicas=2)
    update(council, ELR, 0, SAFE)
    plan = council.controller.plan()
    own = ConfigRecord(resource_type=CONFIG_BROKER, name="min.insync.replicas")
    plan.add([own.replace(resource_name="", value=None), own.replace(resource_name="1", value="3")])
    council.controller.submit(plan, council.now)
    update(council, ELR, 1)
    assert council.image.config(CONFIG_BROKER, "") == {"min.insync.replicas": "2"}
    assert council.image.config(CONFIG_BROKER, "1") == {}
    assert council.image.features[ELR] == 1


def test_what_somebody_cannot_run_is_not_settled_on() -> None:
    council = Council(1)
    assert "only supports versions 7-30" in refusal(council, METADATA, 31)
    assert "does not support this feature" in refusal(council, "group.version", 1)
    registration = council.registration(2)
    old = [f for f in registration.features if f.name == METADATA]
    update(council, ELR, 0, SAFE)
    council.register(2, features=old)
    assert "Broker 2 does not support" in refusal(council, ELR, 1)


def test_a_controller_has_a_say_once_it_is_registered() -> None:
    council = Council()
    update(council, ELR, 0, SAFE)
    features = [Feature(name=METADATA, min_supported_version=7, max_supported_version=30)]
    body = ControllerRegistrationRequest(
        controller_id=8,
        incarnation_id=bytes(16),
        listeners=[Listener(name="CONTROLLER", host="c8", port=9093)],
        features=features,
    )
    council.controller.register_controller(body, council.now)
    known = council.image.controllers[8]
    assert (known.host, known.port) == ("c8", 9093)
    assert "Controller 8 does not support" in refusal(council, ELR, 1)


def test_metadata_does_not_go_back() -> None:
    council = Council(1)
    for kind in (SAFE, UNSAFE):
        assert "might delete metadata" in refusal(council, METADATA, 29, kind)


def test_updates_that_make_no_sense() -> None:
    council = Council(1)
    assert "upgrade type" in refusal(council, ELR, 1, kind=0)
    assert "less than 0" in refusal(council, ELR, -1)
    key = FeatureUpdateKey(feature=ELR, max_version_level=1)
    with pytest.raises(ApiError) as error:
        council.controller.update_features(
            UpdateFeaturesRequest(feature_updates=[key, key]), council.now
        )
    assert error.value.code == ErrorCode.INVALID_REQUEST


def test_a_rehearsal_changes_nothing() -> None:
    council = Council(1)
    update(council, ELR, 0, SAFE, validate_only=True)
    assert council.image.features[ELR] == 1


def test_all_updates_or_none() -> None:
    council = Council(1)
    good = FeatureUpdateKey(feature=ELR, max_version_level=0, upgrade_type=SAFE)
    bad = FeatureUpdateKey(feature=METADATA, max_version_level=99)
    with pytest.raises(ApiError):
        council.controller.update_features(
            UpdateFeaturesRequest(feature_updates=[good, bad]), council.now
        )
    assert council.image.features[ELR] == 1
