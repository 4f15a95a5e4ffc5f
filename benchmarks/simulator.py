"""The simulator: messages a second, with and without the trace and the codec.

A producer sends a record every few milliseconds, and a consumer reads them as they come. Counted
are all requests and responses between them and the broker; the CPU is that of the whole, clients,
broker, network and trace, and with the trace also of writing it as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import cpu_now
from benchmarks.run import Run
from benchmarks.table import Table
from broker.sim import Simulation

MESSAGES = 10_000
KEYS = "ABCDEF"


def tables(run: Run) -> Iterator[Table]:
    """One table: a row for each way to run."""
    messages = run.count(MESSAGES, least=200)
    table = Table(
        "Simulator",
        f"One producer, one consumer, one broker, {messages:,} messages between them; the best of "
        f"{run.rounds}.",
        ("trace", "codec", "CPU s", "messages/s", "trace MB"),
    )
    for trace, codec in ((False, False), (False, True), (True, False)):
        runs = (simulate(messages, trace=trace, codec=codec) for _ in range(run.rounds))
        seconds, megabytes = min(runs)
        words = ("yes" if each else "no" for each in (trace, codec))
        table.add(*words, seconds, messages / seconds, megabytes if trace else None)
    yield table


def simulate(messages: int, *, trace: bool, codec: bool) -> tuple[float, float]:
    """Run once; the CPU seconds, and the size of the trace in MB."""
    sim = Simulation(trace=trace, codec=codec)
    sim.create_topic("orders")
    sim.consumer("reader").assign("orders", 0, offset="beginning")
    records = [(KEYS[number % len(KEYS)], f"order {number}") for number in range(messages)]
    sim.producer("shop").send_each("orders", records, every="5ms")
    before, started = sim.network.packets, cpu_now()
    sim.run_until(lambda: sim.network.packets - before >= messages, within="10m")
    size = len(sim.trace.to_json()) if trace else 0
    return cpu_now() - started, size / 1e6
