"""The start: seconds from the command to the first answer, and the memory then."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import cpu_seconds, megabytes
from benchmarks.served import Served
from benchmarks.table import Table
from broker.wire.messages.api_versions import ApiVersionsRequest

STARTS = 5


def tables() -> Iterator[Table]:
    """One table: the quickest, the median and the slowest of some starts."""
    table = Table(
        "Start",
        f"{STARTS} starts on empty folders; memory is what is resident after the first answer.",
        ("", "quickest", "median", "slowest"),
    )
    seconds, cpu, memory = [], [], []
    for _ in range(STARTS):
        with Served() as broker:
            connection = broker.connect()
            connection.ask(ApiVersionsRequest(), 3)
            seconds.append(broker.seconds_to_answer)
            cpu.append(cpu_seconds(broker.process))
            memory.append(megabytes(broker.process))
            connection.close()
    table.add("seconds to the first answer", *spread(seconds))
    table.add("CPU seconds until then", *spread(cpu))
    table.add("resident MB", *spread(memory))
    yield table


def spread(values: list[float]) -> tuple[float, float, float]:
    """The least, the median and the greatest."""
    ordered = sorted(values)
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]
