"""The checks: each runs a stream of a design, and turns what it has seen into a verdict.

    ordering      are the events of one order, payment or SKU handled in the order they happened?
    parallelism   do the services keep up at the peak?
    words         what the verdicts of both have in common

A check has two halves. The first puts the design on the stage and returns a performance; the second
looks for what people really get wrong, and names the records that give it away.
"""
