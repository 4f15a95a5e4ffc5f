"""The invariants, checked: for each one a cluster that breaks it, and one that nearly does."""

from __future__ import annotations

from broker.wire.messages import metadata_records as m
from tests.sim.checked import A, B, C, Trio, committed


def test_a_cluster_that_does_as_it_should() -> None:
    trio = committed(A, B)
    trio.sent(A, 0)
    trio.sent(B, 1)
    trio.read(A, 0)
    trio.read(B, 1)
    assert trio.in_the_end() == []


# -- one replica ---------------------------------------------------------------------------------


def test_a_high_watermark_past_the_log_end_is_found() -> None:
    trio = Trio()
    trio.write(A)
    trio.commit(2, 1)
    assert trio.kinds() == ["offsets out of order"]
    assert "high watermark 2 and log end 1" in trio.findings[0].text


def test_a_log_start_that_goes_back_is_found() -> None:
    trio = committed(A, B)
    log = trio.partition(2).log
    for start, wrong in ((1, []), (0, ["log start went back"])):
        log.log_start_offset = start
        trio.look(2)
        assert trio.kinds() == wrong


def test_a_leaders_high_watermark_does_not_go_back() -> None:
    trio = committed(A, B)
    trio.commit(1, 1)
    assert trio.kinds() == ["high watermark went back"]


def test_a_new_leader_may_know_less_of_the_high_watermark() -> None:
    trio = Trio()
    trio.write(A)
    trio.commit(1, 1)
    trio.change(leader=2)
    trio.role(2, leads=True, epoch=1)
    assert trio.partition(2).high_watermark == 0
    assert trio.kinds() == []


# -- many replicas -------------------------------------------------------------------------------


def test_two_replicas_agree_below_their_high_watermarks() -> None:
    trio = Trio()
    trio.write(A, 1, 3)
    trio.write(B, 2)
    trio.commit(1)
    assert trio.kinds() == ["log matching"]
    assert trio.findings[0].text == (
        "broker 2 has offset 0 of epoch 0 below its high watermark of orders-0, where offset 0 of "
        "epoch 0 is committed"
    )


def test_above_their_high_watermarks_they_need_not() -> None:
    trio = committed(A)
    trio.write(B, 1)
    trio.write(C, 2, epoch=1)
    assert trio.in_the_end() == []


def test_a_follower_does_not_know_more_than_any_leader() -> None:
    trio = Trio()
    trio.write(A)
    trio.commit(1, 2)
    assert trio.findings[0].text == (
        "broker 2, a follower, has high watermark 1 for orders-0, and no leader has had more than 0"
    )


def test_two_brokers_do_not_lead_in_one_epoch() -> None:
    trio = Trio()
    trio.role(2, leads=True, epoch=0)
    assert trio.findings[0].text == "broker 1 and broker 2 both lead orders-0 in epoch 0"


def test_two_brokers_lead_in_two_epochs() -> None:
    trio = Trio()
    trio.role(2, leads=True, epoch=1)
    assert trio.kinds() == []


def test_a_leader_has_all_that_was_committed() -> None:
    trio = Trio()
    trio.write(A)
    trio.write(B, 1, 2)
    trio.commit(2, 1)
    trio.role(3, leads=True, epoch=1)
    assert trio.kinds() == ["leader completeness"]
    assert trio.findings[0].text == (
        "broker 3 was elected leader of orders-0 in epoch 1, without offset 1 of epoch 0, "
        "committed in epoch 0: A=paid at offset 1 is lost"
    )


def test_what_was_not_committed_a_leader_need_not_have() -> None:
    trio = Trio()
    trio.write(A)
    trio.write(B, 1, 2)
    trio.commit(1, 1)
    trio.role(3, leads=True, epoch=1)
    assert trio.kinds() == []


def test_a_leader_who_hears_late_of_its_epoch_need_not_have_what_came_after_it() -> None:
    trio = committed(A)
    trio.role(2, leads=True, epoch=2)
    trio.write(B, 1, 2, epoch=2)
    trio.commit(2, 2)
    trio.role(3, leads=True, epoch=1)
    assert trio.kinds() == []


def test_an_unclean_election_may_lose_records_and_is_named() -> None:
    trio = Trio(unclean_leader_election_enable="true")
    trio.sent(A, 0)
    trio.write(A, 1, 2)
    trio.commit(1, 1)
    trio.change(leader=3, isr=[3])
    trio.role(3, leads=True, epoch=1)
    trio.write(B, 3, epoch=1)
    trio.commit(1, 3)
    assert trio.in_the_end() == ["leader completeness?", "acknowledged record lost?"]


