"""Which partition: the hash that all clients share, and what records without a key do."""

import random

import aiokafka.partitioner
import pytest

from broker.client.partitioner import (
    Choice,
    DefaultPartitioner,
    RoundRobinPartitioner,
    murmur2,
    partition_for_key,
)

# From Kafka's own UtilsTest.testMurmur2 (signed, as Java prints them).
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


class Dice:
    def __init__(self) -> None:
        self._random = random.Random(7)

    def uuid(self) -> bytes:
        return bytes(16)

    def random(self) -> float:
        return self._random.random()


@pytest.mark.parametrize(("text", "java"), JAVA.items())
def test_murmur2_is_javas(text: str, java: int) -> None:
    assert murmur2(text.encode()) == java % 2**32


def test_the_sign_bit_does_not_make_a_partition_negative() -> None:
    """Utils.toPositive masks the sign away; it does not take the absolute value."""
    for text, java in JAVA.items():
        assert partition_for_key(text.encode(), 7) == (java & 0x7FFFFFFF) % 7


def test_other_clients_choose_the_same_partition() -> None:
    theirs = aiokafka.partitioner.DefaultPartitioner()
    everything = list(range(12))
    for number in range(200):
        key = f"customer {number}".encode()
        assert partition_for_key(key, 12) == theirs(key, everything, everything)


def test_without_a_key_records_stick_to_a_partition_for_a_batch() -> None:
    """KIP-794: about batch.size bytes to one partition, then on to another."""
    choose = DefaultPartitioner(Dice(), batch_size=1000)
    choice = Choice(partitions=10, available=range(10))
    chosen = [choose("orders", None, b"x" * 100, choice) for _ in range(100)]
    for start in range(0, 100, 10):
        assert len(set(chosen[start : start + 10])) == 1
    assert len(set(chosen)) > 3


def test_topics_stick_independently() -> None:
    choose = DefaultPartitioner(Dice(), batch_size=1000)
    choice = Choice(partitions=1000, available=range(1000))
    orders, payments = (choose(t, None, b"x", choice) for t in ("orders", "payments"))
    assert orders != payments
    assert choose("orders", None, b"x", choice) == orders


def test_partitions_without_a_leader_are_avoided_unless_all_are() -> None:
    for partitioner in (DefaultPartitioner(Dice(), batch_size=1), RoundRobinPartitioner()):
        some = Choice(partitions=4, available=[1, 3])
        assert {partitioner("orders", None, b"x", some) for _ in range(40)} == {1, 3}
        none = Choice(partitions=4, available=[])
        assert {partitioner("orders", None, b"x", none) for _ in range(80)} == {0, 1, 2, 3}
