"""Clocks that are wrong: each deadline still comes when the host's own clock shows it."""

from __future__ import annotations

import pytest

from broker.sim.clocks import Clock
from tests.sim.fakes import run, toy_network


@pytest.mark.parametrize("ppm", [0, 1, -1, 250_000, -250_000, 333_333])
def test_a_deadline_comes_at_the_first_moment_at_which_it_is_due(ppm: int) -> None:
    clock = Clock()
    clock.drift(1_000, ppm)
    for deadline in (1_000, 1_001, 5_000, 123_457):
        when = clock.when(deadline)
        assert clock.mono(when) >= deadline
        assert when == 1_000 or clock.mono(when - 1) < deadline


def test_a_clock_never_runs_backwards_when_its_speed_changes() -> None:
    clock = Clock()
    shown = []
    for true_us, ppm in ((0, 250_000), (10_007, -250_000), (20_011, 0), (30_000, 3)):
        shown.append(clock.mono(true_us))
        clock.drift(true_us, ppm)
        shown.append(clock.mono(true_us))
    assert shown == sorted(shown)
    assert shown[2:] == [12_508, 12_508, 20_011, 20_011, 30_000, 30_000]


def test_setting_the_wall_clock_moves_no_timer() -> None:
    clock = Clock()
    before = clock.now(500)
    clock.skew_us = -3_600_000_000
    after = clock.now(500)
    assert after.mono_us == before.mono_us
    assert after.wall_us == before.wall_us - 3_600_000_000


def test_a_fast_clock_wakes_its_machine_early() -> None:
    network, client, asker, _, _ = toy_network()
    client.clock.drift(0, 250_000)
    asker.wants = 1_000_000
    client.set_alarm()
    run(network)
    assert network.world.now_us == 800_000
    assert asker.heard == [("deadline", 1_000_000)]
