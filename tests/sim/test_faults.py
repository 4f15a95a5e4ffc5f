"""A hundred seeds of everything that a disk and a power cut can do to one broker.

Kafka promises exactly this, and the simulator claims no more:

- A process that dies loses nothing that it acknowledged: what it wrote is in the page cache.
- A machine that loses power may lose what was not flushed. By default that is any record; with
  flush.messages=1 it is none.
- Nothing torn is ever served.
"""

from __future__ import annotations

import pytest

from broker.sim import Simulation

SEEDS = range(100)
COUNT = 40
"""Records that are written in each run, one every nine milliseconds."""


def writing(seed: int, settings: dict[str, str] | None = None, **configs: object) -> Simulation:
    """A run in which a producer writes, a reader reads, and both go on whatever happens."""
    sim = Simulation(seed=seed, trace=False, settings=settings)
    sim.create_topic("orders", **configs)
    shop, reader = sim.producer("shop"), sim.consumer("reader")
    records = [("ABCDEF"[number % 6], f"order {number}") for number in range(COUNT)]
    shop.send_each("orders", records, every="9ms")
    reader.assign("orders", offset="beginning")
    return sim


def some_time(sim: Simulation) -> str:
    """A time while records are written, another one for each seed."""
    return f"{100 + sim.world.seed * 37 % 250}ms"


def finish(sim: Simulation) -> None:
    """Bring the broker back, let everyone come to an end, and read all of it once more."""
    if not sim.broker(1).alive:
        sim.restart(1)
    sim.run_until_idle()
    sim.consumer("auditor").assign("orders", offset="beginning")
    sim.run_until_idle()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_loses_nothing(seed: int) -> None:
    sim = writing(seed, segment_ms=60)
    sim.run_for(some_time(sim))
    sim.crash(1)
    sim.run_for("150ms")
    finish(sim)
    assert sim.check() == []
    assert [outcome.status for outcome in sim.producer("shop").outcomes] == ["acked"] * COUNT
    assert sim.consumer("auditor").values == [f"order {number}" for number in range(COUNT)]


@pytest.mark.parametrize("seed", SEEDS)
def test_with_flush_messages_1_power_loss_loses_nothing_that_was_acknowledged(seed: int) -> None:
    sim = writing(seed, flush_messages=1, segment_ms=60)
    sim.run_for(some_time(sim))
    sim.power_loss(1)
    sim.run_for("150ms")
    finish(sim)
    assert sim.check() == []
    assert sim.consumer("auditor").values == [f"order {number}" for number in range(COUNT)]


def test_by_default_power_loss_may_lose_what_was_acknowledged_and_the_check_names_it() -> None:
    lost = []
    for seed in SEEDS:
        sim = writing(seed)
        sim.run_for(some_time(sim))
        sim.power_loss(1)
        sim.run_for("150ms")
        finish(sim)
        assert sim.violations == []
        lost += [f for f in sim.check() if f.kind == "acknowledged record lost"]
        whole = [v for v in sim.consumer("auditor").values if v is not None]
        assert all(value.startswith("order ") for value in whole)
    assert lost, "no seed lost anything: the disk is too kind to test anything"
    assert "was acknowledged to shop and is not there: the power went before" in lost[0].text


@pytest.mark.parametrize("seed", range(20))
def test_what_was_flushed_after_so_many_records_is_all_that_power_loss_can_cost(seed: int) -> None:
    sim = writing(seed, flush_messages=4)
    sim.run_for(some_time(sim))
    sim.power_loss(1)
    finish(sim)
    lost = [f for f in sim.check() if f.kind == "acknowledged record lost"]
    assert len(lost) < 4
    assert sim.violations == []


@pytest.mark.parametrize("seed", range(20))
def test_one_disaster_after_the_other(seed: int) -> None:
    sim = writing(seed, flush_messages=1 + seed % 3, segment_ms=60)
    sim.lose(0.03)
    for disaster in (sim.crash, sim.power_loss, sim.crash, sim.power_loss):
        sim.run_for(some_time(sim))
        disaster(1)
        sim.run_for("50ms")
        sim.restart(1)
    sim.lose(0)
    finish(sim)
    assert sim.violations == []


