"""Virtual time: what happens next, and what does not happen any more."""

from __future__ import annotations

from random import Random

import pytest

from broker.sim.world import SimulationError, World, microseconds


class Note:
    """Writes its name into a list when its turn comes."""

    def __init__(self, notes: list[str], name: str, *, stale: bool = False) -> None:
        self.notes, self.name, self.stale = notes, name, stale

    def still(self) -> bool:
        return not self.stale

    def happen(self) -> None:
        self.notes.append(self.name)


def test_things_happen_in_the_order_of_time_and_then_of_planning() -> None:
    world, notes = World(7), []
    for time_us, name in [(30, "c"), (10, "a"), (30, "d"), (20, "b")]:
        world.plan(time_us, Note(notes, name))
    while world.step():
        pass
    assert notes == ["a", "b", "c", "d"]
    assert (world.now_us, world.steps) == (30, 4)


def test_what_has_lost_its_point_is_no_step() -> None:
    world, notes = World(7), []
    late = Note(notes, "late")
    world.plan(10, Note(notes, "first"))
    world.plan(20, late)
    late.stale = True
    world.step()
    assert world.next_time() is None
    assert (notes, world.steps) == (["first"], 1)


def test_the_past_is_over_and_what_is_planned_for_it_happens_now() -> None:
    world, notes = World(7), []
    world.idle_until(50)
    world.plan(10, Note(notes, "at once"))
    world.step()
    assert (notes, world.now_us) == (["at once"], 50)


def test_time_does_not_pass_over_what_happens_in_it() -> None:
    world = World(7)
    world.plan(10, Note([], "something"))
    with pytest.raises(SimulationError, match="something happens at 10 us"):
        world.idle_until(11)
    world.idle_until(10)


def test_a_machine_that_asks_for_the_same_moment_for_ever_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("broker.sim.world.STEPS_AT_ONE_TIME_MAX", 10)
    world = World(7)

    class Again(Note):
        def happen(self) -> None:
            world.plan(0, self)

    world.plan(0, Again([], "again"))
    for _ in range(10):
        world.step()
    with pytest.raises(SimulationError, match="the same deadline again and again"):
        world.step()


def test_each_purpose_has_dice_of_its_own() -> None:
    def rolls(dice: Random) -> list[float]:
        return [dice.random() for _ in range(3)]

    assert rolls(World(7).dice("network")) == rolls(World(7).dice("network"))
    assert rolls(World(7).dice("network")) != rolls(World(7).dice("disk of 1"))
    assert rolls(World(7).dice("network")) != rolls(World(8).dice("network"))


def test_the_dice_are_the_same_on_every_machine() -> None:
    # The numbers themselves: should they ever change, every recorded seed means another run.
    assert int(World(7).dice("network").random() * 1_000_000) == 255_998


@pytest.mark.parametrize(
    ("text", "us"),
    [("2s", 2_000_000), ("1.5s", 1_500_000), ("200ms", 200_000), ("1.1s", 1_100_000),
     ("7d", 604_800_000_000), ("5 us", 5), (42, 42)],
)  # fmt: skip
def test_durations_are_numbers_with_a_unit(text: str | int, us: int) -> None:
    assert microseconds(text) == us


@pytest.mark.parametrize("wrong", ["2", "s", "-1s", "2 weeks", True, -5])
def test_anything_else_is_refused_in_a_sentence(wrong: str | int) -> None:
    with pytest.raises(SimulationError):
        microseconds(wrong)


@pytest.mark.parametrize("seed", [-1, "7", 1.5, True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(SimulationError, match="a seed is a whole number"):
        World(seed)  # type: ignore[arg-type]
