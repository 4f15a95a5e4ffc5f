"""A plan: decisions that will be appended together, and the image as it will be after them."""

from __future__ import annotations

from collections.abc import Sequence

from broker.metadata.image import ClusterImage
from broker.wire.schema import Message


class Plan:
    """Records that stand or fall together. Each decision sees those that were added before it."""

    def __init__(self, image: ClusterImage, offset: int = 0) -> None:
        self.image = image
        self.records: list[Message] = []
        self.offset = offset
        """Where the next record will stand in the log."""

    def add(self, records: Sequence[Message]) -> None:
        """Take a decision into the plan."""
        if records:
            self.offset += len(records)
            self.image, _ = self.image.replay(records, self.offset - 1)
            self.records += records
