"""Power is lost at a random moment, again and again: what was synced survives, nothing torn is
served, and the log goes on.

Each story is drawn from a seed. What a log promises is exactly what Kafka promises: records below
the recovery point are there after any crash; those above it may be lost from the end, never from
the middle, and never in part.
"""

from __future__ import annotations

import errno
from random import Random

import pytest

from broker.log import checkpoints
from broker.log.disk import MemoryDisk
from broker.log.log import Log
from broker.wire.errors import ApiError, StorageError
from tests.log.stories import append, at, contents, numbered, open_log, sync

SEEDS = range(40)
CONFIG = {"segment_bytes": 900, "index_interval_bytes": 200}


class Story:
    """A log that is written to until the power goes, and what it must still have then."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.disk = MemoryDisk()
        self.log = open_log(self.disk, **CONFIG)
        self.written: dict[int, str] = {}
        self.sequence = 0
        self.clean = False

    def chance(self, below: float) -> bool:
        return self.random.random() < below

    def write(self) -> None:
        """One to four records, sometimes of an idempotent producer."""
        count = 1 + int(self.random.random() * 4)
        if self.chance(0.5):
            base = self.log.append(numbered(self.sequence, count), 0, at()).base_offset
            values = [f"7.0.{self.sequence + n}" for n in range(count)]
            self.sequence += count
        else:
            values = [f"v{self.log.log_end_offset}.{n}" for n in range(count)]
            base = append(self.log, *values)
        self.written |= {base + n: value for n, value in enumerate(values)}

    def sync(self) -> None:
        sync(self.log, self.disk)
        points = {("orders", 0): self.log.recovery_point}
        checkpoints.write_offsets(self.disk, checkpoints.RECOVERY_POINTS, points)

    def act(self) -> None:
        if self.chance(0.08):
            self.sync()
        elif self.chance(0.02):
            self.truncate()
        else:
            self.write()

    def truncate(self) -> None:
        start, end = self.log.log_start_offset, self.log.log_end_offset
        offset = start + int(self.random.random() * (end - start + 1))
        batch_start = self.start_of_batch(offset)
        self.log.truncate_to(batch_start)
        points = {("orders", 0): self.log.recovery_point}
        checkpoints.write_offsets(self.disk, checkpoints.RECOVERY_POINTS, points)
        self.written = {n: value for n, value in self.written.items() if n < batch_start}
        producer = self.log.producers.producers.get(7)
        if producer is not None and producer.batches:
            self.sequence = producer.batches[-1].last_sequence + 1
        else:
            self.sequence = 0

    def start_of_batch(self, offset: int) -> int:
        data = self.log.read(offset, 1, self.log.log_end_offset)
        return int.from_bytes(data[:8], "big") if data else offset

    def lose_power(self) -> int:
        """The power goes and comes back. Returns how many records were lost."""
        durable = self.log.recovery_point
        self.disk.power_loss(self.random)
        points = checkpoints.read_offsets(self.disk, checkpoints.RECOVERY_POINTS)
        point = points.get(("orders", 0), 0)
        self.log = open_log(self.disk, recovery_point=point, **CONFIG)
        end = self.log.log_end_offset
        assert end >= durable, "what was synced is there"
        survivors = contents(self.log)
        expected = {n: value for n, value in self.written.items() if n < end}
        assert survivors == expected, "nothing is missing in the middle, nothing is torn"
        lost = len(self.written) - len(survivors)
        self.written = survivors
        self.check_producer()
        return lost

    def check_producer(self) -> None:
        """The log knows its producer's last sequence exactly as its records tell."""
        sent = [int(v.split(".")[2]) for v in self.written.values() if v.startswith("7.0.")]
        self.sequence = max(sent, default=-1) + 1
        producer = self.log.producers.producers.get(7)
        known = producer.batches[-1].last_sequence if producer and producer.batches else -1
        assert known == self.sequence - 1


@pytest.mark.parametrize("seed", SEEDS)
def test_power_is_lost_again_and_again(seed: int) -> None:
    story = Story(seed)
    for _ in range(4):
        for _ in range(int(story.random.random() * 60)):
            story.act()
        story.lose_power()


