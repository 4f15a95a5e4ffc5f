"""Ways through the network that are cut, slow or lossy, and what TCP makes of them."""

from __future__ import annotations

import pytest

from broker.events import CLIENT, QUORUM, HangUp, Send
from broker.sim import Simulation, SimulationError
from broker.wire.messages.describe_cluster import DescribeClusterRequest
from tests.sim.fakes import run, toy_network

BOTH = [("shop", "1"), ("1", "shop")]


def test_a_cut_tells_nobody_and_what_was_sent_arrives_when_it_is_healed() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.links.cut(BOTH)
    client.follow(asker.ask())
    client.follow(asker.ask())
    run(network)
    assert (len(answerer.asked), asker.heard) == (1, [("answer", 1)])
    network.links.heal()
    run(network)
    assert [request.correlation_id for request in answerer.asked] == [1, 2, 3]
    assert asker.heard == [("answer", 1), ("answer", 2), ("answer", 3)]


def test_a_cut_in_one_direction_lets_questions_through_and_no_answers() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.links.cut([("1", "shop")])
    client.follow(asker.ask())
    run(network)
    assert (len(answerer.asked), asker.heard) == (2, [("answer", 1)])


def test_over_a_cut_nobody_can_connect_and_who_tries_is_told() -> None:
    for ways in (BOTH, BOTH[:1], BOTH[1:]):
        network, client, asker, _, answerer = toy_network()
        network.links.cut(ways)
        client.follow(asker.ask())
        run(network)
        assert (answerer.asked, asker.heard) == ([], [("lost", 1)])


def test_a_request_arrives_after_its_sender_has_given_it_up_and_asked_again() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.links.cut(BOTH)
    client.follow(asker.ask())
    run(network)
    client.follow([HangUp(1, CLIENT)])
    network.links.heal()
    client.follow(asker.ask())
    run(network)
    assert sorted(request.correlation_id for request in answerer.asked) == [1, 2, 3]
    assert asker.heard == [("answer", 1), ("answer", 3)]
    assert answerer.gone == [1]


def test_no_late_answer_arrives_after_hanging_up() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    run(network)
    server.follow([answerer.answer(answerer.asked[0])])
    client.follow([HangUp(1, CLIENT)])
    run(network)
    assert (asker.heard, answerer.gone) == ([], [1])


def test_a_repeated_request_is_there_twice_the_first_copy_late() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.late, network.late_us = 1.0, 1_000_000
    client.follow(asker.ask())
    network.late = 0.0
    network.world.step()  # hears that the connection is gone, long before the copy arrives
    assert asker.heard == [("answer", 1), ("lost", 1)]
    client.follow(asker.ask())
    run(network)
    assert [request.connection for request in answerer.asked] == [1, 2, 1]
    assert asker.heard[2:] == [("answer", 3)]


def test_each_lane_is_a_connection_of_its_own() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    client.follow([Send(1, 7, 0, DescribeClusterRequest(), QUORUM)])
    run(network)
    first, second = sorted(answerer.asked, key=lambda request: request.correlation_id)
    assert first.connection != second.connection
    assert (first.to_controller, second.to_controller) == (False, True)
    server.follow([answerer.answer(second)])
    run(network)
    assert asker.heard == [("answer", 7)]
    client.follow([HangUp(1, QUORUM)])
    run(network)
    assert answerer.gone == [second.connection]


def test_a_way_of_its_own_is_slower_than_the_others() -> None:
    network, client, asker, _, _ = toy_network()
    network.links.delays["1", "shop"] = (50_000, 50_000)
    client.follow(asker.ask())
    run(network)
    assert 51_000 <= network.world.now_us <= 54_000


# -- by hand, in one line --------------------------------------------------------------------------


def cuts(sim: Simulation) -> set[tuple[str, str]]:
    return set(sim.network.links.cuts)


@pytest.fixture(scope="module")
def five() -> Simulation:
    sim = Simulation(brokers=5, seed=7)
    sim.producer("shop")
    return sim


def test_cuts_have_sides_shapes_and_directions(five: Simulation) -> None:
    five.cut({1}, {2, 3})
    assert cuts(five) == {("1", "2"), ("2", "1"), ("1", "3"), ("3", "1")}
    five.heal(1, 2)
    assert cuts(five) == {("1", "3"), ("3", "1")}
    five.heal()
    five.cut(1, "shop", one_way=True)
    assert cuts(five) == {("1", "shop")}
    five.heal()
    five.isolate(5)
    assert len(cuts(five)) == 8
    five.heal()
    five.bridge(3)
    assert cuts(five) == {(a, b) for a in "12" for b in "45"} | {(b, a) for a in "12" for b in "45"}
    five.heal()
    five.ring()
    heard = {n: {m for m in "12345" if (m, n) not in cuts(five)} for n in "12345"}
    assert {len(names) for names in heard.values()} == {3}
    assert len({tuple(sorted(names)) for names in heard.values()}) == 5
    five.heal()
    assert cuts(five) == set()


@pytest.mark.parametrize(
    ("say", "answer"),
    [
        (lambda sim: sim.cut({1}, {9}), "there is nobody called 9 here"),
        (lambda sim: sim.cut({1, 2}), "a cut has two sides"),
        (lambda sim: sim.cut({1, 2}, {2, 3}), "on one side of a cut or on another"),
        (lambda sim: sim.lose(1.5, between=(1, 2)), "a share lies between 0 and 1: 1.5"),
        (lambda sim: sim.lose("half"), "a share lies between 0 and 1: 'half'"),
        (lambda sim: sim.skew(1, "5s"), "'5s': say which way, as in '+5s' or '-5s'"),
        (lambda sim: sim.skew(1, 5), "5: say which way, as in '+5s' or '-5s'"),
        (lambda sim: sim.drift(1, "1%"), "'1%': say which way, as in '+1%' or '-1%'"),
        (lambda sim: sim.drift(1, "+5s"), "'+5s' is no drift: write '+1%' or '-200ppm'"),
        (lambda sim: sim.drift(1, "+90%"), "a clock that drifts by +90% is no clock"),
        (lambda sim: sim.lying_disk(1, "nothing"), "'nothing' is not one of records, everything"),
        (lambda sim: sim.flap("orders", 0), "nobody leads orders-0"),
        (lambda sim: sim.double_failover("orders", 0), "nobody leads orders-0"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(five: Simulation, say: object, answer: str) -> None:
    with pytest.raises(SimulationError) as refused:
        say(five)  # type: ignore[operator]
    assert answer in str(refused.value)


def test_two_leaders_die_one_after_the_other_and_their_logs_come_together() -> None:
    sim = Simulation(brokers=5, seed=7)
    sim.create_topic("orders", replicas=[[1, 2, 3]], min_insync_replicas=2)
    shop = sim.producer("shop", request_timeout_ms=1_000)
    shop.send_each("orders", [(None, str(number)) for number in range(40)], every="50ms")
    sim.double_failover("orders", 0)
    with pytest.raises(SimulationError, match="another double failover is under way"):
        sim.double_failover("orders", 0)
    led: list[int | None] = []

    def all_is_over() -> bool:
        led.append(sim.leader_of("orders", 0))
        return not sim.network.links.restless

    sim.run_until(all_is_over)
    assert list(dict.fromkeys(led))[:2] == [1, 2], "the successor, though it had heard less"
    sim.run_until_idle()
    reader = sim.consumer("reader")
    reader.assign("orders", 0, offset="beginning")
    sim.run_for("10s")
    assert reader.values == [str(number) for number in range(40)]
    assert not sim.violations
