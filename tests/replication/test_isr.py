"""Who is in sync: shrinking, expanding, and what the leader believes until the controller answers.

KIP-497 (AlterPartition), KIP-841 and KIP-903 (who may not join), KIP-966 (min.insync.replicas).
"""

from __future__ import annotations

import pytest

from broker.wire.errors import ErrorCode
from tests.replication.table import Table

LAG_MS = 30_000


def silent_third(**configs: object) -> Table:
    """Three replicas in sync, of which the third hears nothing from its leader any more."""
    table = Table()
    table.create("orders", **configs)
    table.produce("orders", "a")
    table.cut(1, 3)
    return table


# -- shrinking ------------------------------------------------------------------------------------


def test_a_follower_that_is_behind_for_too_long_is_taken_out() -> None:
    table = silent_third()
    sent = table.send("orders", "b", timeout_ms=60_000)
    table.wait(LAG_MS - 1000)
    assert (table.isr(), table.result(sent)) == ((1, 2, 3), None)
    table.wait(1100)
    assert table.isr() == (1, 2)
    assert table.result(sent).error_code == 0


def test_a_follower_that_has_everything_is_not_behind_however_long_it_is_silent() -> None:
    table = silent_third()
    table.wait(10 * LAG_MS)
    assert table.isr() == (1, 2, 3)
    assert table.asked == []


def test_a_busy_leader_does_not_lose_a_follower_that_keeps_up() -> None:
    """Its fetch never reaches the end, for something new is always there by then."""
    table = Table()
    table.create("orders")
    for number in range(100):
        table.send("orders", str(number))
        for _ in range(3):
            table.step()
        table.mono_us += LAG_MS * 100
    table.wait(100)
    assert table.isr() == (1, 2, 3)


def test_who_is_to_leave_counts_until_the_controller_has_said_so() -> None:
    """If the high watermark moved before, and the controller refused, the one it still counts as in
    sync could be elected without the record."""
    table = silent_third()
    table.controller_answers = False
    sent = table.send("orders", "b", timeout_ms=120_000)
    table.wait(LAG_MS + 1000)
    assert len(table.asked) == 1
    assert table.at(1).maximal_isr == (1, 2, 3)
    assert table.result(sent) is None
    table.controller_answers = True
    table.wait(3000)
    assert table.at(1).maximal_isr == (1, 2)
    assert table.result(sent).error_code == 0


def test_a_request_that_got_no_answer_is_sent_again() -> None:
    table = silent_third()
    table.controller_answers = False
    table.send("orders", "b")
    table.wait(LAG_MS + 10_000)
    assert 4 <= len(table.asked) <= 6
    assert len({str(body) for body in table.asked}) == 1


# -- expanding ------------------------------------------------------------------------------------


def shrunk() -> Table:
    table = silent_third()
    table.send("orders", "b")
    table.wait(LAG_MS + 1000)
    assert table.isr() == (1, 2)
    return table


def test_a_follower_that_has_caught_up_comes_back() -> None:
    table = shrunk()
    table.heal()
    table.wait(1000)
    assert table.isr() == (1, 2, 3)
    assert table.logs() == [["a", "b"]] * 3


def test_a_newcomer_counts_as_soon_as_it_was_asked_for() -> None:
    """The controller may have elected it before we hear that it agreed."""
    table = shrunk()
    table.controller_answers = False
    table.heal()
    table.wait(1000)
    assert table.at(1).isr == (1, 2)
    assert table.at(1).maximal_isr == (1, 2, 3)
    table.cut(1, 3)
    table.send("orders", "c")
    table.wait(5000)
    assert table.at(1).high_watermark == 2


def test_a_fenced_broker_is_not_asked_for() -> None:
    table = shrunk()
    table.fence(3)
    asked = len(table.asked)
    table.heal()
    table.wait(2000)
    assert (table.log(3), table.isr(), len(table.asked)) == (["a", "b"], (1, 2), asked)
    table.fence(3, fenced=False)
    table.wait(1000)
    assert table.isr() == (1, 2, 3)


def test_a_fetch_from_an_earlier_run_does_not_count() -> None:
    """KIP-903: what the earlier run had in its log, the new one may have lost."""
    table = shrunk()
    table.heal()
    table.deaf.add(3)
    table.register(3)
    desk = table.desks[3]
    desk.replicas.set_controller(100, desk.epoch - 1, table.now)
    table.desks[3].replicas.around.broker_epoch = 0
    table.wait(1000)
    follower = table.at(1).followers[3]
    assert follower.log_end_offset == 1
    assert table.isr() == (1, 2)