@pytest.mark.parametrize("seed", range(10))
def test_power_may_fail_while_checkpoints_are_written(seed: int) -> None:
    frequent = {
        "replica.high.watermark.checkpoint.interval.ms": "20",
        "log.flush.offset.checkpoint.interval.ms": "20",
    }
    sim = writing(seed, settings=frequent)
    for _ in range(3):
        sim.run_for(some_time(sim))
        sim.power_loss(1)
        sim.restart(1)
    finish(sim)
    assert sim.violations == []


@pytest.mark.parametrize("seed", range(10))
def test_power_that_fails_while_the_broker_recovers_costs_nothing_more(seed: int) -> None:
    sim = writing(seed, flush_messages=1)
    sim.run_for(some_time(sim))
    sim.power_loss(1)
    for _ in range(3):
        sim.restart(1)
        for _ in range(1 + seed % 4):
            sim.step()
        sim.power_loss(1)
    finish(sim)
    assert sim.check() == []


# -- disks that fail ------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("on", ["append", "sync"])
@pytest.mark.parametrize("seed", range(5))
def test_a_disk_that_refuses_costs_time_but_no_acknowledged_record(
    seed: int, on: str, error: str
) -> None:
    sim = writing(seed, flush_messages=1)
    sim.run_for(some_time(sim))
    sim.fail_disk(1, error, on=on)
    sim.run_for("100ms")
    sim.repair_disk(1)
    if sim.broker(1).alive:
        sim.crash(1)
    finish(sim)
    assert sim.violations == []


@pytest.mark.parametrize("codec", [True, False])
@pytest.mark.parametrize("acks", ["all", 1])
def test_what_a_disk_has_failed_to_sync_is_not_acknowledged(codec: bool, acks: str | int) -> None:
    sim = Simulation(seed=7, codec=codec, trace=False)
    sim.create_topic("orders", flush_messages=1)
    sim.fail_disk(1, "EIO", on="sync", times=1)
    shop = sim.producer("shop", acks=acks, retries=0, idempotent=False)
    shop.send("orders", key="A", value="created")
    sim.run_for("1s")
    (outcome,) = shop.outcomes
    assert (outcome.status, outcome.error) == ("unknown", "KAFKA_STORAGE_ERROR")


def test_a_rotten_bit_is_never_served_as_a_record() -> None:
    sim = writing(7)
    sim.run_until_idle()
    sim.flip_bit(1, "orders", 0, offset=20)
    auditor = sim.consumer("auditor")
    auditor.assign("orders", 0, offset="beginning")
    sim.run_for("2s")
    assert auditor.values == [f"order {number}" for number in range(20)]
    assert sim.violations == []
    assert any("have rotted" in finding.text for finding in sim.check())


@pytest.mark.parametrize("seed", range(10))
def test_a_broker_that_stops_in_order_has_everything_when_it_comes_back(seed: int) -> None:
    sim = writing(seed)
    sim.run_until("300ms")
    sim.stop(1)
    sim.run_until(lambda: sim.broker(1).status == "stopped")
    sim.power_loss(1)
    finish(sim)
    assert sim.check() == []
    assert len(sim.consumer("auditor").records) == COUNT


def test_a_paused_broker_is_late_and_nothing_else() -> None:
    sim = writing(7)
    sim.run_until("300ms")
    sim.pause(1)
    sim.run_for("5s")
    sim.resume(1)
    finish(sim)
    assert sim.check() == []
    assert len(sim.consumer("auditor").records) == COUNT


def test_a_client_that_crashes_leaves_its_records_to_chance_and_starts_anew() -> None:
    sim = writing(7)
    sim.run_until("300ms")
    sim.producer("shop").send("orders", key="A", value="last words")
    sim.crash("shop")
    sim.restart("shop")
    sim.producer("shop").send("orders", key="A", value="first words")
    finish(sim)
    assert sim.producer("shop").outcomes[-2].status == "pending"
    assert sim.producer("shop").outcomes[-1].status == "acked"
    assert sim.violations == []
