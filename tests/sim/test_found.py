"""Stories that the swarm has found, made short: each was a bug once, and has to end well."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.sim import Simulation
from broker.sim.healing import what_is_wrong

FOUND = sorted((Path(__file__).parent / "found").glob("*.txt"))


@pytest.mark.parametrize("story", FOUND, ids=lambda path: path.stem.replace("_", " "))
def test_what_was_wrong_once_ends_well(story: Path) -> None:
    names: dict[str, object] = {"Simulation": Simulation}
    exec(story.read_text(encoding="utf-8"), names)
    sim = names["sim"]
    assert isinstance(sim, Simulation)
    sim.run_until(lambda: not what_is_wrong(sim), within="10s")
    assert sim.violations == []