def test_some_of_these_stories_do_lose_what_was_not_synced() -> None:
    """The alarm rings: with a disk that loses nothing, the stories above would prove nothing."""
    losses = []
    for seed in SEEDS:
        story = Story(seed)
        for _ in range(30):
            story.write()
        losses.append(story.lose_power())
    assert sum(loss > 0 for loss in losses) > len(SEEDS) // 3
    assert len(set(losses)) > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_a_process_that_dies_loses_nothing(seed: int) -> None:
    story = Story(seed)
    for _ in range(80):
        story.act()
    story.disk.crash()
    again = open_log(story.disk, recovery_point=story.log.recovery_point, **CONFIG)
    assert contents(again) == story.written


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_stop_loses_nothing_even_if_the_power_goes_then(seed: int) -> None:
    story = Story(seed)
    for _ in range(40):
        story.act()
    story.log.close()
    story.disk.power_loss(story.random)
    end = story.log.log_end_offset
    again = open_log(story.disk, recovery_point=end, clean=True, **CONFIG)
    assert contents(again) == story.written
    assert again.epochs.entries == story.log.epochs.entries
    known = {pid: p.batches[-1] for pid, p in again.producers.producers.items() if p.batches}
    assert known == {
        pid: p.batches[-1] for pid, p in story.log.producers.producers.items() if p.batches
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_errors_of_the_disk_are_answered_and_harm_nothing(seed: int) -> None:
    story = Story(seed)
    failures = 0
    for _ in range(80):
        if story.chance(0.3):
            code = errno.ENOSPC if story.chance(0.5) else errno.EIO
            story.disk.fail_next("append", code=code)
        try:
            story.write()
        except StorageError:
            failures += 1
    assert failures > 5
    story.disk._faults.clear()
    assert contents(story.log) == story.written
    assert contents(open_log(story.disk, **CONFIG)) == story.written


def test_a_full_disk_refuses_and_recovers() -> None:
    disk = MemoryDisk(capacity=5000)
    log = open_log(disk, **CONFIG)
    accepted = 0

    def write_on() -> None:
        nonlocal accepted
        while True:
            append(log, f"{accepted}")
            accepted += 1

    with pytest.raises(StorageError, match="No space left"):
        write_on()
    assert list(contents(log)) == list(range(accepted))
    disk.capacity = None
    append(log, "and on")
    assert list(contents(open_log(disk, **CONFIG))) == list(range(accepted + 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_rot_beyond_the_recovery_point_is_never_served(seed: int) -> None:
    story = Story(seed)
    for _ in range(40):
        story.write()
    random = story.random
    segment = story.log.segments.active
    starts = [at for at, _ in segment.headers(0)]
    # The checksum does not cover the base offset and the leader epoch: the leader patches them in.
    uncovered = {start + n for start in starts for n in (*range(8), *range(12, 16))}
    victims = [at for at in range(segment.size) if at not in uncovered]
    victim = victims[int(random.random() * len(victims))]
    story.disk.flip_bit(segment.path, victim, int(random.random() * 8))
    again = open_log(story.disk, **CONFIG)
    survivors = contents(again)
    assert survivors == {n: v for n, v in story.written.items() if n < again.log_end_offset}


def test_a_lying_disk_loses_what_it_said_was_synced() -> None:
    """No log can help that; but even then, what a consumer accepts is what was written."""
    losses = 0
    for seed in SEEDS:
        story = Story(seed)
        story.sync()
        story.disk.lying = True
        for _ in range(20):
            story.write()
        story.sync()
        durable = story.log.recovery_point
        story.disk.power_loss(story.random)
        try:
            again = open_log(story.disk, recovery_point=durable, **CONFIG)
            survivors = contents(again)
        except ApiError:
            losses += 1
            continue
        losses += again.log_end_offset < durable
        assert survivors.items() <= story.written.items()
    assert losses > 5


def test_the_same_seed_tells_the_same_story() -> None:
    def tell(seed: int) -> tuple[dict[int, str], list[str]]:
        story = Story(seed)
        for _ in range(50):
            story.act()
        story.lose_power()
        log: Log = story.log
        return contents(log), story.disk.list("orders-0")

    for seed in range(10):
        assert tell(seed) == tell(seed)
