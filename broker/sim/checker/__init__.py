"""The anomaly checker: what can be wrong with a run, told from what its clients saw and no more.

It is given operations (`operations`): who asked for what, in which order, and how it ended. It has
never seen a broker. From all that was read, and from acknowledgements, it puts together in which
order each partition must have stored its records (`order`); then it looks for what no such order
can explain:

    records    one offset with two records, one record at two offsets, a record that was refused and
               is read all the same, an acknowledged one that is gone
    sessions   a reader that jumps over records or goes back, a writer whose records change places
    cycles     transactions that each come before the other

The idea is Kyle Kingsbury's, of Jepsen's Kafka workload. Two things are no anomalies, though they
look like some: the records of a transaction do not lie side by side ("send skip"), and those of
two transactions may interleave ("G0"). Kafka writes them as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker.sim.checker.cycles import cycles
from broker.sim.checker.operations import (
    END_OF_LOG,
    Anomaly,
    End,
    Moved,
    Operation,
    Place,
    Poll,
    Send,
    Value,
    place_name,
)
from broker.sim.checker.order import Orders
from broker.sim.checker.records import record_anomalies
from broker.sim.checker.sessions import session_anomalies

__all__ = [
    "END_OF_LOG",
    "Anomaly",
    "End",
    "Moved",
    "Operation",
    "Place",
    "Poll",
    "Send",
    "Value",
    "check",
    "place_name",
]


def check(operations: Iterable[Operation], name: Callable[[Value], str] = str) -> list[Anomaly]:
    """All that is wrong with a history. `name` says a record in a sentence."""
    orders = Orders(operations, name)
    return [*record_anomalies(orders), *session_anomalies(orders), *cycles(orders)]
