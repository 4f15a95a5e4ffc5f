"""A log against a plain list: whatever is done to both, they hold the same records.

Hypothesis draws the operations: appends, reads, cuts, retention, rolls, syncs, clean restarts,
crashes of the process. The list knows no segments and no indexes, so it cannot be wrong with them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.log.disk import MemoryDisk
from broker.log.log import Log
from broker.wire.errors import ApiError, ErrorCode
from tests.log.stories import T0, append, at, contents, offsets, open_log, sync


class LogBesideAList(RuleBasedStateMachine):
    """The list holds (batch's first offset, batch's last offset, value, time) for each offset."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = MemoryDisk()
        self.start = 0
        self.records: list[tuple[int, int, str, int]] = []
        self.config: dict[str, Any] = {}
        self.log: Log

    @initialize(
        segment_bytes=st.sampled_from([300, 1000, 1 << 30]),
        interval=st.sampled_from([0, 150, 4096]),
    )
    def create(self, segment_bytes: int, interval: int) -> None:
        self.config = {"segment_bytes": segment_bytes, "index_interval_bytes": interval}
        self.log = open_log(self.disk, **self.config)

    @property
    def end(self) -> int:
        return len(self.records)

    @rule(count=st.integers(1, 5), ms=st.integers(0, 1000), epoch_later=st.booleans())
    def append(self, count: int, ms: int, epoch_later: bool) -> None:
        epoch = max(0, self.log.last_epoch) + epoch_later
        values = [f"{self.end}.{n}" for n in range(count)]
        first, last = self.end, self.end + count - 1
        assert append(self.log, *values, ms=ms, epoch=epoch) == first
        self.records += [(first, last, value, T0 + ms) for value in values]

    @rule(where=st.floats(0, 1), until=st.floats(0, 1), max_bytes=st.integers(0, 2000))
    def read(self, where: float, until: float, max_bytes: int) -> None:
        offset = self.start + int(where * (self.end - self.start))
        end = self.boundary(self.start + int(until * (self.end - self.start)))
        found = offsets(self.log.read(offset, max_bytes, end))
        expected = sorted({record[:2] for record in self.records[offset:end]})
        assert found == expected[: len(found)]
        assert bool(found) == (offset < end)

    def boundary(self, offset: int) -> int:
        """High watermarks stand between batches."""
        return self.records[offset][0] if offset < self.end else self.end

    @rule(distance=st.integers(1, 5))
    def read_outside(self, distance: int) -> None:
        for offset in (self.start - distance, self.end + distance):
            with pytest.raises(ApiError) as refused:
                self.log.read(offset, 100, self.end)
            assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE

    @rule(ms=st.integers(0, 1100))
    def find_by_time(self, ms: int) -> None:
        found = self.log.offset_for_time(T0 + ms, self.end)
        later = (n for n in range(self.start, self.end) if self.records[n][3] >= T0 + ms)
        expected = next(later, None)
        assert (found.offset if found else None) == expected

    @rule()
    def find_the_latest(self) -> None:
        stored = range(self.log.segments.first.base_offset, self.end)
        found = self.log.max_timestamp_offset()
        if not stored:
            assert found is None
        else:
            latest = max(self.records[n][3] for n in stored)
            assert found is not None
            assert found.timestamp == latest
            assert found.offset == next(n for n in stored if self.records[n][3] == latest)

    @rule(where=st.floats(0, 1))
    def cut(self, where: float) -> None:
        offset = self.boundary(self.start + int(where * (self.end - self.start)))
        self.log.truncate_to(max(offset, self.start))
        del self.records[max(offset, self.start) :]

    @rule(where=st.floats(0, 1))
    def forget(self, where: float) -> None:
        high_watermark = self.boundary(self.start + int(where * (self.end - self.start)))
        self.log.advance_log_start(high_watermark, high_watermark)
        self.start = max(self.start, high_watermark)
        self.log.delete_old_segments(at(), high_watermark)

    @rule()
    def roll(self) -> None:
        self.log.roll(at())

    @rule()
    def sync(self) -> None:
        sync(self.log, self.disk)
        assert self.log.unflushed_records == 0

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        if clean:
            self.log.close()
        point = self.log.recovery_point
        self.log = open_log(
            self.disk,
            recovery_point=point,
            clean=clean,
            log_start_offset=self.start,
            **self.config,
        )

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "log"):
            return
        assert (self.log.log_start_offset, self.log.log_end_offset) == (self.start, self.end)
        assert self.log.recovery_point <= self.end
        assert contents(self.log, max_bytes=700) == {
            n: self.records[n][2] for n in range(self.start, self.end)
        }
        positions = [segment.base_offset for segment in self.log.segments]
        assert positions == sorted(set(positions))
        epochs = self.log.epochs.entries
        assert epochs == sorted(epochs)


LogBesideAList.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestLogBesideAList = LogBesideAList.TestCase
