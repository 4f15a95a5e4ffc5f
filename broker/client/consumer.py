"""The consumer, by assignment: reads partitions from given positions, at its own pace.

Reading changes nothing at the broker. There is no queue from which records are taken: each consumer
has its own positions and can move them as it likes, back to the beginning, on to the end, to a
point in time. (Groups, which share partitions out and remember positions, build on this.)

Records are fetched ahead, into `records`, and `poll` hands them out. A position always means the
next record to be polled, however much has been fetched beyond it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from broker.client.cluster_view import TopicPartition
from broker.client.config import ConsumerConfig
from broker.client.connections import Answer
from broker.client.fetcher import ConsumedRecord, Fetcher
from broker.client.machine import ClientMachine
from broker.client.positions import BEGINNING, END, PositionFinder, Reader
from broker.events import Effect, Entropy, Now
from broker.wire.errors import ErrorCode


class Consumer(ClientMachine):
    """Reads records. See the package's docstring for the whole interface."""

    def __init__(
        self, bootstrap: Sequence[int], entropy: Entropy, config: ConsumerConfig | None = None
    ) -> None:
        self.config = config or ConsumerConfig()
        super().__init__(bootstrap, entropy, self.config)
        self.assignment: tuple[TopicPartition, ...] = ()
        self._readers: dict[TopicPartition, Reader] = {}
        parts = (self.connections, self.metadata, self._retry_backoff, self._readers)
        self._finder = PositionFinder(*parts)
        self._fetcher = Fetcher(self.config, *parts)
        self._now_us = 0

    # -- what can be seen --------------------------------------------------------------------------

    @property
    def records(self) -> deque[ConsumedRecord]:
        """What has been fetched and not polled yet; in order within a partition."""
        return self._fetcher.records

    @property
    def errors(self) -> dict[TopicPartition, ErrorCode]:
        """The partitions that cannot go on by themselves. A seek lets them try again."""
        found = {where: self._readers[where].error for where in self.assignment}
        return {where: code for where, code in found.items() if code}

    def position(self, topic: str, partition: int) -> int | None:
        """The offset of the next record to be polled; None while it is being looked up."""
        return self._reader(topic, partition).position

    def high_watermark(self, topic: str, partition: int) -> int | None:
        """Where the readable part of the log ended when it was last fetched."""
        return self._reader(topic, partition).high_watermark

    # -- commands ----------------------------------------------------------------------------------

    def assign(
        self,
        partitions: Iterable[TopicPartition | tuple[str, int]],
        *,
        at: int | None = None,
        now: Now,
    ) -> list[Effect]:
        """Read these partitions from now on, and no others.

        One that was assigned before keeps its position. A new one starts `at` an offset,
        BEGINNING or END, or where `auto_offset_reset` says.
        """
        self.assignment = tuple(dict.fromkeys(TopicPartition(*where) for where in partitions))
        for where in [where for where in self._readers if where not in self.assignment]:
            del self._readers[where]
        self._drop_records(lambda where: where not in self._readers)
        for where in self.assignment:
            if where not in self._readers:
                self.metadata.watch(where.topic)
                self._readers[where] = reader = Reader(where)
                self._place(reader, at)
        return self._step(now)

    def _place(self, reader: Reader, at: int | None) -> None:
        if at is None:
            policy = {"earliest": BEGINNING, "latest": END}
            at = policy.get(self.config.auto_offset_reset)
        if at is None:
            reader.error = ErrorCode.OFFSET_OUT_OF_RANGE
        elif at in (BEGINNING, END):
            reader.look_for(at)
        else:
            reader.jump(at)

    def seek(self, topic: str, partition: int, offset: int, *, now: Now) -> list[Effect]:
        """Go on at this offset."""
        if offset < 0:
            raise ValueError(f"an offset is not negative: {offset}")
        return self._move(topic, partition, offset, now)

    def seek_to_beginning(self, topic: str, partition: int, *, now: Now) -> list[Effect]:
        """Go back to the oldest record that is still there."""
        return self._move(topic, partition, BEGINNING, now)

    def seek_to_end(self, topic: str, partition: int, *, now: Now) -> list[Effect]:
        """Skip what is there, and read only what comes."""
        return self._move(topic, partition, END, now)

    def seek_to_timestamp(
        self, topic: str, partition: int, timestamp_ms: int, *, now: Now
    ) -> list[Effect]:
        """Go to the first record that is not older; to the end, if all are."""
        reader = self._reader(topic, partition)
        self._drop_records(lambda where: where == reader.where)
        reader.look_for(timestamp_ms)
        return self._step(now)

    def _move(self, topic: str, partition: int, at: int, now: Now) -> list[Effect]:
        reader = self._reader(topic, partition)
        self._drop_records(lambda where: where == reader.where)
        self._place(reader, at)
        return self._step(now)

    def pause(self, topic: str, partition: int, *, now: Now) -> list[Effect]:
        """Neither fetch nor hand out records of a partition for a while. Its position stays."""
        self._reader(topic, partition).paused = True
        return self._step(now)

    def resume(self, topic: str, partition: int, *, now: Now) -> list[Effect]:
        """Go on after a pause."""
        self._reader(topic, partition).paused = False
        return self._step(now)

    def poll(
        self, *, now: Now, max_records: int | None = None
    ) -> tuple[list[ConsumedRecord], list[Effect]]:
        """Hand out records. That moves the positions, and makes room for more."""
        limit = self.config.max_poll_records if max_records is None else max_records
        polled: list[ConsumedRecord] = []
        skipped: list[ConsumedRecord] = []
        records = self._fetcher.records
        while records and len(polled) < limit:
            record = records.popleft()
            reader = self._readers[TopicPartition(record.topic, record.partition)]
            if reader.paused:
                skipped.append(record)
                continue
            polled.append(record)
            reader.buffered -= 1
            # Behind the last record there may be offsets without one: a marker, a compacted gap.
            reader.position = record.offset + 1 if reader.buffered else reader.fetch_offset
        records.extendleft(reversed(skipped))
        return polled, self._step(now)

    # -- the step ----------------------------------------------------------------------------------

    def _take(self, answer: Answer, now: Now) -> None:
        if not self._finder.take(answer, now):
            self._fetcher.take(answer, now)

    def _advance(self, now: Now) -> None:
        self._now_us = now.mono_us
        self._finder.advance(now)
        self._fetcher.advance(now)

    def _deadline(self) -> int | None:
        times = [reader.retry_at_us for reader in self._readers.values()]
        return min([time for time in times if time > self._now_us], default=None)

    def _reader(self, topic: str, partition: int) -> Reader:
        try:
            return self._readers[TopicPartition(topic, partition)]
        except KeyError:
            raise ValueError(f"{topic}-{partition} is not assigned to this consumer") from None

    def _drop_records(self, unwanted: Callable[[TopicPartition], bool]) -> None:
        kept = [r for r in self.records if not unwanted(TopicPartition(r.topic, r.partition))]
        self.records.clear()
        self.records.extend(kept)
