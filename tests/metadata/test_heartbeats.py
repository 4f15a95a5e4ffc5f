"""Heartbeats: fencing, unfencing, controlled shutdown (after BrokerHeartbeatManagerTest)."""

from __future__ import annotations

import pytest

from broker.metadata.topics import NewTopic, plan_topic
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.metadata_records import (
    BrokerRegistrationChangeRecord,
    PartitionChangeRecord,
)
from tests.metadata.council import Council, directory


@pytest.fixture
def council() -> Council:
    council = Council(3)
    council.create("orders", [[1, 2, 3]], min_isr=2)
    return council


def is_fenced(council: Council, broker_id: int) -> bool:
    return council.image.brokers[broker_id].fenced


def test_a_broker_is_unfenced_once_it_knows_of_its_own_registration() -> None:
    council = Council()
    council.register(1)
    at = council.image.brokers[1].registered_at
    answer = council.heartbeat(1, current_metadata_offset=at - 1)
    assert (answer.is_caught_up, answer.is_fenced) == (False, True)
    answer = council.heartbeat(1, current_metadata_offset=at, want_fence=True)
    assert (answer.is_caught_up, answer.is_fenced) == (True, True)
    answer = council.heartbeat(1, current_metadata_offset=at)
    assert (answer.is_caught_up, answer.is_fenced) == (True, False)
    assert not is_fenced(council, 1)


def test_a_heartbeat_that_changes_nothing_writes_nothing(council: Council) -> None:
    end = council.tape.log_end_offset
    for _ in range(3):
        council.heartbeat(2)
    assert council.tape.log_end_offset == end


def test_a_heartbeat_from_an_earlier_life_is_turned_away(council: Council) -> None:
    for epoch in (council.epochs[1] - 1, council.epochs[1] + 1):
        with pytest.raises(ApiError) as error:
            council.heartbeat(1, broker_epoch=epoch)
        assert error.value.code == ErrorCode.STALE_BROKER_EPOCH
    council.epochs[8] = 0
    with pytest.raises(ApiError) as error:
        council.heartbeat(8)
    assert error.value.code == ErrorCode.STALE_BROKER_EPOCH


def test_a_silent_broker_is_fenced_and_another_leads(council: Council) -> None:
    council.silence(1)
    assert is_fenced(council, 1)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.leader_epoch) == (2, (2, 3), 1)


def test_the_partitions_change_before_the_broker_is_marked(council: Council) -> None:
    offset = council.tape.log_end_offset
    council.silence(1)
    mark = council.since(offset)[-1]
    assert isinstance(mark, BrokerRegistrationChangeRecord)
    assert mark.fenced == 1


def test_a_broker_that_speaks_up_in_time_is_not_fenced(council: Council) -> None:
    council.wait(10 * council.config.broker_session_timeout_ms)
    assert not any(is_fenced(council, broker_id) for broker_id in (1, 2, 3))


def test_silence_is_measured_on_the_controllers_own_clock(council: Council) -> None:
    timeout_us = council.config.broker_session_timeout_ms * 1000
    council.mono_us += timeout_us
    council.controller.run(council.now)
    assert not is_fenced(council, 1)
    council.mono_us += 1
    council.controller.run(council.now)
    assert is_fenced(council, 1), "one at a time, the effect of each before the next"
    assert not is_fenced(council, 2)


def test_a_new_controller_gives_everybody_a_fresh_session(council: Council) -> None:
    council.silent.add(1)
    council.wait(council.config.broker_session_timeout_ms - 1)
    council.fail_over()
    council.wait(council.config.broker_session_timeout_ms - 1)
    assert not is_fenced(council, 1)
    council.wait(2)
    assert is_fenced(council, 1)


def test_who_led_the_quorum_before_was_silent_before_it_was_deposed(council: Council) -> None:
    """So a broker that dies together with its controller is fenced in well under two seconds."""
    council.silent.add(1)
    council.fail_over(deposed=1)
    silence_ms = council.config.controller_quorum_fetch_timeout_ms
    council.wait(council.config.broker_session_timeout_ms - silence_ms + 1)
    assert is_fenced(council, 1)
    assert council.partition("orders").leader == 2


def test_a_deposed_leader_that_lives_has_the_time_to_say_so(council: Council) -> None:
    council.fail_over(deposed=1)
    council.wait(2 * council.config.broker_session_timeout_ms)
    assert not is_fenced(council, 1)


def hang_up(council: Council, broker_id: int) -> None:
    council.controller.broker_hung_up(broker_id, council.now)


def test_a_broker_whose_connection_ends_gets_the_time_of_one_heartbeat(council: Council) -> None:
    council.silent.add(1)
    hang_up(council, 1)
    council.wait(council.config.broker_heartbeat_interval_ms)
    assert not is_fenced(council, 1)
    council.wait(1)
    assert is_fenced(council, 1)
    assert not any(is_fenced(council, broker_id) for broker_id in (2, 3))


def test_a_connection_that_ends_lengthens_no_session(council: Council) -> None:
    council.silent.add(1)
    council.wait(council.config.broker_session_timeout_ms - 1)
    hang_up(council, 1)
    council.wait(2)
    assert is_fenced(council, 1)


