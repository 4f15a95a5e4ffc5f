"""The bug museum: the alarm rings for a planted bug, and the right code is back afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.replication.fetchers import Fetchers
from broker.sim import SimulationError, museum
from broker.sim.episodes import KINDS, STAGED
from broker.sim.story import tell

BUG = "truncate-to-own-watermark"
ROOT = Path(__file__).resolve().parents[2]


def test_a_planted_bug_rings() -> None:
    """The canary: should this ever be silent, no silence of the checks means anything."""
    for seed in range(30):
        with museum.planted(BUG):
            verdict = tell(museum.draw(seed, 3, BUG))
        if verdict.failed:
            assert tell(museum.draw(seed, 3, BUG)).failure == "", "and without it all is well"
            return
    pytest.fail("no alarm in 30 seeds")


def test_a_bug_is_gone_when_its_run_is_over() -> None:
    right = Fetchers.follow
    with museum.planted(BUG):
        assert Fetchers.follow is not right
    assert Fetchers.follow is right
    with museum.planted(None):
        assert Fetchers.follow is right


def test_a_bug_that_nobody_knows() -> None:
    with pytest.raises(SimulationError, match=r"no known bug; these are: truncate-to"):
        museum.planted("y2k")


def test_every_exhibit_says_what_it_teaches() -> None:
    for name, bug in museum.BUGS.items():
        assert bug.name == name
        assert bug.lesson.endswith(".")
        assert ". " not in bug.lesson, "one sentence"
        assert bug.function in bug.owner.__dict__, "the code has moved: the switch must follow"
        assert set(bug.faults) <= {*KINDS, *STAGED}


def test_the_page_of_the_museum_shows_what_is_there() -> None:
    page = (ROOT / "site" / "museum.md").read_text()
    for bug in museum.BUGS.values():
        seeds = bug.seeds or "over 100"
        assert f"| `{bug.name}` | {bug.known_as} | {bug.lesson} | {seeds} |" in page
    story = (ROOT / "tests" / "scenarios" / f"{BUG.replace('-', '_')}.txt").read_text()
    assert "\n\n".join(story.strip().split("\n\n")[2:]) in page
