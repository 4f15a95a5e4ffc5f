"""The consumer: positions, long polls, jumps, and what happens when the log is not what it was."""

import pytest

from broker.client.cluster_view import TopicPartition
from broker.client.config import ConsumerConfig
from broker.client.positions import BEGINNING, END
from broker.wire.compression import Compression
from broker.wire.errors import ConfigError, ErrorCode
from broker.wire.messages.fetch import FetchRequest
from broker.wire.messages.metadata import MetadataRequest
from broker.wire.records import ControlType, build_batch, control_key
from tests.client.consuming import ConsumerScene, batch

ORDERS = TopicPartition("orders", 0)


def test_records_are_fetched_and_polled_in_order() -> None:
    reader = ConsumerScene(at=0)
    fetch = reader.fetch()
    assert fetch.offset == 0
    fetch.found(batch(0, "created", "paid"), batch(2, "sent"), end=3)
    assert [record.offset for record in reader.machine.records] == [0, 1, 2]
    assert reader.position() == 0, "nothing has been polled"
    assert reader.values() == ["created", "paid", "sent"]
    assert reader.position() == 3
    assert reader.machine.high_watermark("orders", 0) == 3


def test_a_record_arrives_as_it_was_sent() -> None:
    reader = ConsumerScene()
    stored = build_batch([(77, b"A", None, [("trace", b"x")])], base_offset=5)
    reader.fetch().found(bytes(stored))
    [record] = reader.poll()
    assert record == ("orders", 0, 5, 77, b"A", None, (("trace", b"x"),))


@pytest.mark.parametrize("codec", Compression)
def test_batches_are_unpacked(codec: Compression) -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, *["again and again"] * 9, compression=codec))
    assert reader.values() == ["again and again"] * 9


# -- the long poll ---------------------------------------------------------------------------------


def test_at_the_end_a_fetch_waits_at_the_broker() -> None:
    reader = ConsumerScene(fetch_min_bytes=10, fetch_max_wait_ms=400)
    fetch = reader.fetch()
    assert (fetch.request.min_bytes, fetch.request.max_wait_ms) == (10, 400)
    assert (fetch.request.session_id, fetch.request.session_epoch) == (0, -1)
    reader.pass_ms(400)
    assert reader.quiet, "the broker is waiting, and so is the reader"
    fetch.found()
    assert reader.fetch().offset == 0


def test_what_is_fetched_must_be_polled_before_there_is_more() -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, "created", "paid"))
    assert reader.quiet
    assert reader.values(max_records=1) == ["created"]
    assert reader.position() == 1
    assert reader.quiet
    assert reader.values() == ["paid"]
    assert reader.fetch().offset == 2


def test_a_poll_hands_out_no_more_than_it_is_asked_for() -> None:
    reader = ConsumerScene(max_poll_records=2)
    reader.fetch().found(batch(0, "a", "b", "c"))
    assert reader.values() == ["a", "b"]
    assert reader.values() == ["c"]
    assert reader.values() == []


def test_each_leader_has_one_fetch_with_all_of_its_partitions() -> None:
    reader = ConsumerScene({"orders": [1, 2, 1]}, [("orders", 0), ("orders", 1), ("orders", 2)])
    assert list(reader.fetch(peer=1).partitions) == [0, 2]
    assert list(reader.fetch(peer=2).partitions) == [1]
    assert reader.quiet


def test_who_got_something_goes_to_the_end_of_the_line() -> None:
    reader = ConsumerScene({"orders": [1, 1]}, [("orders", 0), ("orders", 1)])
    reader.fetch().found_in({0: batch(0, "a"), 1: b""})
    reader.poll()
    assert list(reader.fetch().partitions) == [1, 0]
    assert reader.machine.assignment == (("orders", 0), ("orders", 1))


def test_a_leader_is_asked_again_when_all_that_it_sent_is_polled() -> None:
    """A fetch for the partition beside it would be a long poll, behind which it had to wait."""
    reader = ConsumerScene({"orders": [1, 1, 2]}, [("orders", 0), ("orders", 1), ("orders", 2)])
    reader.fetch(peer=1).found_in({0: batch(0, "a", "b"), 1: b""})
    assert list(reader.fetch(peer=2).partitions) == [2]
    assert reader.values(max_records=1) == ["a"]
    assert reader.quiet
    assert reader.values() == ["b"]
    assert list(reader.fetch(peer=1).partitions) == [1, 0]


# -- what is skipped -------------------------------------------------------------------------------


def test_records_before_the_position_come_along_and_are_skipped() -> None:
    """Asked for offset 7, the broker sends the whole batch that holds it."""
    reader = ConsumerScene(at=7)
    reader.fetch().found(batch(5, "five", "six", "seven", "eight"))
    assert reader.values() == ["seven", "eight"]


def test_a_batch_that_is_cut_off_is_fetched_again() -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, "whole"), batch(1, "cut off")[:-3])
    assert reader.values() == ["whole"]
    assert reader.fetch().offset == 1


