"""The invariants, checked: which losses are allowed, and what must hold of the quorum."""

from __future__ import annotations

from broker.log.checkpoints import write_clean_shutdown
from broker.log.config import FOREVER, LogConfig
from broker.wire.messages import metadata_records as m
from broker.wire.records import build_batch
from tests.sim.checked import NOW, A, B, C, Trio, committed

# -- losses --------------------------------------------------------------------------------------


def test_what_all_in_sync_replicas_lost_with_the_power_is_gone_and_named() -> None:
    trio = committed(A)
    trio.sent(A, 0)
    for i in (1, 2, 3):
        trio.lose_power(i)
    for i in (1, 2, 3):
        trio.start(i)
    trio.change(leader=2)
    trio.role(2, leads=True, epoch=1)
    trio.write(B, epoch=1)
    trio.commit(1)
    assert trio.in_the_end() == ["acknowledged record lost?"]
    assert trio.findings[0].text == (
        "A=created at offset 0 of orders-0 was acknowledged to shop and is not there: the power "
        "went before it was flushed, and without flush.messages that is left to the other replicas"
    )


def test_what_one_in_sync_replica_still_has_is_not_to_be_lost() -> None:
    trio = committed(A)
    trio.lose_power(2)
    trio.lose_power(3)
    trio.hosts[1].halt("crashed")
    trio.start(2)
    trio.change(leader=2)
    trio.role(2, leads=True, epoch=1)
    assert trio.kinds() == ["leader completeness"]


def test_eligible_replicas_that_have_all_crashed_may_have_lost_something() -> None:
    """Broker 2 lost power, and broker 1 comes back from a crash: who knows what it still has?"""
    for crashed, kinds in (([1, 2], ["leader completeness?"]), ([2], ["leader completeness"])):
        trio = Trio(2)
        trio.write(A)
        trio.commit(1)
        trio.change(leader=-1, isr=[], eligible_leader_replicas=[1, 2])
        trio.lose_power(2)
        trio.world.idle_until(5)
        for i in crashed:
            trio.start(i)
            trio.look(i)
        trio.change(eligible_leader_replicas=[1], last_known_elr=[2])
        trio.change(eligible_leader_replicas=[], last_known_elr=[2])
        trio.change(leader=2, isr=[2], leader_recovery_state=1)
        trio.role(2, leads=True, epoch=2)
        assert trio.kinds() == kinds


def test_a_replica_out_of_sync_saves_nobody() -> None:
    trio = Trio()
    trio.change(isr=[1])
    trio.write(A)
    trio.commit(1)
    trio.lose_power(1)
    trio.start(1)
    trio.change(leader=1)
    trio.role(1, leads=True, epoch=1)
    trio.write(B, 1, epoch=1)
    trio.commit(1, 1)
    assert trio.in_the_end() == []


def test_what_a_replica_out_of_sync_loses_is_not_what_the_cluster_loses() -> None:
    """Broker 3 has lost all; broker 1 has it, but has crashed, and is not trusted. Broker 2, out of
    sync, loses its part later: what it lacked is to be named as well when broker 3 leads."""
    lost = "acknowledged record lost?"
    for crashed, kinds in (
        (True, ["leader completeness?", lost, lost]),
        (False, ["leader completeness", "unseen", "unseen"]),
    ):
        trio = committed(A)
        trio.sent(A, 0)
        trio.change(isr=[1, 3])
        trio.write(B, 1, 3)
        trio.commit(2, 1, 3)
        trio.sent(B, 1)
        trio.lose_power(3)
        if crashed:
            trio.world.idle_until(5)
            trio.start(1)
            trio.look(1)
        trio.change(leader=3, isr=[3])
        trio.lose_power(2)
        trio.start(3)
        trio.look(3)
        trio.change(leader=-1, isr=[], last_known_elr=[3])
        trio.change(leader=3, isr=[3], leader_recovery_state=1)
        trio.role(3, leads=True, epoch=3)
        assert trio.in_the_end() == kinds


