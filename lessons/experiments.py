"""The runs in which an exercise's answer is tried: a real broker, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broker.sim import Simulation
from broker.sim.handles import ReadRecord
from lessons.scenes import the_log

HOUR_MS = 3_600_000
LAWFUL_AGE_H = 7 * 24
BILLING_RESTS_H = 62
FRIDAY_EVENING_H = 4 * 24 + 18
MONDAY_MORNING_H = FRIDAY_EVENING_H + BILLING_RESTS_H
TWO_WEEKS_H = 14 * 24


class OutOfRangeError(Exception):
    """A reader asked for an offset that the log does not have."""


# -- exercise 1 -----------------------------------------------------------------------------------


def read_from(offset: int, orders: Sequence[tuple[str, str]]) -> list[ReadRecord]:
    """What a new consumer reads that starts at `offset` of a log with these orders."""
    sim = Simulation(seed=7, trace=False)
    sim.create_topic("orders")
    shop = sim.producer("shop")
    for customer, euros in orders:
        shop.send("orders", key=customer, value=euros)
    sim.run_until_idle()
    end = the_log(sim, "orders").log_end_offset
    if not 0 <= offset <= end:
        raise OutOfRangeError(f"OFFSET_OUT_OF_RANGE: this log goes from offset 0 to {end}.")
    reporting = sim.consumer("reporting", auto_offset_reset="none")
    reporting.assign("orders", 0, offset=offset)
    sim.run_until_idle()
    return reporting.records


# -- exercise 2 -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Storage:
    """What two weeks of orders showed about a retention."""

    oldest_age_h: int
    oldest_offset: int
    oldest_segment_records: int
    missed: tuple[int, ...]
    segments: int


def store_two_weeks(retention_ms: int, segment_ms: int) -> Storage:
    """An order an hour for two weeks. Who was kept too long, and what did billing miss?

    Hour 0 is a Monday, midnight. Billing reads up to Friday evening and again from Monday
    morning; in between it holds no connection, only its position.
    """
    watch = _Watch(retention_ms, segment_ms)
    for hour in range(TWO_WEEKS_H):
        watch.hour(hour)
    return watch.seen()


class _Watch:
    """Stands beside the broker and notes, every hour, how old its oldest record is."""

    def __init__(self, retention_ms: int, segment_ms: int) -> None:
        self.sim = Simulation(seed=7, trace=False)
        self.sim.create_topic("orders", retention_ms=retention_ms, segment_ms=segment_ms)
        # Two weeks of clients that ask every five minutes whether the cluster has changed would
        # be most of the work, and it does not change.
        self.sim.crash("admin")
        self.shop = self.sim.producer("shop", metadata_max_age_ms=TWO_WEEKS_H * HOUR_MS)
        self.began_us = self.sim.now
        self.oldest = (0, 0, 0)
        self.billing_at = 0
        self.missed: tuple[int, ...] = ()

    def hour(self, hour: int) -> None:
        """An order comes in, and somebody looks at the disk."""
        self.sim.run_until(f"{self.began_us + hour * HOUR_MS * 1000}us")
        log = the_log(self.sim, "orders")
        if log.log_end_offset > log.log_start_offset:
            # One order an hour, the first in hour 0: the offset tells when it came.
            first = log.segments.first
            age = (
                hour - log.log_start_offset,
                log.log_start_offset,
                first.next_offset - first.base_offset,
            )
            self.oldest = max(self.oldest, age)
        if hour == FRIDAY_EVENING_H:
            self.billing_at = log.log_end_offset
        if hour == MONDAY_MORNING_H:
            self.missed = tuple(range(self.billing_at, log.log_start_offset))
        self.shop.send("orders", key="ABCDEF"[hour % 6], value="10")

    def seen(self) -> Storage:
        """The two weeks in numbers."""
        age_h, offset, records = self.oldest
        return Storage(
            age_h, offset, records, self.missed, len(the_log(self.sim, "orders").segments)
        )
