"""What the broker costs, measured; and beside it, where it can be had, what Apache Kafka costs.

    make bench                                all rows
    make bench ROWS="codec start"             these
    make bench ROWS="requests --alone"        without Apache Kafka
    make bench ROWS="--quick"                 a look at whether it runs; the figures mean nothing

A row is a module of this package; what it measures, and how, stands at its top. Rows that hold two
brokers side by side give both the same frames over the same loopback, in turns: a round here, a
round there, after a round that does not count (a cold JVM is slow, and so is memory that is touched
for the first time). What counts is the ratio, round by round, and how far it moves: figures from
one machine say little about another, and little about the same one an hour later.

Every run ends in `build/benchmarks.json`. `python -m benchmarks.report --keep` makes that the last
run that counts, `benchmarks/last.json`, of which the course's site shows a page.
"""
