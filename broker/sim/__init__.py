"""The simulator: the same broker in virtual time, where anything can go wrong on command.

Read `simulation` first: it is the front door, and shows what a lesson says. Behind it:

    world       the clock, the plan of what happens next, the dice
    hosts       what a state machine lives on: carries out its effects, wakes it at its deadline
    network     connections and messages: delay, loss, and what TCP makes of them
    disk        the memory disk, with syncs that take time
    clients     producers, consumers, the administrator, and who uses them
    commands    what can be asked of a run;   faults: what can go wrong in it
    handles     clients as a lesson speaks of them
    observer    looks at each step from outside, for the trace and for the checks
    trace       the run written down;   views: what it shows of a broker;   narration: in words
    history     what clients did and learned;   invariants, promises: what must hold
"""

from broker.sim.history import Finding
from broker.sim.simulation import Simulation
from broker.sim.trace import Trace
from broker.sim.world import SimulationError

__all__ = ["Finding", "Simulation", "SimulationError", "Trace"]
