"""The segments of one log, in the order of their offsets."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from broker.log.segment import Segment

WARM_INDEXES = 4
"""How many sealed segments of a log keep their indexes in memory: as many slow readers as this
are served without reading an index again."""


class Segments:
    """At least one segment, the last of which is written to."""

    def __init__(self, segments: list[Segment]) -> None:
        self._all = segments
        self._bases = [segment.base_offset for segment in segments]
        self._warm: deque[Segment] = deque()
        self.active = segments[-1]
        """The segment that is written to."""
        for segment, following in pairwise(segments):
            segment.next_offset = following.base_offset

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._all)

    @property
    def first(self) -> Segment:
        """The oldest segment."""
        return self._all[0]

    @property
    def size(self) -> int:
        """Bytes in all of them."""
        return sum(segment.size for segment in self._all)

    def add(self, segment: Segment) -> None:
        """A new active segment."""
        sealed = self.active
        sealed.next_offset = segment.base_offset
        self._all.append(segment)
        self._bases.append(segment.base_offset)
        self.active = segment
        self.keep_warm(sealed)

    def at(self, offset: int) -> Segment:
        """The segment to look for an offset in: the last one that does not begin after it."""
        if offset >= self.active.base_offset:
            return self.active
        segment = self._all[max(0, bisect_right(self._bases, offset) - 1)]
        self.keep_warm(segment)
        return segment

    def after(self, segment: Segment) -> Segment | None:
        """The segment that follows."""
        slot = bisect_right(self._bases, segment.base_offset)
        return self._all[slot] if slot < len(self._all) else None

    def since(self, offset: int) -> list[Segment]:
        """The segments that hold an offset and what follows it."""
        return self._all[max(0, bisect_right(self._bases, offset) - 1) :]

    def drop_first(self, count: int) -> list[Segment]:
        """Take out the oldest; one always stays."""
        dropped = self._all[:count]
        del self._all[:count]
        del self._bases[:count]
        self._cool(dropped)
        return dropped

    def drop_after(self, offset: int) -> list[Segment]:
        """Take out the segments that begin after an offset; one always stays."""
        keep = max(1, bisect_right(self._bases, offset))
        dropped = self._all[keep:]
        del self._all[keep:]
        del self._bases[keep:]
        self.active = self._all[-1]
        self._cool(dropped)
        return dropped

    def replace_all(self, segment: Segment) -> list[Segment]:
        """Begin anew with one empty segment."""
        dropped = self._all
        self._all = [segment]
        self._bases = [segment.base_offset]
        self.active = segment
        self._cool(dropped)
        return dropped

    def keep_warm(self, segment: Segment) -> None:
        """Sealed segments that were read last keep their indexes; the others can read theirs."""
        if segment is self.active or (self._warm and self._warm[-1] is segment):
            return
        self._cool([segment])
        self._warm.append(segment)
        if len(self._warm) > WARM_INDEXES:
            cold = self._warm.popleft()
            if cold is not self.active:
                cold.unload_indexes()

    def _cool(self, segments: list[Segment]) -> None:
        for segment in segments:
            if segment in self._warm:
                self._warm.remove(segment)
