"""What gives how many points, which mistakes have names, and where each is explained.

Sixty points are given by runs, forty by a person who reads. A rubric that a machine could pretend
to apply to prose would be worse than none: what is not run is said to be not run.
"""

from __future__ import annotations

from typing import NamedTuple

ORDER_POINTS = 10
"""For each stream whose events are handled in order."""
PEAK_POINTS = 10
"""For each stream whose services keep up at the peak."""

ACCIDENT_POINTS = 5
"""Order that holds only as long as nobody adds a partition."""
LATE_POINTS_MAX = 8
"""When some events are late: this, times the share of those that are not."""
WASTE_POINTS = 3
"""Taken off for partitions that nothing will ever need."""


class Part(NamedTuple):
    """A part of the rubric that a person judges."""

    name: str
    title: str
    points: int
    question: str


FOR_READER = (
    Part(
        "delivery",
        "Delivery guarantee",
        15,
        "Does each choice follow from what a lost or a repeated event would do in this stream? Is "
        "it said what makes repeats harmless, and that exactly-once ends where Kafka does (a mail, "
        "a bank)?",
    ),
    Part(
        "retention",
        "Retention",
        15,
        "Does each choice follow from who will want to read again, and how far back? Where a topic "
        "is compacted: is the last event of a key really all that will be asked for?",
    ),
    Part(
        "reasons",
        "Reasons for keys and partitions",
        10,
        "Is the key derived from what must stay in order, and the number of partitions from work "
        "that comes in and members that are there, rather than from a habit?",
    ),
)


class Lesson(NamedTuple):
    """A section of the course."""

    notebook: str
    title: str
    section: str

    def explains(self, what: str) -> str:
        """A sentence that sends there."""
        number = self.notebook.partition("_")[0].lstrip("0")
        return f"Lesson {number} ({self.title}), “{self.section}”: {what}"


PARTITION = Lesson("01_the_log", "The log", "Append, and get a number")
LAG = Lesson("01_the_log", "The log", "Two readers, two bookmarks")
KEPT = Lesson("01_the_log", "The log", "Kept, but not for ever")

HANDOUT = "“Keys and partitions” in the handout goes on from there."
ABOUT_ORDER = PARTITION.explains(f"each partition is a log of its own. {HANDOUT}")
ABOUT_LAG = LAG.explains(f"what lag is, and when it stops being harmless. {HANDOUT}")
ABOUT_COMPACTION = KEPT.explains("what is kept, and what compaction needs a key for.")

TAGS = {
    "no-key": "records without a key, where order matters",
    "key-splits-entity": "a key that differs between events that must stay in order",
    "order-by-accident": "order that only a small number of partitions holds up",
    "one-partition": "a single partition, for the sake of order",
    "too-few-partitions": "fewer partitions than there is work for members",
    "hot-key": "a key with so few values, or so uneven ones, that partitions cannot share the work",
    "too-many-partitions": "partitions that nothing will ever need",
    "refused-by-broker": "records without a key on a compacted topic",
    "not-run": "a setting that cannot be understood",
}
"""Each misconception, for a table of the whole class."""