# -- in sync -------------------------------------------------------------------------------------


def test_a_member_of_the_isr_does_not_cut_off_what_is_committed() -> None:
    trio = committed(A, B)
    trio.cut(2, 1)
    assert trio.kinds() == ["in-sync replica behind"]
    assert trio.findings[0].text.endswith(
        "has cut its log back to 1, below the high watermark 2: it throws away A=paid at offset 1"
    )


def test_a_replica_out_of_sync_may_cut_as_it_likes() -> None:
    trio = committed(A, B)
    trio.change(isr=[1, 3])
    trio.cut(2, 1)
    assert trio.kinds() == []


def test_who_joins_the_isr_has_all_that_is_committed() -> None:
    trio = Trio()
    trio.change(isr=[1, 2])
    trio.write(A, 1, 2)
    trio.commit(1, 1)
    trio.change(isr=[1, 2, 3])
    assert trio.kinds() == ["in-sync replica behind"]
    assert "broker 3 counts as in sync" in trio.findings[0].text


def test_an_eligible_replica_has_all_that_is_committed() -> None:
    trio = Trio()
    trio.write(A, 1, 2)
    trio.change(isr=[1, 2], eligible_leader_replicas=[3])
    trio.commit(1, 1)
    trio.change(isr=[1], eligible_leader_replicas=[2, 3])
    assert trio.kinds() == ["in-sync replica behind"]


def test_the_high_watermark_waits_for_enough_in_sync() -> None:
    for in_sync, wrong in (((1, 2), []), ((1,), ["high watermark below min ISR"])):
        trio = Trio()
        trio.partition(1).min_isr = 2
        trio.partition(1).isr = in_sync
        trio.look(1)
        trio.write(A)
        trio.commit(1, 1)
        assert trio.kinds() == wrong


def test_a_leader_waits_for_everybody_whom_the_controller_may_elect() -> None:
    trio = Trio()
    trio.partition(1).maximal_isr = (1, 2)
    trio.look(1)
    assert trio.kinds() == ["ISR too small"]
    assert "the controller may elect [3] as well" in trio.findings[0].text


def test_a_leader_may_wait_for_more() -> None:
    trio = Trio()
    trio.change(isr=[1, 2])
    trio.look(1)
    assert trio.kinds() == []


def test_isr_and_eligible_replicas_are_different_replicas() -> None:
    for isr, elr, wrong in (([1], [2, 3], False), ([1, 2], [2], True), ([1, 4], [], True)):
        trio = Trio()
        trio.change(isr=isr, eligible_leader_replicas=elr)
        assert ("ISR and ELR" in trio.kinds()) == wrong


def test_a_fenced_broker_is_in_no_isr() -> None:
    trio = Trio()
    trio.metadata(m.FenceBrokerRecord(id=3, epoch=3))
    assert trio.kinds() == ["fenced broker in the ISR"]


def test_a_broker_is_fenced_and_leaves_the_isr_at_once() -> None:
    trio = Trio()
    trio.metadata(
        m.FenceBrokerRecord(id=3, epoch=3),
        m.PartitionChangeRecord(partition_id=0, topic_id=b"orders-and-more!", isr=[1, 2]),
    )
    assert trio.kinds() == []


# -- producers and readers -----------------------------------------------------------------------


def test_sequences_of_a_producer_are_contiguous() -> None:
    for sequence, epoch, wrong in ((1, 0, []), (0, 1, []), (2, 0, ["sequence gap"])):
        trio = Trio(1)
        trio.write(A, producer_id=5, producer_epoch=0, base_sequence=0)
        trio.partition(1).log.producers.clear(1)
        trio.write(B, producer_id=5, producer_epoch=epoch, base_sequence=sequence)
        trio.commit(2)
        assert trio.kinds() == wrong


def test_a_consumed_offset_never_changes() -> None:
    trio = committed(A)
    trio.read(A, 0)
    trio.read(A, 0)
    trio.look(1)
    assert trio.kinds() == []
    trio.read(B, 0)
    trio.look(1)
    assert trio.kinds() == ["consumed offset changed"]
    assert "reader read A=paid at offset 0 of orders-0, where A=created" in trio.findings[0].text
