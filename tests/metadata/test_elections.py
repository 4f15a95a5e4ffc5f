"""Who leads when brokers come and go (after PartitionChangeBuilderTest and
ReplicationControlManagerTest), and KIP-966: who may lead when the ISR is empty."""

from __future__ import annotations

import pytest

from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.elect_leaders import (
    PREFERRED,
    UNCLEAN,
    ElectLeadersRequest,
    TopicPartitions,
)
from broker.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.metadata.council import Council


@pytest.fixture
def council() -> Council:
    """Three brokers; a partition on each, and two of its replicas must be in sync."""
    council = Council(3)
    council.create("orders", [[1, 2, 3]], min_isr=2)
    return council


def elect(council: Council, kind: int, *places: tuple[str, int]) -> list[ErrorCode]:
    body = ElectLeadersRequest(
        election_type=kind,
        topic_partitions=[TopicPartitions(topic=t, partitions=[i]) for t, i in places] or None,
    )
    response, _ = council.controller.elect_leaders(body, council.now)
    return [
        ErrorCode(partition.error_code)
        for topic in response.replica_election_results
        for partition in topic.partition_result
    ]


# -- clean elections ------------------------------------------------------------------------------


def test_the_first_replica_in_sync_takes_over(council: Council) -> None:
    council.alter_isr("orders", [1, 3])
    council.silence(1)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr) == (3, (3,))


def test_a_follower_that_dies_changes_the_isr_and_not_the_leader_epoch(council: Council) -> None:
    before = council.partition("orders")
    council.silence(3)
    after = council.partition("orders")
    assert (after.leader, after.isr, after.leader_epoch) == (1, (1, 2), before.leader_epoch)
    assert after.partition_epoch == before.partition_epoch + 1


def test_the_next_leader_is_not_one_that_is_about_to_stop(council: Council) -> None:
    council.create("clicks", [[2, 3, 1]])
    council.heartbeat(2, want_shut_down=True)
    council.silence(1)
    assert council.partition("orders").leader == 3


# -- eligible leader replicas (KIP-966) -----------------------------------------------------------


def test_who_leaves_a_large_isr_is_not_eligible(council: Council) -> None:
    council.silence(3)
    assert council.partition("orders").elr == ()


def test_who_leaves_an_isr_that_becomes_too_small_stays_eligible(council: Council) -> None:
    council.silence(3)
    council.silence(2)
    partition = council.partition("orders")
    assert (partition.isr, partition.elr) == ((1,), (2,))


def test_an_empty_isr_has_no_leader_and_everybody_eligible_may_be_it(council: Council) -> None:
    for broker_id in (3, 2, 1):
        council.silence(broker_id)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (-1, (), (1, 2))
    assert partition.last_known_elr == (1,), "who led last"
    council.heartbeat(3)
    assert council.partition("orders").leader == -1, "3 was not in sync long before"
    council.heartbeat(2)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (2, (2,), (1,))
    assert (partition.last_known_elr, partition.recovery) == ((), 0), "nothing was lost"


def test_an_isr_that_is_large_enough_again_needs_no_eligible_ones(council: Council) -> None:
    council.silence(3)
    council.silence(2)
    council.heartbeat(3)
    assert council.alter_isr("orders", [1, 3]).error_code == 0
    assert council.partition("orders").elr == ()


def test_an_unclean_restart_is_not_eligible_any_more(council: Council) -> None:
    council.silence(3)
    council.silence(2)
    council.come_back(2, clean=False)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (1, (1,), ())


def test_a_clean_restart_stays_eligible(council: Council) -> None:
    council.silence(3)
    council.silence(2)
    council.come_back(2, clean=True)
    assert council.partition("orders").elr == (2,)


def test_the_last_replica_standing_is_not_believed_after_an_unclean_restart(
    council: Council,
) -> None:
    """KIP-966: 1 comes back without what its disk lost, while 2 still has all of it."""
    council.silence(3)
    council.silence(2)
    council.silence(1)
    council.come_back(1, clean=False)
    partition = council.partition("orders")
    assert (partition.leader, partition.elr) == (-1, (2,))
    council.come_back(2, clean=True)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.recovery) == (2, (2,), 0)


def test_if_nobody_is_eligible_the_one_that_led_last_leads_and_must_recover(
    council: Council,
) -> None:
    for broker_id in (3, 2, 1):
        council.silence(broker_id)
    council.come_back(2, clean=False)
    council.come_back(1, clean=False)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (1, (1,), ())
    assert partition.recovery == 1
    assert council.alter_isr("orders", [1, 2]).error_code == 0, "recovered, by default"
    assert council.partition("orders").recovery == 0


def test_the_settings_of_the_topic_say_when_an_isr_is_too_small() -> None:
    council = Council(3)
    council.create("loose", [[1, 2, 3]], min_isr=1)
    council.create("pair", [[1, 2]], min_isr=3)
    council.silence(2)
    assert council.partition("loose").elr == ()
    assert council.partition("pair").elr == (2,), "as if min.insync.replicas were 2"