def test_a_refusal_goes_back_to_what_was_confirmed() -> None:
    """INELIGIBLE_REPLICA: the controller knows our state, and that the replica may not join."""
    table = shrunk()
    table.deaf.add(1)
    table.fence(3)
    table.heal()
    table.wait(300)
    assert table.isr() == (1, 2)
    assert table.at(1).pending is None
    assert table.at(1).maximal_isr == (1, 2)


def test_what_was_refused_is_asked_for_again_soon_whoever_else_is_behind() -> None:
    table = shrunk()
    table.cut(1, 2)
    table.send(
        "orders", "c"
    )  # the second is looked at when it was behind for long: in half a minute
    table.deaf.add(1)
    table.fence(3)
    table.cuts.discard(frozenset((1, 3)))
    table.wait(300)
    assert (table.isr(), table.at(1).pending) == ((1, 2), None)
    table.fence(3, fenced=False)
    table.wait(1000)
    assert table.isr() == (1, 2, 3)


def test_who_is_overtaken_by_the_metadata_waits_for_them() -> None:
    """INVALID_UPDATE_VERSION: somebody else has changed the partition; we count with everybody who
    may be in sync until we know how."""
    table = shrunk()
    table.deaf.add(1)
    table.change("orders", adding_replicas=[])
    table.heal()
    table.wait(1000)
    assert table.at(1).maximal_isr == (1, 2, 3)
    assert table.isr() == (1, 2)
    asked = len(table.asked)
    table.deaf.clear()
    table.tell()
    table.wait(1000)
    assert len(table.asked) == asked + 1
    assert table.isr() == (1, 2, 3)


def test_an_answer_that_was_overtaken_is_ignored() -> None:
    table = silent_third()
    table.send("orders", "b")
    table.mono_us += (LAG_MS + 1000) * 1000
    desk = table.desks[1]
    desk.replicas.run(table.now)
    proposal = table.at(1).pending
    assert proposal is not None
    table.elect("orders", 1)
    assert table.at(1).pending is not proposal
    table.settle()
    assert table.at(1).isr == table.isr()


def test_a_new_replica_has_to_reach_the_epoch_of_its_leader() -> None:
    """Between the high watermark that a new leader knows and the start of its epoch there may be
    records that were acknowledged under the one before. Who lacks them must not join."""
    table = Table()
    table.cut(1, 3)
    table.cut(2, 3)
    table.create("orders", isr=(1, 2))
    table.produce("orders", "a", "b")
    table.crash(1)
    assert table.at(2).high_watermark == 0
    table.elect("orders", 2, isr=[2])
    assert table.at(2).epoch_start_offset == 2
    table.at(2).high_watermark = 0
    table.cuts.clear()
    # The third has nothing: it fetches from 0, which is the high watermark, and is not let in.
    table.step()
    assert table.isr() == (2,)
    table.wait(1000)
    assert table.isr() == (2, 3)
    assert table.log(3) == ["a", "b"]


def test_changes_of_many_partitions_travel_together() -> None:
    table = Table()
    table.create("orders", partitions=20)
    table.cut(1, 3)
    for index in range(20):
        table.send("orders", "a", index=index)
    table.wait(LAG_MS + 1000)
    assert len(table.asked) <= 2
    assert all(table.isr(index=index) == (1, 2) for index in range(20))


# -- min.insync.replicas --------------------------------------------------------------------------


def test_too_few_in_sync_are_refused_before_the_append() -> None:
    table = Table()
    table.cut(1, 2)
    table.cut(1, 3)
    table.create("orders", isr=(1,), min_insync_replicas=2)
    answer = table.produce("orders", "a")
    assert answer.error_code == ErrorCode.NOT_ENOUGH_REPLICAS
    assert table.log(1) == []


def test_the_high_watermark_stands_while_too_few_are_in_sync() -> None:
    """With acks=1 the leader still writes; but nobody may read what could be lost with it."""
    table = Table()
    table.cut(1, 2)
    table.cut(1, 3)
    table.create("orders", isr=(1,), min_insync_replicas=2)
    assert table.produce("orders", "a", acks=1).error_code == 0
    assert table.at(1).high_watermark == 0
    table.heal()
    table.wait(1000)
    assert table.isr() == (1, 2, 3)
    assert table.at(1).high_watermark == 1