def test_a_lost_power_counts_until_the_controller_knows_of_it() -> None:
    """The broker is back with less than it had, and not registered again yet."""
    for registered, wrong in ((False, []), (True, ["in-sync replica behind"])):
        trio = committed(A)
        trio.lose_power(3)
        trio.start(3)
        if registered:
            trio.metadata(m.RegisterBrokerRecord(broker_id=3, broker_epoch=9, fenced=False))
        trio.change(isr=[3, 2, 1])
        assert trio.kinds() == wrong


def test_flush_messages_limits_what_the_power_may_take() -> None:
    for count, kinds in ((1, ["acknowledged record lost?"]), (2, ["unseen"])):
        trio = Trio(1, LogConfig(flush_messages=2 if count == 1 else 1))
        for offset, content in enumerate((A, B)[-count:]):
            trio.write(content)
            trio.sent(content, offset)
        trio.commit(count)
        trio.lose_power(1)
        trio.start(1)
        trio.change(leader=1)
        trio.role(1, leads=True, epoch=1)
        assert trio.in_the_end()[-1:] == kinds


def test_rot_excuses_what_lies_behind_it_on_the_only_copy() -> None:
    trio = Trio(1)
    for offset, content in enumerate((A, B, C)):
        trio.write(content)
        trio.sent(content, offset)
    trio.commit(3)
    host = trio.hosts[1]
    trio.invariants.bit_is_flipped(host, ("orders", 0), 1)
    path = "orders-0/00000000000000000000.log"
    host.disk.flip_bit(path, host.disk.size(path) // 3 + 70, 1)
    trio.start(1)
    trio.partition(1).high_watermark = trio.partition(1).last_stable_offset = 1
    trio.change(leader=1)
    trio.role(1, leads=True, epoch=1)
    assert trio.in_the_end() == ["acknowledged record lost?"] * 2


def rots(trio: Trio, i: int) -> None:
    """A broker dies, and a bit of the first batch in its log rots before it is back."""
    host = trio.hosts[i]
    host.halt("crashed")
    trio.invariants.bit_is_flipped(host, ("orders", 0), 0)
    host.disk.flip_bit("orders-0/00000000000000000000.log", 70, 1)
    trio.invariants.settle()
    trio.start(i)


def test_what_rots_on_one_replica_counts_until_the_controller_knows_of_it() -> None:
    for registered, wrong in ((False, []), (True, ["in-sync replica behind"])):
        trio = committed(A)
        rots(trio, 3)
        assert trio.partition(3).log.log_end_offset == 0
        if registered:
            trio.metadata(m.RegisterBrokerRecord(broker_id=3, broker_epoch=9, fenced=False))
        trio.change(isr=[3, 2, 1])
        assert trio.kinds() == wrong


def test_what_rots_on_one_replica_is_not_to_be_lost() -> None:
    trio = committed(A)
    rots(trio, 3)
    trio.change(leader=3)
    trio.role(3, leads=True, epoch=1)
    assert trio.kinds() == ["leader completeness"]


def power_goes(trio: Trio, i: int = 1, *, without: str = "", synced: bool = True) -> None:
    """Nothing was synced on a broker, and all of it is on its disk, but for one segment."""
    host = trio.hosts[i]
    trio.invariants.power_is_lost(host)
    if without:
        host.disk.truncate(f"orders-0/{without}.log", 0)
    if synced:
        host.disk.sync(
            ["", "orders-0", *(f"orders-0/{name}" for name in host.disk.list("orders-0"))]
        )
    host.halt("crashed")
    trio.invariants.settle()


def leads_again(trio: Trio, i: int = 1, epoch: int = 1) -> None:
    """A broker is back, and elected."""
    trio.start(i)
    trio.change(leader=i)
    trio.role(i, leads=True, epoch=epoch)


def in_segments(brokers: int, flush_messages: int = FOREVER) -> Trio:
    """Two records, each in a segment of its own."""
    trio = Trio(brokers, LogConfig(segment_bytes=100, flush_messages=flush_messages))
    for offset, content in enumerate((A, B)):
        trio.write(content)
        trio.sent(content, offset)
    trio.commit(2)
    return trio


def test_a_log_ends_at_a_gap_however_lucky_the_next_segment_was() -> None:
    trio = in_segments(1)
    power_goes(trio, without=f"{0:020}")
    leads_again(trio)
    assert trio.partition(1).log.log_end_offset == 0
    trio.write(C, epoch=1)
    trio.sent(C, 0)  # it was sent after B, and B does not stand behind it: B is gone
    trio.commit(1)
    assert trio.in_the_end() == ["acknowledged record lost?"] * 2


def test_what_has_no_gap_before_it_is_not_to_be_lost() -> None:
    trio = in_segments(1)
    power_goes(trio)
    trio.start(1)
    trio.cut(1, 1)
    trio.change(leader=1)
    trio.role(1, leads=True, epoch=1)
    trio.write(C, epoch=1)
    trio.sent(C, 1)
    trio.commit(2)
    assert trio.in_the_end()[:2] == ["leader completeness", "inconsistent offset"]


def test_a_gap_on_one_disk_is_no_excuse_while_another_has_it_all() -> None:
    trio = in_segments(2)
    power_goes(trio, without=f"{0:020}")
    trio.hosts[2].halt("crashed")
    leads_again(trio)
    assert trio.kinds() == ["leader completeness"]


def test_what_stood_behind_a_lost_record_is_lost_with_it() -> None:
    """All three lose power: broker 1 loses all, broker 2 nothing, broker 3 only B. Whoever lost
    power is not trusted, so broker 2 is of no help when broker 3 loses A the next time. Nothing
    was synced; but if B was to be flushed with A, broker 3 may not lose it."""
    lost, sent_behind = "acknowledged record lost?", "external nonmonotonic send?"
    for limit, kinds in ((3, [lost, lost]), (2, ["unseen", sent_behind, lost])):
        trio = in_segments(3, flush_messages=limit)
        trio.lose_power(1)
        power_goes(trio, 2)
        power_goes(trio, 3, without=f"{1:020}", synced=False)
        trio.start(3)
        trio.change(leader=-1, isr=[3], eligible_leader_replicas=[1])
        trio.lose_power(3)
        leads_again(trio, 3, epoch=2)
        trio.write(C, 3, epoch=2)
        trio.sent(C, 0)
        trio.commit(1, 3)
        assert trio.in_the_end() == kinds


def test_where_nothing_was_committed_there_is_no_gap() -> None:
    """Compaction has taken offset 0. What comes behind it is on the disk, and has to stay."""
    trio = Trio(1, LogConfig(cleanup_policy=("compact",)))
    for offset, content in enumerate((A, B), 1):
        batch = build_batch([(0, *content, ())], base_offset=offset)
        trio.partition(1).log.append_as_follower(batch, NOW)
        trio.sent(content, offset)
    trio.commit(3)
    power_goes(trio)
    trio.start(1)
    trio.cut(1, 1)
    trio.change(leader=1)
    trio.role(1, leads=True, epoch=1)
    assert trio.in_the_end() == ["leader completeness", "unseen", "unseen"]


def test_an_offset_whose_record_was_lost_may_be_given_anew() -> None:
    trio = Trio(1)
    trio.write(A)
    trio.commit(1)
    trio.read(A, 0)
    trio.lose_power(1)
    trio.start(1)
    trio.change(leader=1)
    trio.role(1, leads=True, epoch=1)
    trio.write(B, epoch=1)
    trio.commit(1)
    trio.read(B, 0)
    trio.read(A, 0)  # fetched long ago, and handled only now
    assert trio.in_the_end() == ["consumed record lost?"]


def test_what_was_lost_and_sent_again_is_not_to_be_lost_once_more() -> None:
    for kept, kinds in ((True, []), (False, ["unseen"])):
        trio = Trio(1)
        trio.write(A)
        trio.commit(1)
        trio.lose_power(1)
        leads_again(trio)
        trio.write(A, epoch=1)
        trio.commit(1)
        trio.sent(A, 0)
        if not kept:
            trio.role(1, leads=False)
            trio.cut(1, 0)
            trio.change(leader=1)
            trio.role(1, leads=True, epoch=2)
        assert trio.in_the_end()[-1:] == kinds


def test_who_was_closed_in_order_on_a_disk_that_lied_vouches_for_what_it_has_lost() -> None:
    """Others have it still, and nobody asks them. Neither a marker alone nor a lie alone does."""
    for marked, lies, excused in ((True, True, "?"), (False, True, ""), (True, False, "")):
        trio = committed(A)
        disk = trio.hosts[2].disk
        disk.sync(["", "orders-0"])
        if marked:
            write_clean_shutdown(disk, 2)
        disk.lies = "records" if lies else ""
        trio.lose_power(2)
        disk.repair()
        trio.start(2)
        trio.change(leader=2)
        trio.role(2, leads=True, epoch=1)
        assert trio.kinds() == ["leader completeness" + excused]


# -- the quorum ----------------------------------------------------------------------------------


def quorum_of_three() -> Trio:
    """Broker 1 leads the quorum in epoch 1, and two of three have synced what it wrote."""
    trio = Trio()
    metadata(trio, A, 1, 2)
    lead(trio, 1, epoch=1, high_watermark=1)
    return trio


def metadata(trio: Trio, content: tuple[bytes, bytes], *on: int, epoch: int = 1) -> None:
    """Something is written to metadata logs, and synced."""
    for i in on:
        log = trio.nodes[i].quorum.log
        log.append(build_batch([(0, *content, ())]), epoch, NOW)
        log.mark_flushed(log.log_end_offset)
        trio.look(i, ("quorum",))


def lead(trio: Trio, i: int, *, epoch: int, high_watermark: int) -> None:
    """A broker leads the quorum."""
    quorum = trio.nodes[i].quorum
    quorum.is_leader, quorum.epoch, quorum.high_watermark = True, epoch, high_watermark
    trio.look(i, ("quorum",))


def test_a_quorum_that_does_as_it_should() -> None:
    trio = quorum_of_three()
    lead(trio, 2, epoch=2, high_watermark=1)
    assert trio.kinds() == []


def test_committed_metadata_are_on_a_majority() -> None:
    trio = quorum_of_three()
    metadata(trio, B, 1)
    lead(trio, 1, epoch=1, high_watermark=2)
    assert trio.kinds() == ["metadata not on a majority"]


def test_what_is_not_synced_does_not_count() -> None:
    trio = quorum_of_three()
    metadata(trio, B, 1, 2)
    trio.nodes[2].quorum.log.durability.recovery_point = 1
    trio.look(2, ("quorum",))
    lead(trio, 1, epoch=1, high_watermark=2)
    assert trio.kinds() == ["metadata not on a majority"]


def test_an_epoch_of_the_quorum_has_one_leader() -> None:
    trio = quorum_of_three()
    lead(trio, 2, epoch=1, high_watermark=1)
    assert trio.kinds() == ["two leaders"]


def test_the_epoch_of_a_voter_does_not_go_back() -> None:
    trio = quorum_of_three()
    trio.nodes[1].quorum.is_leader = False
    trio.nodes[1].quorum.epoch = 0
    trio.look(1, ("quorum",))
    assert trio.kinds() == ["quorum epoch went back"]


def test_a_leader_of_the_quorum_has_all_committed_metadata() -> None:
    trio = quorum_of_three()
    lead(trio, 3, epoch=2, high_watermark=0)
    assert trio.kinds() == ["quorum leader completeness"]