def test_without_the_feature_the_last_member_stays_in_the_isr() -> None:
    council = Council(2)
    turn_off_elr(council)
    council.create("orders", [[1, 2]], min_isr=2)
    council.silence(2)
    council.silence(1)
    partition = council.partition("orders")
    assert (partition.leader, partition.isr, partition.elr) == (-1, (1,), ())
    council.heartbeat(2)
    assert council.partition("orders").leader == -1
    council.heartbeat(1)
    assert council.partition("orders").leader == 1


def turn_off_elr(council: Council) -> None:
    update = FeatureUpdateKey(
        feature="eligible.leader.replicas.version", max_version_level=0, upgrade_type=2
    )
    council.controller.update_features(UpdateFeaturesRequest(feature_updates=[update]), council.now)


# -- unclean elections ----------------------------------------------------------------------------


def leaderless(council: Council) -> None:
    """1 led alone; 2 and 3 live and lack what it has."""
    council.silence(2)
    council.silence(3)
    council.create("lone", [[1, 2, 3]])
    council.alter_isr("lone", [1])
    council.speak(2)
    council.speak(3)
    council.silence(1)
    assert council.partition("lone").leader == -1


def test_nobody_leads_rather_than_one_that_lacks_records(council: Council) -> None:
    leaderless(council)
    council.wait(2 * council.config.unclean_leader_election_interval_ms)
    assert council.partition("lone").leader == -1


def test_unclean_by_request(council: Council) -> None:
    leaderless(council)
    assert elect(council, UNCLEAN, ("lone", 0)) == [ErrorCode.NONE]
    partition = council.partition("lone")
    assert (partition.leader, partition.isr, partition.elr) == (2, (2,), ())
    assert partition.recovery == 1
    assert elect(council, UNCLEAN, ("lone", 0)) == [ErrorCode.ELECTION_NOT_NEEDED]


def test_unclean_by_the_topics_settings_at_once() -> None:
    council = Council(2)
    council.create("lone", [[1, 2]], unclean=True)
    council.alter_isr("lone", [1])
    council.silence(1)
    partition = council.partition("lone")
    assert (partition.leader, partition.isr, partition.recovery) == (2, (2,), 1)


def test_unclean_by_settings_that_came_too_late_at_the_next_look(council: Council) -> None:
    leaderless(council)
    council.set_config("lone", "unclean.leader.election.enable", "true")
    assert council.partition("lone").leader == -1
    council.wait(council.config.unclean_leader_election_interval_ms + 1)
    assert council.partition("lone").leader == 2


def test_an_unclean_election_prefers_who_lost_nothing(council: Council) -> None:
    council.set_config("orders", "unclean.leader.election.enable", "true")
    council.silence(3)
    council.silence(2)
    council.speak(2)
    council.speak(3)
    council.silence(1)
    partition = council.partition("orders")
    assert (partition.leader, partition.recovery) == (2, 0), "2 is eligible"


# -- preferred leaders ----------------------------------------------------------------------------


def test_the_preferred_leader_by_request(council: Council) -> None:
    council.silence(1)
    assert elect(council, PREFERRED, ("orders", 0)) == [ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE]
    council.heartbeat(1)
    council.alter_isr("orders", [2, 3, 1])
    assert elect(council, PREFERRED, ("orders", 0)) == [ErrorCode.NONE]
    assert council.partition("orders").leader == 1
    assert elect(council, PREFERRED, ("orders", 0)) == [ErrorCode.ELECTION_NOT_NEEDED]


def test_elections_for_all_tell_only_of_those_that_were_needed(council: Council) -> None:
    council.create("clicks", [[2, 3], [3, 1]])
    council.silence(1)
    council.heartbeat(1)
    council.alter_isr("orders", [2, 3, 1])
    assert elect(council, PREFERRED) == [ErrorCode.NONE]


def test_elections_of_what_is_not_there(council: Council) -> None:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert elect(council, PREFERRED, ("nothing", 0), ("orders", 7)) == [unknown, unknown]
    assert elect(council, UNCLEAN, ("orders", 0)) == [ErrorCode.ELECTION_NOT_NEEDED]
    with pytest.raises(ApiError) as error:
        elect(council, 2, ("orders", 0))
    assert error.value.code == ErrorCode.INVALID_REQUEST


def test_eligible_leaders_not_available(council: Council) -> None:
    for broker_id in (3, 2, 1):
        council.silence(broker_id)
    assert elect(council, UNCLEAN, ("orders", 0)) == [ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE]


def test_leaders_are_balanced_from_time_to_time(council: Council) -> None:
    council.silence(1)
    council.speak(1)
    council.alter_isr("orders", [2, 3, 1])
    council.wait(council.config.leader_imbalance_check_interval_seconds * 1000)
    assert council.partition("orders").leader == 1


def test_leaders_are_not_balanced_where_nobody_wants_it() -> None:
    council = Council(2, auto_leader_rebalance_enable=False)
    council.create("orders", [[1, 2]])
    council.silence(1)
    council.speak(1)
    council.alter_isr("orders", [2, 1])
    council.wait(2 * council.config.leader_imbalance_check_interval_seconds * 1000)
    assert council.partition("orders").leader == 2
