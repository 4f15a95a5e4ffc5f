"""The virtual network: what TCP promises, and the ways in which it ends."""

from __future__ import annotations

import pytest

from broker.sim.packets import Packet
from broker.wire.messages.describe_cluster import DescribeClusterRequest
from tests.sim.fakes import run, toy_network


def test_a_question_is_answered_after_two_delays() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    assert asker.heard == [("answer", 1)]
    assert answerer.asked[0].client_id == "shop"
    assert 2_000 <= network.world.now_us <= 8_000


def test_messages_of_a_connection_arrive_in_the_order_of_sending() -> None:
    for seed in range(20):
        network, client, asker, _, answerer = toy_network(seed)
        for _ in range(10):
            client.follow(asker.ask())
        run(network)
        assert [request.correlation_id for request in answerer.asked] == list(range(1, 11))
        assert asker.heard == [("answer", number) for number in range(1, 11)]


def test_answers_leave_in_the_order_of_requests_even_when_a_later_one_is_ready_first() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    for _ in range(3):
        client.follow(asker.ask())
    run(network)
    first, second, third = answerer.asked
    server.follow([answerer.answer(third)])
    server.follow([answerer.answer(second)])
    run(network)
    assert asker.heard == []
    server.follow([answerer.answer(first)])
    run(network)
    assert asker.heard == [("answer", 1), ("answer", 2), ("answer", 3)]


def test_a_lost_message_takes_its_connection_with_it_and_both_ends_hear_of_that() -> None:
    network, client, asker, _, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.loss = 1.0
    client.follow(asker.ask())
    network.loss = 0.0
    client.follow(asker.ask())  # behind a hole in the stream: this is lost, too
    run(network)
    assert [request.correlation_id for request in answerer.asked] == [1]
    assert asker.heard == [("answer", 1), ("lost", 1)]
    assert answerer.gone == [1]


def test_the_next_request_after_a_loss_opens_another_connection() -> None:
    network, client, asker, _, answerer = toy_network()
    network.loss = 1.0
    client.follow(asker.ask())
    network.loss = 0.0
    run(network)
    client.follow(asker.ask())
    run(network)
    assert asker.heard == [("lost", 1), ("answer", 2)]
    assert answerer.asked[0].connection == 2


def test_a_lost_answer_leaves_the_client_without_knowing() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    run(network)
    network.loss = 1.0
    server.follow([answerer.answer(answerer.asked[0])])
    run(network)
    assert (len(answerer.asked), asker.heard) == (1, [("lost", 1)])


def test_nobody_listens_on_a_host_that_is_down() -> None:
    network, client, asker, server, answerer = toy_network()
    network.drop_host(server)
    server.halt("crashed")
    client.follow(asker.ask())
    run(network)
    assert (answerer.asked, asker.heard) == ([], [("lost", 1)])


def test_a_crash_loses_what_was_on_its_way_to_it_and_not_what_had_left() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    run(network)
    server.follow([answerer.answer(answerer.asked[0])])
    client.follow(asker.ask())
    network.drop_host(server)
    server.halt("crashed")
    run(network)
    assert len(answerer.asked) == 1
    assert asker.heard == [("answer", 1), ("lost", 1)]


def test_who_comes_back_after_a_crash_hears_nothing_of_old_connections() -> None:
    network, client, asker, server, answerer = toy_network()
    client.follow(asker.ask())
    run(network)
    network.drop_host(server)
    server.halt("crashed")
    server.boot(answerer)
    run(network)
    assert answerer.gone == []
    assert asker.heard == [("answer", 1), ("lost", 1)]


def test_a_server_that_hangs_up_has_nothing_more_to_hear() -> None:
    network, client, asker, server, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    run(network)
    connection = answerer.asked[0].connection
    server.follow([*answerer.hang_up(connection), answerer.answer(answerer.asked[0])])
    run(network)
    assert (asker.heard, answerer.gone) == ([("lost", 1)], [])


def test_a_client_that_hangs_up_is_missed_by_the_server_only() -> None:
    network, client, asker, _, answerer = toy_network(patient=True)
    client.follow(asker.ask())
    run(network)
    client.follow(answerer.hang_up(1))
    run(network)
    assert (asker.heard, answerer.gone) == ([], [1])


def test_what_comes_for_a_paused_host_waits_at_its_door() -> None:
    network, client, asker, server, answerer = toy_network()
    server.held = []
    client.follow(asker.ask())
    client.follow(asker.ask())
    run(network)
    assert answerer.asked == []
    server.resume()
    run(network)
    assert asker.heard == [("answer", 1), ("answer", 2)]


@pytest.mark.parametrize("codec", [False, True])
def test_through_the_codec_or_not_the_same_arrives(codec: bool) -> None:
    network, client, asker, _, answerer = toy_network(codec=codec)
    client.follow(asker.ask())
    (packet,) = [item for item in network.world.planned() if isinstance(item, Packet)]
    sent = DescribeClusterRequest()
    assert packet.body == sent
    run(network)
    assert answerer.bodies == [sent]
    assert asker.heard == [("answer", 1)]


def test_a_deadline_comes_when_it_is_due_and_a_later_one_moves_it() -> None:
    network, client, asker, _, _ = toy_network()
    asker.wants = 1_000
    client.set_alarm()
    asker.wants = 5_000
    run(network)
    assert asker.heard == [("deadline", 5_000)]


def test_a_deadline_that_is_called_off_does_not_come() -> None:
    network, client, asker, _, _ = toy_network()
    asker.wants = 1_000
    client.set_alarm()
    asker.wants = None
    run(network)
    assert (asker.heard, network.world.steps) == ([], 1)
