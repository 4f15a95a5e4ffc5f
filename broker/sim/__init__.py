"""The simulator: the same broker in virtual time, where anything can go wrong on command.

Read `simulation` first: it is the front door, and shows what a lesson says. Behind it:

    world       the clock, the plan of what happens next, the dice
    hosts       what a state machine lives on: carries out its effects, wakes it at its deadline
    clocks      what time it seems to be there
    network     connections and messages: delay, loss, and what TCP makes of them
    packets     what travels on a connection;   links: which ways are cut, and what waits behind
    disk        the memory disk, with syncs that take time
    clients     producers, consumers, the administrator, and who uses them
    mischief    the faults as a lesson speaks of them, one line each
    commands    what can be asked of a run;   faults, weather: what can go wrong in it
    handles     clients as a lesson speaks of them
    observer    looks at each step from outside, for the trace and for the checks
    trace       the run written down;   views: what it shows of a broker;   narration: in words
    history     what clients did and learned;   invariants, promises, checker: what must hold

And for the runs that nobody has written, `broker simulate`:

    swarm       a plan drawn from a seed;   episodes: what goes wrong in it, and is put right
    story       a plan carried out and judged;   healing: in the end all has to become well
    shrinking   a long story that fails made short;   transcript: its commands as Python
    campaign    many seeds on all cores;   museum: bugs of the past, put back in
"""

from broker.sim.history import Finding
from broker.sim.simulation import Simulation
from broker.sim.trace import Trace
from broker.sim.world import SimulationError

__all__ = ["Finding", "Simulation", "SimulationError", "Trace"]