def test_control_batches_are_never_seen_but_move_the_position() -> None:
    reader = ConsumerScene()
    marker = build_batch(
        [(0, control_key(ControlType.COMMIT), b"", ())],
        base_offset=1,
        producer_id=3,
        producer_epoch=0,
        transactional=True,
        control=True,
    )
    reader.fetch().found(batch(0, "created"), bytes(marker))
    assert reader.values() == ["created"]
    assert reader.position() == 2
    reader.fetch().found(bytes(build_batch([(0, None, None, ())], base_offset=2, control=True)))
    assert reader.position() == 3, "nothing to poll, and yet further"
    assert reader.fetch().offset == 3


# -- where to begin --------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "timestamp"), [("earliest", -2), ("latest", -1)])
def test_without_a_position_the_policy_says_where_to_begin(policy: str, timestamp: int) -> None:
    reader = ConsumerScene(at=None, auto_offset_reset=policy)
    assert reader.position() is None
    lookup = reader.lookup()
    assert (lookup.asked.timestamp, lookup.request.replica_id) == (timestamp, -1)
    lookup.found(42)
    assert reader.position() == 42
    assert reader.fetch().offset == 42


def test_without_a_policy_somebody_has_to_say() -> None:
    reader = ConsumerScene(at=None, auto_offset_reset="none")
    assert reader.machine.errors == {ORDERS: ErrorCode.OFFSET_OUT_OF_RANGE}
    assert reader.quiet
    reader.follow(reader.machine.seek("orders", 0, 3, now=reader.now))
    assert reader.machine.errors == {}
    assert reader.fetch().offset == 3


def test_beginning_and_end_can_be_assigned_directly() -> None:
    for at in (BEGINNING, END):
        assert ConsumerScene(at=at).lookup().asked.timestamp == at


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(ConfigError, match="auto_offset_reset=yesterday"):
        ConsumerConfig(auto_offset_reset="yesterday")


# -- jumps -----------------------------------------------------------------------------------------


def test_a_seek_goes_back_and_forgets_what_was_fetched() -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, "created", "paid"))
    reader.poll(max_records=1)
    reader.follow(reader.machine.seek("orders", 0, 0, now=reader.now))
    assert not reader.machine.records
    reader.fetch().found(batch(0, "created", "paid"))
    assert reader.values() == ["created", "paid"]


def test_the_answer_to_a_question_from_before_a_seek_is_dropped() -> None:
    reader = ConsumerScene()
    before = reader.fetch()
    reader.follow(reader.machine.seek("orders", 0, 50, now=reader.now))
    assert reader.quiet, "the leader still has a fetch of ours"
    before.found(batch(0, "created"))
    assert not reader.machine.records
    assert reader.fetch().offset == 50


def test_to_the_beginning_to_the_end_and_to_a_time() -> None:
    reader = ConsumerScene()
    reader.fetch().found()
    machine = reader.machine
    jumps = [
        (lambda: machine.seek_to_beginning("orders", 0, now=reader.now), -2),
        (lambda: machine.seek_to_end("orders", 0, now=reader.now), -1),
        (lambda: machine.seek_to_timestamp("orders", 0, 1234, now=reader.now), 1234),
    ]
    for offset, (jump, timestamp) in enumerate(jumps):
        reader.follow(jump())
        lookup = reader.lookup()
        assert lookup.asked.timestamp == timestamp
        lookup.found(offset)
        assert reader.position() == offset


def test_a_time_after_the_last_record_means_the_end() -> None:
    reader = ConsumerScene()
    reader.follow(reader.machine.seek_to_timestamp("orders", 0, 10**15, now=reader.now))
    reader.lookup().found(-1)
    assert reader.lookup().asked.timestamp == END


def test_a_seek_during_a_lookup_wins() -> None:
    reader = ConsumerScene(at=BEGINNING)
    lookup = reader.lookup()
    reader.follow(reader.machine.seek("orders", 0, 7, now=reader.now))
    lookup.found(0)
    assert reader.position() == 7


def test_a_partition_that_was_given_up_and_taken_again_is_a_new_one() -> None:
    reader = ConsumerScene()
    old = reader.fetch()
    reader.assign([])
    reader.assign([("orders", 0)], at=9)
    old.found(batch(0, "created"))
    assert not reader.machine.records
    assert reader.position() == 9


def test_an_assignment_keeps_the_positions_of_what_stays() -> None:
    reader = ConsumerScene({"orders": [1, 1]})
    reader.fetch().found(batch(0, "a", "b"))
    reader.poll(max_records=1)
    reader.assign([("orders", 0), ("orders", 1)], at=0)
    assert reader.position(0) == 1
    assert reader.position(1) == 0
    reader.assign([("orders", 1)])
    assert not reader.machine.records
    with pytest.raises(ValueError, match="orders-0 is not assigned"):
        reader.position(0)


