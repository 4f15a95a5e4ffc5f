"""A network that loses messages: what an idempotent producer is good for."""

from __future__ import annotations

from collections import Counter

import pytest

from broker.sim import Simulation

VALUES = [f"order {number}" for number in range(50)]


def over_a_bad_network(seed: int, **producer: object) -> Simulation:
    """A producer writes 50 records while one message in ten is lost."""
    sim = Simulation(seed=seed, trace=False)
    sim.create_topic("orders")
    sim.lose(0.1)
    shop = sim.producer("shop", linger_ms=0, **producer)
    shop.send_each("orders", [("A", value) for value in VALUES], every="7ms")
    sim.run_for("3s")
    sim.lose(0)
    sim.run_until_idle()
    sim.consumer("reader").assign("orders", 0, offset="beginning")
    sim.run_until_idle()
    return sim


@pytest.mark.parametrize("seed", range(40))
def test_an_idempotent_producer_writes_each_record_once_and_in_order(seed: int) -> None:
    sim = over_a_bad_network(seed)
    assert sim.consumer("reader").values == VALUES
    assert sim.check() == []


def test_without_idempotence_retries_become_duplicates_and_the_check_says_whose() -> None:
    duplicates = 0
    for seed in range(20):
        sim = over_a_bad_network(seed, idempotent=False)
        assert sim.violations == []
        values = sim.consumer("reader").values
        assert set(values) == set(VALUES)  # retries lose nothing
        doubled = sorted(value for value, count in Counter(values).items() if count > 1)
        found = [finding for finding in sim.check() if finding.kind == "duplicate"]
        assert len(found) == len(doubled)
        duplicates += len(doubled)
        assert all("shop is not idempotent, and sent it again" in f.text for f in found)
    assert duplicates > 0


def test_without_retries_a_record_is_written_once_or_its_fate_is_unknown() -> None:
    unknown = 0
    for seed in range(20):
        sim = over_a_bad_network(seed, idempotent=False, retries=0)
        assert sim.check() == []
        outcomes = sim.producer("shop").outcomes
        values = Counter(sim.consumer("reader").values)
        assert max(values.values()) == 1
        acked = {outcome.value for outcome in outcomes if outcome.status == "acked"}
        assert acked <= set(values)
        unknown += sum(outcome.status == "unknown" for outcome in outcomes)
    assert unknown > 0


def test_acks_0_is_told_nothing_and_promised_nothing() -> None:
    sim = over_a_bad_network(3, acks=0)
    outcomes = sim.producer("shop").outcomes
    assert {outcome.offset for outcome in outcomes if outcome.status == "acked"} == {None}
    assert set(sim.consumer("reader").values) < set(VALUES)
    assert sim.check() == []


@pytest.mark.parametrize("seed", range(10))
def test_slow_and_uneven_delays_change_nothing_that_matters(seed: int) -> None:
    sim = Simulation(seed=seed, trace=False)
    sim.delay("1ms", "900ms")
    sim.create_topic("orders", partitions=3)
    shop = sim.producer("shop", linger_ms=0)
    shop.send_each("orders", [(None, value) for value in VALUES], every="7ms")
    reader = sim.consumer("reader")
    reader.assign("orders", offset="beginning")
    sim.run_until_idle()
    assert sorted(filter(None, reader.values)) == sorted(VALUES)
    assert sim.check() == []
