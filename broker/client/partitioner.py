"""Which partition does a record go to?

The choice is the client's alone, and it decides what is kept in order: records with the same key
go to the same partition, because the key's hash says so. Every client that should agree has to use
the same hash, and Java's is murmur2. Records without a key may go anywhere; sending each to another
partition would tear batches apart, so they stick to one partition for a batch's worth of bytes and
then move on (KIP-480, KIP-794).

A partitioner is any callable with the signature of `Partitioner`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.events import Entropy

_MASK = 0xFFFF_FFFF
_SEED = 0x9747_B28C
_MULTIPLIER = 0x5BD1_E995


class Choice(NamedTuple):
    """What there is to choose from: how many partitions, and which of them have a leader."""

    partitions: int
    available: Sequence[int]


Partitioner = Callable[[str, bytes | None, bytes | None, Choice], int]
"""topic, key, value, choice -> partition."""


def murmur2(data: bytes) -> int:
    """Java's `Utils.murmur2`, as an unsigned number of 32 bits.

    >>> hex(murmur2(b"foobar"))
    '0xd0e4853e'
    """
    h = _SEED ^ len(data)
    whole = len(data) & ~3
    for pos in range(0, whole, 4):
        k = int.from_bytes(data[pos : pos + 4], "little") * _MULTIPLIER & _MASK
        k = (k ^ k >> 24) * _MULTIPLIER & _MASK
        h = h * _MULTIPLIER & _MASK ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    h = (h ^ h >> 13) * _MULTIPLIER & _MASK
    return h ^ h >> 15


def partition_for_key(key: bytes, count: int) -> int:
    """Where every Kafka client that hashes as Java does sends this key.

    The hash without its sign bit, modulo the number of partitions. It follows that adding
    partitions to a topic sends keys elsewhere, and their order is lost at that moment.
    """
    return (murmur2(key) & 0x7FFF_FFFF) % count


@dataclass(slots=True)
class _Sticky:
    partition: int
    bytes_sent: int = 0


@dataclass(slots=True)
class DefaultPartitioner:
    """The key's hash; without a key, one partition until a batch's worth has gone there."""

    entropy: Entropy
    batch_size: int = 16_384
    _sticky: dict[str, _Sticky] = field(default_factory=dict)

    def __call__(self, topic: str, key: bytes | None, value: bytes | None, choice: Choice) -> int:
        if key is not None:
            return partition_for_key(key, choice.partitions)
        current = self._sticky.get(topic)
        if current is None or current.bytes_sent >= self.batch_size:
            current = self._sticky[topic] = _Sticky(self._draw(choice))
        current.bytes_sent += len(value or b"")
        return current.partition

    def _draw(self, choice: Choice) -> int:
        """Any partition that has a leader; if none has, any at all."""
        candidates = choice.available or range(choice.partitions)
        return candidates[int(self.entropy.random() * len(candidates))]


@dataclass(slots=True)
class RoundRobinPartitioner:
    """One record to each partition in turn, whatever the key. Even, and bad for batches."""

    _next: dict[str, int] = field(default_factory=dict)

    def __call__(self, topic: str, key: bytes | None, value: bytes | None, choice: Choice) -> int:
        turn = self._next.get(topic, 0)
        self._next[topic] = turn + 1
        candidates = choice.available or range(choice.partitions)
        return candidates[turn % len(candidates)]
