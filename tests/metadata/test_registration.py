"""Brokers register (after Kafka's ClusterControlManagerTest)."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.metadata_records import RegisterBrokerRecord
from broker.wire.messages.unregister_broker import UnregisterBrokerRequest
from tests.metadata.council import Council, directory


@pytest.fixture
def council() -> Council:
    return Council()


def refused(council: Council, broker_id: int, **says: Any) -> ErrorCode:
    with pytest.raises(ApiError) as error:
        council.register(broker_id, **says)
    return error.value.code


def test_a_broker_comes_in_fenced_with_the_logs_end_as_its_epoch(council: Council) -> None:
    end = council.tape.log_end_offset
    assert council.register(1, rack="A").broker_epoch == end
    broker = council.image.brokers[1]
    assert (broker.epoch, broker.registered_at, broker.fenced) == (end, end, True)
    assert (broker.rack, broker.host, broker.port) == ("A", "broker-1", 9092)
    assert broker.directories == (directory(1),)
    assert dict(broker.features)["metadata.version"] == (7, 30)


def test_the_same_life_may_register_twice_and_keeps_its_epoch_and_state(council: Council) -> None:
    incarnation = bytes(15) + b"x"
    first = council.register(1, incarnation_id=incarnation).broker_epoch
    council.heartbeat(1)
    assert council.register(1, incarnation_id=incarnation, rack="B").broker_epoch == first
    broker = council.image.brokers[1]
    assert (broker.rack, broker.fenced) == ("B", False)


def test_another_process_with_the_id_of_a_live_broker_is_refused(council: Council) -> None:
    """Be it a late word of an earlier life: who sends heartbeats is the one."""
    council.join(1)
    for log_dirs in ([directory(7)], [directory(1)]):
        code = refused(council, 1, log_dirs=log_dirs)
        assert code == ErrorCode.DUPLICATE_BROKER_REGISTRATION
    council.mono_us += council.config.broker_session_timeout_ms * 1000 + 1
    council.register(1)


def test_a_process_with_the_disk_of_one_that_hung_up_is_its_next_life(council: Council) -> None:
    """Two processes cannot have one directory, so there is nothing to wait for."""
    council.join(1)
    before = council.epochs[1]
    council.controller.broker_hung_up(1, council.now)
    elsewhere = [directory(7)]
    assert refused(council, 1, log_dirs=elsewhere) == ErrorCode.DUPLICATE_BROKER_REGISTRATION
    council.register(1)
    assert council.epochs[1] > before
    assert council.image.brokers[1].fenced


def test_a_cluster_that_restarts_as_a_whole_waits_for_no_session(council: Council) -> None:
    council.join(1)
    council.fail_over()
    council.register(1)


def test_a_broker_that_never_sent_a_heartbeat_blocks_nobody(council: Council) -> None:
    council.register(1)
    council.register(1)


def test_a_broker_of_another_cluster_is_refused(council: Council) -> None:
    assert refused(council, 1, cluster_id="another") == ErrorCode.INCONSISTENT_CLUSTER_ID


@pytest.mark.parametrize(
    "log_dirs", [[], [bytes(15) + b"\1"], [directory(1), directory(1)]], ids=str
)
def test_directories_must_have_ids_of_their_own(council: Council, log_dirs: list[bytes]) -> None:
    assert refused(council, 1, log_dirs=log_dirs) == ErrorCode.INVALID_REGISTRATION


def test_two_brokers_do_not_share_a_disk(council: Council) -> None:
    council.register(1)
    assert refused(council, 2, log_dirs=[directory(1)]) == ErrorCode.INVALID_REGISTRATION


def test_a_broker_must_be_able_to_run_what_the_cluster_runs(council: Council) -> None:
    features = council.registration(1).features
    known = {feature.name: feature for feature in features}
    assert refused(council, 1, features=[]) == ErrorCode.INVALID_REGISTRATION
    old = known["metadata.version"].replace(max_supported_version=29)
    assert refused(council, 1, features=[old]) == ErrorCode.UNSUPPORTED_VERSION
    without_elr = [known["metadata.version"]]
    assert refused(council, 1, features=without_elr) == ErrorCode.UNSUPPORTED_VERSION
    young = known["metadata.version"].replace(max_supported_version=31)
    council.register(1, features=[young, known["eligible.leader.replicas.version"]])


def test_a_broker_on_a_new_disk_takes_its_replicas_there() -> None:
    council = Council(2)
    council.create("orders", [[1, 2]])
    council.silence(1)
    council.join(1, log_dirs=[directory(7)])
    assert council.partition("orders").directories == (directory(7), directory(2))


def test_the_registration_is_the_last_record_after_what_cleans_up() -> None:
    council = Council(2)
    council.create("orders", [[1, 2], [2, 1]])
    council.mono_us += council.config.broker_session_timeout_ms * 1000 + 1
    offset = council.tape.log_end_offset
    council.register(1)
    records = council.since(offset)
    assert isinstance(records[-1], RegisterBrokerRecord)
    assert len(records) == 3
    broker = council.image.brokers[1]
    assert (broker.epoch, broker.registered_at) == (offset, offset + 2)


def test_an_unregistered_broker_is_forgotten() -> None:
    council = Council(3)
    council.create("orders", [[1, 2, 3]], min_isr=2)
    council.controller.unregister_broker(UnregisterBrokerRequest(broker_id=1), council.now)
    assert 1 not in council.image.brokers
    assert council.partition("orders").isr == (2, 3)
    with pytest.raises(ApiError) as error:
        council.controller.unregister_broker(UnregisterBrokerRequest(broker_id=1), council.now)
    assert error.value.code == ErrorCode.BROKER_ID_NOT_REGISTERED


def test_only_an_active_controller_registers() -> None:
    council = Council()
    council.controller.deactivate()
    assert refused(council, 1) == ErrorCode.NOT_CONTROLLER


def test_a_controller_whose_quorum_has_no_leader_any_more_decides_nothing() -> None:
    council = Council(3)
    plan = council.controller.plan()
    council.tape.is_leader = False
    assert refused(council, 1) == ErrorCode.NOT_CONTROLLER
    assert council.controller.deadline() is None
    with pytest.raises(ApiError):
        council.controller.submit(plan, council.now)
    council.tape.is_leader = True
    council.tape.epoch += 2
    assert refused(council, 1) == ErrorCode.NOT_CONTROLLER, "others have led it meanwhile"
