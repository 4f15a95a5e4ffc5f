"""The producer on a good day: batching, lingering, partitions, acknowledgements, limits."""

import pytest

from broker.client import sender
from broker.client.config import ProducerConfig
from broker.client.outcomes import Status
from broker.client.partitioner import RoundRobinPartitioner, partition_for_key
from broker.wire.compression import Compression
from broker.wire.errors import ConfigError, ErrorCode, UnsupportedCompressionError
from broker.wire.messages.metadata import MetadataRequest
from broker.wire.messages.produce import ProduceRequest
from broker.wire.records import Record, read_records
from tests.client.producing import PRODUCER_ID, ProducerScene


def test_a_record_is_sent_and_acknowledged_with_its_offset() -> None:
    shop = ProducerScene()
    created = shop.send("created", key="A")
    assert created.status is Status.PENDING

    request = shop.produce()
    assert request.values == {"orders-0": ["created"]}
    assert request.batch.producer_id == PRODUCER_ID
    assert request.batch.base_sequence == 0
    assert request.request.acks == -1

    request.written(offset=41)
    assert (created.status, created.offset, created.partition) == (Status.ACKED, 41, 0)
    assert shop.machine.pending == 0
    assert shop.quiet


def test_records_keep_the_time_key_and_headers_they_were_given() -> None:
    shop = ProducerScene()
    shop.send("created", key="A", timestamp_ms=17, headers=[("trace", b"x")])
    records = shop.produce().request.topic_data[0].partition_data[0].records
    assert records is not None
    assert read_records(records) == [Record(0, 17, b"A", b"created", (("trace", b"x"),))]


def test_without_a_time_a_record_has_the_time_of_the_call() -> None:
    shop = ProducerScene()
    assert shop.send("created").timestamp_ms == shop.now.wall_ms


def test_log_append_time_comes_back() -> None:
    shop = ProducerScene()
    created = shop.send("created")
    shop.produce().written(log_append_time_ms=99)
    assert created.timestamp_ms == 99


# -- batching --------------------------------------------------------------------------------------


def test_records_linger_for_company() -> None:
    shop = ProducerScene(linger_ms=5)
    shop.send("created")
    shop.pass_ms(4)
    shop.send("paid")
    assert shop.quiet
    shop.pass_ms(1)
    assert shop.produce().values == {"orders-0": ["created", "paid"]}


def test_a_full_batch_does_not_linger() -> None:
    shop = ProducerScene(linger_ms=5, batch_size=250)
    first = [shop.send("x" * 50) for _ in range(2)]
    shop.send("the one that does not fit")
    request = shop.produce()
    assert request.values == {"orders-0": ["x" * 50] * 2}
    request.written(offset=7)
    assert [d.offset for d in first] == [7, 8]
    assert shop.quiet
    shop.pass_ms(5)
    assert shop.produce().values == {"orders-0": ["the one that does not fit"]}


def test_a_flush_lets_nothing_linger_until_all_is_done() -> None:
    shop = ProducerScene(linger_ms=1000)
    shop.send("created")
    shop.follow(shop.machine.flush(now=shop.now))
    shop.produce().written()
    shop.send("paid")
    assert shop.quiet, "the flush is over"


def test_a_lingering_batch_goes_along_when_a_request_leaves_anyhow() -> None:
    """RecordAccumulator.drainBatchesForOneNode."""
    shop = ProducerScene({"orders": [1, 1]}, linger_ms=5)
    shop.send("first", partition=0)
    shop.pass_ms(4)
    shop.send("second", partition=1)
    shop.pass_ms(1)
    assert shop.produce().values == {"orders-0": ["first"], "orders-1": ["second"]}


def test_each_leader_gets_its_own_request() -> None:
    shop = ProducerScene({"orders": [1, 2]})
    shop.send("one", partition=0)
    shop.send("two", partition=1)
    assert shop.produce(peer=1).values == {"orders-0": ["one"]}
    assert shop.produce(peer=2).values == {"orders-1": ["two"]}


def test_requests_keep_to_max_request_size_and_take_turns() -> None:
    shop = ProducerScene({"orders": [1, 1, 1]}, max_request_size=250, linger_ms=5)
    for partition in range(3):
        shop.send("x" * 100, partition=partition)
    shop.pass_ms(5)
    served = [list(shop.produce().values) for _ in range(3)]
    assert served == [["orders-0"], ["orders-1"], ["orders-2"]]


def test_no_more_than_five_requests_are_in_flight() -> None:
    shop = ProducerScene()
    for number in range(7):
        shop.send(str(number))
    first = shop.produce()
    assert shop.count(ProduceRequest) == 5
    first.written()
    assert shop.count(ProduceRequest) == 6
    for _ in range(4):
        shop.produce().written()
    assert shop.produce().values == {"orders-0": ["5", "6"]}, "what waited leaves together"


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_batches_are_compressed_as_a_whole(name: str) -> None:
    shop = ProducerScene(compression_type=name, linger_ms=1)
    for _ in range(20):
        shop.send("the same again and again")
    shop.pass_ms(1)
    request = shop.produce()
    assert request.batch.compression == Compression[name.upper()]
    assert request.batch.size < 400
    assert request.values == {"orders-0": ["the same again and again"] * 20}


# -- acknowledgements ------------------------------------------------------------------------------


