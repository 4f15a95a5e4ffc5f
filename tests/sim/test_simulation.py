"""A simulation as a lesson uses it: what can be said, and what is answered to nonsense."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.sim import Simulation, SimulationError
from broker.wire.errors import ConfigError


@pytest.fixture
def sim() -> Simulation:
    """One broker with a topic of three partitions."""
    sim = Simulation(brokers=1, seed=7)
    sim.create_topic("orders", partitions=3)
    return sim


# -- the stories ----------------------------------------------------------------------------------


def test_what_is_sent_can_be_read(sim: Simulation) -> None:
    shop = sim.producer("shop")
    shop.send("orders", key="A", value="created", partition=0)
    shop.send("orders", key="A", value=None, partition=0)
    reader = sim.consumer("reader")
    reader.assign("orders", 0, offset="beginning")
    sim.run_until_idle()
    assert [(outcome.status, outcome.offset) for outcome in shop.outcomes] == [
        ("acked", 0),
        ("acked", 1),
    ]
    assert [(r.offset, r.key, r.value) for r in reader.records] == [
        (0, "A", "created"),
        (1, "A", None),
    ]
    assert repr(shop) == "<producer shop: 2 sent, 2 acknowledged>"
    assert repr(reader) == "<consumer reader: 2 read, orders-0 at 2>"


def test_two_readers_at_their_own_pace(sim: Simulation) -> None:
    sim.producer("shop").send_each("orders", [("A", str(n)) for n in range(10)], every="1ms")
    fast, slow = sim.consumer("fast"), sim.consumer("slow", every="200ms")
    fast.assign("orders", 1, offset=0)
    slow.assign("orders", 1, offset=0)
    sim.run_for("1s")
    assert len(fast.records) == 10
    assert 4 <= len(slow.records) <= 6
    assert slow.position("orders", 1) == len(slow.records)
    sim.run_until_idle()
    assert slow.values == fast.values


def test_reading_starts_at_the_beginning_the_end_or_an_offset(sim: Simulation) -> None:
    shop = sim.producer("shop")
    for number in range(5):
        shop.send("orders", value=str(number), partition=0)
    sim.run_until_idle()
    for name, offset in (("all", "beginning"), ("news", "end"), ("rest", 3)):
        sim.consumer(name).assign("orders", 0, offset=offset)
    sim.run_until_idle()
    shop.send("orders", value="5", partition=0)
    sim.run_until_idle()
    read = {name: sim.consumer(name).values for name in ("all", "news", "rest")}
    assert read == {"all": list("012345"), "news": ["5"], "rest": list("345")}


def test_seeking_reads_again_and_a_time_is_a_place_in_the_log(sim: Simulation) -> None:
    shop, reader = sim.producer("shop"), sim.consumer("reader")
    sim.run_until("1s")
    shop.send("orders", value="early", partition=0)
    sim.run_until("2s")
    shop.send("orders", value="late", partition=0)
    reader.assign("orders", 0, offset="beginning")
    sim.run_until_idle()
    reader.seek("orders", 0, 0)
    sim.run_until_idle()
    assert reader.values == ["early", "late", "early", "late"]
    assert [record.time_us for record in reader.records[:2]] == [1_000_000, 2_000_000]
    reader.seek_to_time("orders", 0, "1.5s")
    sim.run_until_idle()
    assert reader.values[4:] == ["late"]
    reader.seek("orders", 0, "end")
    sim.run_until_idle()
    assert len(reader.records) == 5


def test_a_paused_reader_lags_until_it_goes_on(sim: Simulation) -> None:
    shop, reader = sim.producer("shop"), sim.consumer("reader")
    reader.assign("orders", 0, offset="beginning")
    sim.run_until_idle()
    reader.pause("orders", 0)
    shop.send("orders", value="meanwhile", partition=0)
    sim.run_for("1s")
    assert reader.values == []
    reader.resume("orders", 0)
    sim.run_until_idle()
    assert reader.values == ["meanwhile"]


def test_a_reader_changes_its_pace(sim: Simulation) -> None:
    sim.producer("shop").send_each("orders", [("A", str(n)) for n in range(20)], every=0)
    reader = sim.consumer("reader", every="1s")
    reader.assign("orders", 1, offset=0)
    sim.run_until("2.5s")
    assert len(reader.records) == 3
    reader.pace(None)
    sim.run_for("10ms")
    assert len(reader.records) == 20


def test_a_fetch_can_be_kept_small_so_that_a_figure_shows_it(sim: Simulation) -> None:
    sim.producer("shop", linger_ms=0).send_each(
        "orders", [("A", str(n)) for n in range(5)], every="20ms"
    )
    sim.run_until_idle()
    reader = sim.consumer("reader", max_partition_fetch_bytes=1, every="1ms")
    reader.assign("orders", 1, offset=0)
    start = sim.steps
    sim.run_until_idle()
    answers = [
        message
        for step in sim.trace.steps[start:]
        for message in step.sent
        if message["name"] == "Fetch response" and "keys" in message
    ]
    assert [len(answer["keys"]) for answer in answers] == [1] * 5


def test_retention_deletes_what_is_old_and_moves_the_log_start() -> None:
    sim = Simulation(seed=7, settings={"log.retention.check.interval.ms": "1000"})
    sim.create_topic("orders", retention_ms=5_000, segment_ms=1_000)
    sim.producer("shop").send_each("orders", [("A", str(n)) for n in range(20)], every="500ms")
    sim.run_until("12s")
    log = sim.trace.frame()["logs"]["1"]["orders-0"]
    assert 0 < log["start"] < log["end"] == 20
    assert list(log["records"]) == [str(offset) for offset in range(log["start"], 20)]
    assert sim.check() == []


def test_topics_are_changed_and_deleted(sim: Simulation) -> None:
    sim.configure_topic("orders", retention_ms=60_000)
    node = sim.broker(1).machine
    assert node is not None
    assert node.replicas.partitions["orders", 0].log.config.retention_ms == 60_000
    sim.configure_topic("orders", retention_ms=None)
    sim.delete_topic("orders")
    assert sim.topics == {}
    assert sim.trace.frame()["partitions"] == {}
    assert sim.trace.frame()["logs"]["1"] == {}


def test_time_is_asked_for_in_words(sim: Simulation) -> None:
    sim.run_until("1.5s")
    assert sim.now == 1_500_000
    sim.run_for("250ms")
    assert sim.now == 1_750_000
    shop = sim.producer("shop")
    shop.send("orders", value="x")
    sim.run_until(lambda: shop.outcomes[0].status == "acked")
    assert sim.now < 2_000_000


def test_a_seed_decides_whether_messages_go_through_bytes() -> None:
    through_bytes = [Simulation(seed=seed).network.codec for seed in range(40)]
    assert 3 < sum(through_bytes) < 20
    assert Simulation(codec=True).network.codec


# -- nonsense -------------------------------------------------------------------------------------

NONSENSE: list[tuple[Callable[[Simulation], object], str]] = [
    (lambda sim: sim.crash(2), "there is nobody called 2 here, only 1, admin"),
    (lambda sim: sim.broker(4), "there is no broker 4, only [1]"),
    (lambda sim: sim.restart(1), "broker 1 is up: only what is down can be restarted"),
    (lambda sim: sim.resume(1), "broker 1 is not paused"),
    (lambda sim: sim.client("shop"), "there is no client 'shop'"),
    (lambda sim: sim.client("admin"), "'admin' is no consumer"),
    (lambda sim: sim.producer("2"), "'2' cannot be a client's name: numbers are brokers"),
    (lambda sim: sim.producer("p", fame=1), "'p': there is no setting 'fame'"),
    (lambda sim: sim.producer("p", acks=7), "'p': acks=7: must be 0, 1 or -1 (all)"),
    (lambda sim: sim.consumer("c", every="soon"), "'soon' is not a duration"),
    (lambda sim: sim.producer("p").send("nope"), "there is no topic 'nope'"),
    (lambda sim: sim.producer("p").send("orders", partition=3), "the partitions 0 to 2, and no 3"),
    (lambda sim: sim.producer("p").send("orders", key=1), "a key is a text here, not 1"),  # type: ignore[arg-type]
    (lambda sim: sim.consumer("c").seek("orders", 0, 0), "'c' is not assigned orders-0"),
    (lambda sim: sim.consumer("c").assign("orders", offset="start"), "an offset is a number"),
    (lambda sim: sim.create_topic("orders"), "CreateTopics orders: TOPIC_ALREADY_EXISTS"),
    (lambda sim: sim.create_topic("x", retention_ms="old"), "INVALID_CONFIG: Invalid value old"),
    (lambda sim: sim.run_until("1us"), "1 us are over"),
    (lambda sim: sim.run_until(lambda: False, within="1s"), "not come to that within 1s"),
    (lambda sim: sim.lose(2), "a share lies between 0 and 1: 2"),
    (lambda sim: sim.delay("2s", "1s"), "a delay of at least 2s cannot be at most 1s"),
    (lambda sim: sim.fail_disk(1, "EFUN"), "'EFUN' is not one of EIO, ENOSPC"),
    (lambda sim: sim.fail_disk(1, on="seek"), "'seek' is not one of read, append, sync"),
    (lambda sim: sim.flip_bit(1, "orders", 0, 5), "broker 1 stores no record at offset 5"),
    (lambda sim: sim.rot(1), "nothing of what broker 1 will look through can be repaired"),
    (lambda sim: sim.trace.window(10_000), "there is no step 10000"),
]


@pytest.mark.parametrize(("say", "answer"), NONSENSE, ids=[answer for _, answer in NONSENSE])
def test_nonsense_is_answered_in_a_sentence(
    sim: Simulation, say: Callable[[Simulation], object], answer: str
) -> None:
    with pytest.raises(SimulationError) as refused:
        say(sim)
    assert answer in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_is_no_step_and_no_command(sim: Simulation) -> None:
    before = (sim.steps, len(sim.commands), sim.trace.to_json())
    for _ in range(2):
        with pytest.raises(SimulationError):
            sim.flip_bit(1, "orders", 0, 5)
    assert (sim.steps, len(sim.commands), sim.trace.to_json()) == before


def test_what_is_down_cannot_go_down_again(sim: Simulation) -> None:
    sim.crash(1)
    with pytest.raises(SimulationError, match="broker 1 is down already"):
        sim.crash(1)
    sim.producer("shop").send("orders", value="into the void")
    with pytest.raises(SimulationError, match="not idle within 5s: shop has not finished"):
        sim.run_until_idle(within="5s")


def test_a_client_is_asked_for_by_its_name_alone(sim: Simulation) -> None:
    shop = sim.producer("shop", acks="all")
    assert sim.producer("shop").name == shop.name
    with pytest.raises(SimulationError, match="'shop' is there already"):
        sim.producer("shop", acks=1)
    with pytest.raises(SimulationError, match="'shop' is no consumer"):
        sim.consumer("shop")


def test_settings_and_seeds_are_checked_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"log\.retention\.day: no such setting"):
        Simulation(settings={"log.retention.day": "7"})
    with pytest.raises(SimulationError, match="a seed is a whole number"):
        Simulation(seed=-1)
    with pytest.raises(SimulationError, match="at least one broker, not 0"):
        Simulation(brokers=0)
