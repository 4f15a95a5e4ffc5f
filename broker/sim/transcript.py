"""The commands of a run as Python, in the form in which a lesson gives them.

    sim = Simulation(brokers=3, seed=4711)
    sim.run_until("2.340117s")
    sim.cut({1}, {2, 3})

Whoever runs these lines has the same run: step for step, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

Arguments = dict[str, Any]


def transcript(sim: Simulation) -> str:
    """The run so far as Python."""
    options = [f"brokers={sim.options.brokers}", f"seed={sim.world.seed}"]
    if sim.options.codec is not None:
        options.append(f"codec={sim.options.codec}")
    if sim.options.settings:
        options.append(f"settings={sim.options.settings}")
    lines = [f"sim = Simulation({', '.join(options)})"]
    at_us, next_step = None, -1
    for command in sim.commands:
        if command.time_us != at_us or command.step != next_step:
            # Two commands may be given at one time, and something have happened in between.
            at_us = command.time_us
            lines.append(_until(at_us))
        next_step = command.step + 1
        write = _LINES.get(command.name, _plain)
        lines.append(write(command.name, command.arguments))
    if at_us != sim.now:
        lines.append(_until(sim.now))
    return "\n".join(lines)


def _until(time_us: int) -> str:
    return f'sim.run_until("{time_us / 1e6:.6f}s")'


def _plain(name: str, arguments: Arguments) -> str:
    """A command for which there is no better word."""
    return f'sim.command("{name}", {_listed(arguments)})'


def _call(name: str, arguments: Arguments) -> str:
    """A method of the simulation: what it is about stands first, without a name."""
    first = next((key for key in ("who", "broker", "share", "topic") if key in arguments), None)
    words = [] if first is None else [repr(arguments[first])]
    words += [f"{key}={value!r}" for key, value in arguments.items() if key != first]
    return f"sim.{name}({', '.join(words)})"


def _listed(arguments: Arguments) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


# -- cuts ----------------------------------------------------------------------------------------


def _cut(name: str, arguments: Arguments) -> str:
    sides = [_side(side) for side in arguments["sides"]]
    if arguments["one_way"]:
        sides.append("one_way=True")
    return f"sim.cut({', '.join(sides)})"


def _heal(name: str, arguments: Arguments) -> str:
    return f"sim.heal({', '.join(_side(side) for side in arguments['sides'] or ())})"


def _side(names: list[str]) -> str:
    return "{" + ", ".join(_host(name) for name in names) + "}"


def _host(name: str) -> str:
    """A broker as a number, a client as a name."""
    return name if name.isdigit() else repr(name)


def _over(name: str, arguments: Arguments) -> str:
    return f"sim.{name}({_host(next(iter(arguments.values())))})"


# -- clients -------------------------------------------------------------------------------------


def _client(name: str, arguments: Arguments) -> str:
    settings = _listed(arguments["settings"])
    client = arguments["client"]
    return f"{client} = sim.{name}({client!r}{', ' if settings else ''}{settings})"


def _of_client(name: str, arguments: Arguments) -> str:
    """A method of a client's handle."""
    given = {key: value for key, value in arguments.items() if key != "client"}
    words = [repr(given.pop("topic"))] if "topic" in given else []
    if name == "send_each":
        words.append(repr(given.pop("records")))
    elif "partition" in given and given["partition"] is not None and name != "send":
        words.append(repr(given.pop("partition")))
    words += [f"{key}={value!r}" for key, value in given.items() if value is not None]
    return f"{arguments['client']}.{name}({', '.join(words)})"


_LINES: dict[str, Callable[[str, Arguments], str]] = {
    **dict.fromkeys(
        ("crash", "restart", "stop", "power_loss", "tear", "pause", "resume", "ring", "flap",
         "double_failover", "repeat", "skew", "drift", "flip_bit", "rot", "fail_disk",
         "lying_disk", "slow_disk", "repair_disk"),
        _call,
    ),
    "cut": _cut,
    "heal": _heal,
    "isolate": _over,
    "bridge": _over,
    "producer": _client,
    "consumer": _client,
    **dict.fromkeys(("send", "send_each", "flush", "assign"), _of_client),
}  # fmt: skip
