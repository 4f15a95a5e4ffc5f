"""The reasons behind the answers of lesson 1, kept out of the cells so that guessing stays fair."""

QUEUE = "Each order was handed to one of the two and deleted. Half of them are never billed."

LOG_END = "It is the offset that the next record will get."

LUNCH = "All that grows is audit's lag: the way from its position to the high watermark."

RETENTION = (
    "The oldest go, and nobody is renumbered: offset 4 names the same order as it did before."
)
