"""The start: seconds from the command to the first answer, and the memory then.

Storage is formatted beforehand, and Python's bytecode is cached, as after any first start. The
first answer is that to ApiVersions, on a connection that is tried for from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.alternate import alternate
from benchmarks.brokers import Broker
from benchmarks.run import Run
from benchmarks.table import SideBySide, Table


def tables(run: Run) -> Iterator[Table]:
    """One table: time, CPU and memory."""
    table = SideBySide("Start", f"{run.rounds} starts on empty folders, in turns, after one more.")
    kinds = [kind() for kind in run.kinds()]
    found = alternate(kinds, run.rounds, lambda broker, _: start(broker))
    for label, values in found.items():
        table.compare(label, values)
    yield table


def start(broker: Broker) -> dict[str, float]:
    """Start it once, and end it."""
    with broker:
        return {
            "seconds to the first answer": broker.seconds_to_answer,
            "CPU seconds until then": broker.cpu,
            "resident MB": broker.megabytes,
        }