def test_with_acks_0_nothing_is_known_and_nobody_waits() -> None:
    shop = ProducerScene(acks=0)
    created = shop.send("created")
    assert (created.status, created.offset) == (Status.ACKED, -1)
    assert shop.produce().request.acks == 0
    shop.pass_ms(60_000)
    assert not shop.closed


def test_with_acks_1_there_is_no_producer_id() -> None:
    shop = ProducerScene(acks=1)
    shop.send("created")
    request = shop.produce()
    assert (request.batch.producer_id, request.batch.base_sequence) == (-1, -1)


def test_a_duplicate_that_the_broker_no_longer_knows_is_written_all_the_same() -> None:
    """Sender.completeBatch: DUPLICATE_SEQUENCE_NUMBER is a success without an offset."""
    shop = ProducerScene()
    created = shop.send("created")
    shop.produce().refused(ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
    assert (created.status, created.offset) == (Status.ACKED, -1)


def test_old_brokers_are_spoken_to_by_name_and_new_ones_by_id() -> None:
    for version in (3, 12, 13):
        shop = ProducerScene(acks=1)
        shop.lose(1)
        shop.highest[0] = version
        shop.pass_ms(1000)
        created = shop.send("created")
        request = shop.produce()
        assert request.sent.api_version == version
        request.written(offset=3)
        assert created.offset == 3


# -- topics ----------------------------------------------------------------------------------------


def test_records_wait_for_a_topic_to_appear() -> None:
    shop = ProducerScene({})
    created = shop.send("created")
    shop.pass_ms(350)
    assert shop.count(MetadataRequest) == 4  # the first, at once, and after 100 and 200 ms
    shop.leaders["orders"] = [2]
    shop.pass_ms(500)
    shop.produce(peer=2).written()
    assert created.status is Status.ACKED


def test_a_topic_that_does_not_appear_fails_its_records() -> None:
    shop = ProducerScene({}, max_block_ms=2_000)
    created = shop.send("created")
    shop.pass_ms(2_000)
    assert (created.status, created.code) == (Status.FAILED, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert "max_block_ms=2000" in created.text


def test_a_partition_that_does_not_exist_fails_its_records() -> None:
    shop = ProducerScene(max_block_ms=2_000)
    lost = shop.send("created", partition=7)
    fine = shop.send("paid", partition=0, topic="orders")
    shop.pass_ms(2_000)
    assert lost.status is Status.FAILED
    shop.produce().written()
    assert fine.status is Status.ACKED


def test_a_name_that_is_no_topic_fails_at_once() -> None:
    shop = ProducerScene()
    shop.topic_errors["no/topic"] = ErrorCode.INVALID_TOPIC_EXCEPTION
    created = shop.send("created", topic="no/topic")
    assert (created.status, created.code) == (Status.FAILED, ErrorCode.INVALID_TOPIC_EXCEPTION)


def test_a_record_that_no_request_can_hold_fails_at_once() -> None:
    shop = ProducerScene(max_request_size=1000)
    huge = shop.send("x" * 1000)
    assert (huge.status, huge.code) == (Status.FAILED, ErrorCode.MESSAGE_TOO_LARGE)
    assert "max_request_size=1000" in huge.text
    assert shop.quiet


# -- partitions ------------------------------------------------------------------------------------


def test_the_key_decides_the_partition() -> None:
    shop = ProducerScene({"orders": [1, 1, 1]})
    for key in ("A", "B", "C", "D"):
        assert shop.send("x", key=key).partition == partition_for_key(key.encode(), 3)


def test_round_robin_takes_one_partition_after_the_other() -> None:
    shop = ProducerScene({"orders": [1, 1, 1]}, partitioner=RoundRobinPartitioner())
    assert [shop.send("x", key="A").partition for _ in range(4)] == [0, 1, 2, 0]


def test_any_callable_can_choose() -> None:
    shop = ProducerScene(
        {"orders": [1, 1, 1]}, partitioner=lambda topic, key, value, choice: len(value or b"") % 3
    )
    assert [shop.send("x" * n).partition for n in (3, 4, 5)] == [0, 1, 2]


def test_an_explicit_partition_is_taken_at_its_word() -> None:
    shop = ProducerScene({"orders": [1, 1, 1]})
    assert shop.send("x", key="A", partition=2).partition == 2


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"acks": 2}, "acks=2"),
        ({"acks": 1, "enable_idempotence": True}, "enable_idempotence"),
        ({"delivery_timeout_ms": 100}, "delivery_timeout_ms=100"),
        ({"compression_type": "brotli"}, "compression_type"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ProducerConfig(**settings)  # type: ignore[arg-type]


def test_what_cannot_be_a_record_is_refused_by_the_call() -> None:
    shop = ProducerScene()
    for wrong in ({"timestamp_ms": -1}, {"timestamp_ms": 2**63}, {"partition": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            shop.send("created", **wrong)


def test_a_compression_without_its_wheel_is_noticed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(codec: int, data: bytes) -> bytes:
        raise UnsupportedCompressionError("needs a wheel")

    monkeypatch.setattr(sender, "compress", missing)
    with pytest.raises(ConfigError, match="compression_type=lz4: needs a wheel"):
        ProducerScene(compression_type="lz4")


def test_idempotence_is_on_wherever_it_can_be() -> None:
    assert ProducerConfig().idempotent
    assert not ProducerConfig(acks=1).idempotent
    assert not ProducerConfig(max_in_flight_requests_per_connection=6).idempotent
    assert not ProducerConfig(enable_idempotence=False).idempotent