def test_pause_and_resume() -> None:
    reader = ConsumerScene({"orders": [1, 1]}, [("orders", 0), ("orders", 1)])
    reader.fetch().found_in({0: batch(0, "zero"), 1: batch(0, "one")})
    reader.follow(reader.machine.pause("orders", 0, now=reader.now))
    assert reader.values() == ["one"]
    assert list(reader.fetch().partitions) == [1]
    assert reader.position(0) == 0
    reader.follow(reader.machine.resume("orders", 0, now=reader.now))
    assert reader.values() == ["zero"]


# -- trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "timestamp"), [("earliest", -2), ("latest", -1)])
def test_what_is_no_longer_in_the_log_is_left_to_the_policy(policy: str, timestamp: int) -> None:
    """Retention has deleted what was to be read next."""
    reader = ConsumerScene(at=3, auto_offset_reset=policy)
    reader.fetch().refused(ErrorCode.OFFSET_OUT_OF_RANGE)
    lookup = reader.lookup()
    assert lookup.asked.timestamp == timestamp
    lookup.found(1000)
    assert reader.fetch().offset == 1000


def test_without_a_policy_the_reader_stops_there() -> None:
    reader = ConsumerScene(at=3, auto_offset_reset="none")
    reader.fetch().refused(ErrorCode.OFFSET_OUT_OF_RANGE)
    assert reader.machine.errors == {ORDERS: ErrorCode.OFFSET_OUT_OF_RANGE}
    assert reader.position() == 3
    assert reader.quiet


def test_a_moved_leader_is_followed() -> None:
    reader = ConsumerScene()
    reader.fetch(peer=1).refused(ErrorCode.NOT_LEADER_OR_FOLLOWER, leader=(2, 1))
    reader.pass_ms(100)
    fetch = reader.fetch(peer=2)
    assert fetch.partitions[0].current_leader_epoch == 1
    fetch.found(batch(0, "created"))
    assert reader.values() == ["created"]


def test_the_old_leaders_answer_comes_too_late_to_matter() -> None:
    """While a long poll is open the leader moves, and the new one answers first."""
    reader = ConsumerScene(metadata_max_age_ms=400)
    old = reader.fetch(peer=1)
    reader.move_leader("orders", 0, 2)
    reader.pass_ms(400)
    reader.fetch(peer=2).found(batch(0, "created"))
    old.found(batch(0, "created"))
    assert reader.values() == ["created"]
    assert reader.machine.errors == {}


def test_a_fenced_epoch_makes_the_reader_look_again() -> None:
    reader = ConsumerScene()
    reader.pass_ms(400)
    reader.move_leader("orders", 0, 2)
    asked = reader.count(MetadataRequest)
    reader.fetch(peer=1).refused(ErrorCode.FENCED_LEADER_EPOCH)
    reader.pass_ms(100)
    assert reader.count(MetadataRequest) == asked + 1
    assert reader.fetch(peer=2).offset == 0


def test_a_lost_answer_is_asked_for_again_and_nothing_is_read_twice() -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, "created"))
    reader.poll()
    reader.fetch()
    reader.lose(1)
    reader.pass_ms(200)
    assert reader.fetch().offset == 1


def test_a_lookup_that_fails_is_tried_again() -> None:
    reader = ConsumerScene(at=BEGINNING)
    reader.lookup().found(-1, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    assert reader.quiet
    reader.pass_ms(200)
    reader.lookup().found(4)
    assert reader.position() == 4


def test_a_damaged_batch_stops_its_partition_and_no_other() -> None:
    reader = ConsumerScene({"orders": [1, 1]}, [("orders", 0), ("orders", 1)])
    damaged = bytearray(batch(1, "never to be read"))
    damaged[-2] ^= 1
    reader.fetch().found_in({0: batch(0, "fine") + bytes(damaged), 1: batch(0, "other")})
    assert reader.values() == ["fine", "other"]
    assert reader.machine.errors == {ORDERS: ErrorCode.CORRUPT_MESSAGE}
    assert reader.position() == 1, "in front of the damage; a seek can pass it by"
    assert list(reader.fetch().partitions) == [1]


def test_an_answer_without_progress_is_no_endless_loop() -> None:
    reader = ConsumerScene()
    reader.fetch().found(batch(0, "cut off")[:-1])
    assert reader.machine.errors == {ORDERS: ErrorCode.MESSAGE_TOO_LARGE}
    assert reader.quiet


def test_a_topic_that_is_not_there_is_waited_for() -> None:
    reader = ConsumerScene({})
    reader.pass_ms(2_000)
    assert reader.count(FetchRequest) == 0
    reader.leaders["orders"] = [2]
    reader.pass_ms(2_000)
    assert reader.fetch(peer=2).offset == 0


@pytest.mark.parametrize("version", [4, 12, 13, 18])
def test_old_brokers_are_asked_by_name_and_new_ones_by_id(version: int) -> None:
    reader = ConsumerScene(assign=[])
    reader.highest[1] = version
    reader.lose(1)
    reader.pass_ms(500)
    reader.assign([("orders", 0)], at=0)
    fetch = reader.fetch()
    assert fetch.sent.api_version == version
    fetch.found(batch(0, "created"))
    assert reader.values() == ["created"]
