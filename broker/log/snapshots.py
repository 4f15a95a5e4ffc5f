"""The `.snapshot` files of a log: its producers' state, as of some offset.

One lies at the base offset of each recent segment, so that opening the log after a crash means
replaying little; the newest lies at the log's end after a clean shutdown. Kafka, given a clean
log *without* that one, believes that there never were any producers.
"""

from __future__ import annotations

from broker.log import names
from broker.log.checkpoints import replace_bytes
from broker.log.disk import Disk
from broker.log.producer_state import ProducerState
from broker.log.segments import Segments
from broker.wire.errors import CorruptRecordError


class Snapshots:
    """Which snapshots a log has."""

    def __init__(self, disk: Disk, folder: str, *, is_new: bool = False) -> None:
        self.disk = disk
        self.folder = folder
        found = () if is_new else disk.list(folder)
        offsets = (names.offset_of(name, names.SNAPSHOT) for name in found)
        self.offsets = sorted(offset for offset in offsets if offset is not None)

    def path(self, offset: int) -> str:
        """The file of one."""
        return names.offset_file(self.folder, offset, names.SNAPSHOT)

    @property
    def latest(self) -> int:
        """The offset of the newest, -1 if there is none."""
        return self.offsets[-1] if self.offsets else -1

    def take(self, state: ProducerState, *, durable: bool = False) -> None:
        """Write down the state as it is now, unless that was done at this very offset."""
        if self.latest >= state.end_offset or not state.end_offset:
            return
        path = self.path(state.end_offset)
        replace_bytes(self.disk, path, state.snapshot(), durable=durable)
        self.offsets.append(state.end_offset)

    def load_latest(self, state: ProducerState, start_offset: int) -> None:
        """Fill the state from the newest readable snapshot; without any it begins empty."""
        while self.offsets:
            offset = self.offsets[-1]
            path = self.path(offset)
            try:
                state.load(self.disk.read(path, 0, self.disk.size(path)), offset)
                return
            except CorruptRecordError:
                self.remove(offset)
        state.clear(start_offset)

    def rebuild(
        self, state: ProducerState, segments: Segments, start_offset: int, end_offset: int
    ) -> None:
        """After the log was cut to `end_offset`: forget what producers had written behind it."""
        self.remove_after(end_offset)
        self.load_latest(state, start_offset)
        for segment in segments.since(state.end_offset):
            for position, header in segment.headers(segment.locate(state.end_offset)):
                is_marker = header.is_control
                batch = segment.read_batch(position, header.size) if is_marker else b""
                state.replay(header, batch)
        state.end_offset = end_offset

    def remove(self, offset: int) -> None:
        """Delete one."""
        self.offsets.remove(offset)
        self.disk.delete(self.path(offset))

    def remove_after(self, offset: int) -> None:
        """Delete those of a future that did not come to be."""
        for later in [known for known in self.offsets if known > offset]:
            self.remove(later)

    def remove_strays(self, base_offsets: set[int]) -> None:
        """Delete those that belong to no segment, but for the newest."""
        for stray in [known for known in self.offsets[:-1] if known not in base_offsets]:
            self.remove(stray)

    def unsynced_since(self, offset: int) -> list[str]:
        """The files that were written at or after an offset."""
        return [self.path(known) for known in self.offsets if known >= offset]