def test_a_topic_with_fewer_replicas_than_its_minimum_can_be_written_to() -> None:
    table = Table()
    table.create("orders", replicas=(1,), min_insync_replicas=2)
    assert table.produce("orders", "a").error_code == 0


def test_too_few_after_the_append_are_told_as_such() -> None:
    """The batch is in the log and may survive; the client must not take it for refused."""
    table = Table()
    table.create("orders", min_insync_replicas=2)
    table.cut(1, 2)
    table.cut(1, 3)
    sent = table.send("orders", "a")
    table.wait(900)
    partition = table.at(1)
    # Both others have just copied it, and are taken out of sync in the same moment.
    for follower in partition.followers.values():
        follower.log_end_offset = 1
    table.desks[1].replicas.advance(partition, table.now)
    partition.isr = (1,)
    table.settle()
    assert table.result(sent).error_code == ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND


@pytest.mark.parametrize("acks", [1, -1])
def test_whoever_waits_at_a_leader_that_is_one_no_longer_is_told(acks: int) -> None:
    table = Table()
    table.create("orders")
    table.cut(1, 2)
    table.cut(1, 3)
    sent = table.send("orders", "a", acks=acks)
    table.elect("orders", 2)
    table.settle()
    expected = ErrorCode.NONE if acks == 1 else ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert table.result(sent).error_code == expected


def test_a_replica_that_keeps_up_is_waited_for_even_before_it_is_in_sync() -> None:
    """Else the high watermark would run ahead of it at the leader's own pace, for ever. If it keeps
    up no more, nothing has to happen for the others to go on without it."""
    table = Table()
    table.controller_answers = False
    table.create("orders", isr=(1, 2))
    table.produce("orders", "a")
    # The change was dropped: the third has been at the end, and is not in sync yet.
    table.at(1).pending = None
    table.cut(1, 3)
    sent = table.send("orders", "b", timeout_ms=60_000)
    table.wait(1000)
    assert table.at(1).maximal_isr == (1, 2)
    assert table.at(1).high_watermark == 1
    table.wait(LAG_MS)
    assert table.result(sent).error_code == 0


def test_with_a_lower_minimum_what_is_there_is_committed() -> None:
    table = Table()
    table.cut(1, 2)
    table.cut(1, 3)
    table.create("orders", isr=(1,), min_insync_replicas=2)
    table.produce("orders", "a", acks=1)
    assert table.at(1).high_watermark == 0
    table.configure("orders", min_insync_replicas=1)
    assert table.at(1).high_watermark == 1


def test_who_was_silent_and_is_heard_again_joins_though_it_has_nothing_new_to_say() -> None:
    """It was paused for too long, and fetches on in its session, which names no partition: that it
    lives is the news."""
    table = Table()
    table.create("orders", min_insync_replicas=1)
    table.produce("orders", "a")
    follower = table.at(1).followers[3]
    table.change("orders", isr=[1, 2])
    follower.poll.at_us -= 2 * LAG_MS * 1000
    follower.fetched_us = follower.poll.at_us
    table.at(1).pending = None
    table.wait(1000)
    assert set(table.isr()) == {1, 2, 3}


def test_a_fetch_that_comes_late_is_put_right_by_the_next_one() -> None:
    """A follower gave up a connection, and what it had sent there arrives after newer fetches. It
    says that the follower is behind; the session names no partition that is as it was, and still
    speaks for it."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.wait(1000)  # until the followers know that it is committed, and name nothing any more
    late = next(body for sender, body in table.fetches if sender == 3 and body.topics)
    table.fence(3)
    table.change("orders", isr=[1, 2])
    table.ask(1, late, 18)
    assert table.at(1).followers[3].log_end_offset == 0
    table.desks[1].replicas.disconnected(-1)
    table.fence(3, fenced=False)
    table.wait(1000)
    assert table.isr() == (1, 2, 3)


def test_who_registers_anew_and_fetches_on_may_join_in_its_new_run() -> None:
    """It was taken for dead and fenced by a late word of an earlier life. What it has it says under
    another broker epoch from then on, and only what is said in the present run counts (KIP-903)."""
    table = Table()
    table.create("orders")
    table.produce("orders", "a")
    table.wait(1000)  # until the followers know that it is committed, and name nothing any more
    table.fence(3)
    table.change("orders", isr=[1, 2])
    table.register(3)
    table.wait(1000)
    assert table.isr() == (1, 2, 3)