def test_a_broker_that_comes_on_another_connection_is_as_alive_as_before(
    council: Council,
) -> None:
    hang_up(council, 1)
    council.wait(2 * council.config.broker_session_timeout_ms)
    assert not is_fenced(council, 1)
    council.controller.deactivate()
    hang_up(council, 1)


def test_a_fenced_broker_that_speaks_again_is_unfenced(council: Council) -> None:
    council.silence(1)
    assert not council.heartbeat(1).is_fenced
    assert not is_fenced(council, 1)
    assert council.partition("orders").leader == 2, "who leads goes on leading"


def test_a_broker_may_ask_to_be_fenced(council: Council) -> None:
    assert council.heartbeat(1, want_fence=True).is_fenced
    assert is_fenced(council, 1)
    assert council.partition("orders").isr == (2, 3)


# -- controlled shutdown (KIP-841) ----------------------------------------------------------------


def test_a_broker_that_leads_nothing_may_stop_at_once(council: Council) -> None:
    answer = council.heartbeat(3, want_shut_down=True)
    assert (answer.should_shut_down, answer.is_fenced) == (True, True)
    assert is_fenced(council, 3)
    assert council.partition("orders").isr == (1, 2)


def test_a_leader_hands_over_and_stops_when_all_others_know(council: Council) -> None:
    answer = council.heartbeat(1, want_shut_down=True)
    assert (answer.should_shut_down, answer.is_fenced) == (False, False)
    broker = council.image.brokers[1]
    assert broker.in_controlled_shutdown
    assert not broker.fenced
    partition = council.partition("orders")
    assert (partition.leader, partition.isr) == (2, (2, 3))
    assert not council.heartbeat(1, want_shut_down=True).should_shut_down
    council.heartbeat(2)
    assert not council.heartbeat(1, want_shut_down=True).should_shut_down, "3 does not know yet"
    council.heartbeat(3)
    assert council.heartbeat(1, want_shut_down=True).should_shut_down
    assert is_fenced(council, 1)


def test_a_broker_in_controlled_shutdown_joins_no_isr_and_gets_no_replicas(
    council: Council,
) -> None:
    council.heartbeat(1, want_shut_down=True)
    assert council.alter_isr("orders", [2, 3, 1]).error_code == ErrorCode.INELIGIBLE_REPLICA
    council.create("clicks", [[1, 2]])
    assert council.partition("clicks").isr == (2,)


def test_the_last_replica_leads_until_the_end_and_stays_eligible() -> None:
    council = Council(1)
    council.create("orders", [[1]])
    council.heartbeat(1, want_shut_down=True)
    assert council.heartbeat(1, want_shut_down=True).should_shut_down
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (-1, (), (1,))
    council.come_back(1)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (1, (1,), ())
    assert partition.recovery == 0


def test_a_controlled_shutdown_goes_on_under_another_controller(council: Council) -> None:
    council.heartbeat(1, want_shut_down=True)
    council.fail_over()
    assert council.heartbeat(1, want_shut_down=True).should_shut_down, "it leads nothing"


def test_a_new_life_is_not_in_controlled_shutdown(council: Council) -> None:
    council.heartbeat(1, want_shut_down=True)
    council.heartbeat(2)
    council.heartbeat(3)
    council.heartbeat(1, want_shut_down=True)
    council.come_back(1)
    broker = council.image.brokers[1]
    assert (broker.fenced, broker.in_controlled_shutdown) == (False, False)


def test_a_fenced_broker_may_stop_at_once(council: Council) -> None:
    council.silence(1)
    assert council.heartbeat(1, want_shut_down=True).should_shut_down


# -- disks (KIP-858, KIP-1066) --------------------------------------------------------------------


def test_a_broker_whose_disk_failed_leaves_the_isrs_of_what_lay_there() -> None:
    council = Council(2)
    first, second = b"disk-1".rjust(16, b"d"), b"disk-2".rjust(16, b"d")
    council.join(3, log_dirs=[first, second])
    council.create("orders", [[3, 1]])
    topic = council.controller.latest.topics["orders"]
    plan = council.controller.plan()
    plan.add(
        [
            PartitionChangeRecord(
                partition_id=0, topic_id=topic.topic_id, directories=[first, bytes(14) + b"\1\1"]
            )
        ]
    )
    council.controller.submit(plan, council.now)
    council.heartbeat(3, offline_log_dirs=[first])
    partition = council.partition("orders")
    assert (partition.leader, partition.isr) == (1, (1,))
    assert council.image.brokers[3].directories == (second,)


def test_a_broker_whose_disks_take_nothing_new_gets_nothing_new() -> None:
    council = Council(2)
    council.heartbeat(1, cordoned_log_dirs=[directory(1)])
    plan = council.controller.plan()
    records = plan_topic(plan.image, council.config, NewTopic("orders", 4, 1), bytes(16))
    plan.add(records)
    assert {p.leader for p in plan.image.topics["orders"].partitions} == {2}
    council.heartbeat(1, cordoned_log_dirs=[])
    assert not council.image.brokers[1].all_cordoned
