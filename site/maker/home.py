"""The run that the first page plays: a broker crashes, and every order is there once.

It is the whole product in a dozen seconds: a log in two partitions, a producer that does not know
whether its last records have arrived and sends them again, readers at their own pace, and a fault
that was put there on purpose.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.sim import Simulation
from lessons.figures import LogView

ORDERS = "AEBDACFAEDBCFEABDCAFBD"


class Crash(NamedTuple):
    """The run, and the step at which the broker comes back."""

    sim: Simulation
    back: int


def crash_in_the_middle() -> Crash:
    """A shop writes, billing keeps up, audit starts later; then broker 1 is gone for a while."""
    sim = Simulation(seed=7)
    sim.create_topic("orders", partitions=2)
    sim.consumer("billing").assign("orders", offset="beginning")
    shop = sim.producer("shop")
    shop.send_each("orders", [(key, "paid") for key in ORDERS], every="60ms")
    sim.run_for("320ms")
    sim.consumer("audit", every="80ms").assign("orders", offset="beginning")
    sim.run_for("280ms")
    sim.crash(1)
    sim.run_for("250ms")
    back = sim.steps
    sim.restart(1)
    sim.run_until_idle()
    return Crash(sim, back)


def home_figure() -> LogView:
    """The run as a figure, which begins where there is something to see."""
    run = crash_in_the_middle()
    return LogView(
        run.sim,
        title="A broker crashes, and every order is there once",
        subtitle="what has no answer yet is sent again, and the log knows what it has",
        start="audit is assigned",
        moments=[(run.back, "back again")],
    )
