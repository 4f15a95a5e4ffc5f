"""The settings that make a node one of several: its roles, the voters, its listeners."""

from __future__ import annotations

import pytest

from broker.metadata.configs import BrokerConfig
from broker.metadata.listeners import Endpoint, Voter
from broker.wire.errors import ConfigError

ONE_OF_THREE = {
    "node.id": "2",
    "listeners": "PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:9103",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": "3@127.0.0.1:9104,1@localhost:9102,2@[::1]:9103",
}


def given(**changes: str) -> BrokerConfig:
    changed = {name.replace("_", "."): value for name, value in changes.items()}
    return BrokerConfig.from_settings(ONE_OF_THREE | changed)


def test_a_node_is_alone_unless_told_otherwise() -> None:
    config = BrokerConfig.from_settings({})
    assert (config.is_broker, config.is_controller) == (True, True)
    assert config.voter_ids == (1,)
    assert config.voters == ()
    assert config.controller_listener is None


def test_one_of_three_knows_the_others_in_order_of_their_ids() -> None:
    config = given()
    assert config.voters == (
        Voter(1, "localhost", 9102),
        Voter(2, "::1", 9103),
        Voter(3, "127.0.0.1", 9104),
    )
    assert config.listener == Endpoint("PLAINTEXT", "127.0.0.1", 9093)
    assert config.controller_listener == Endpoint("CONTROLLER", "127.0.0.1", 9103)


def test_a_controller_has_no_listener_for_clients_and_needs_none() -> None:
    config = given(process_roles="controller", listeners="CONTROLLER://127.0.0.1:9103")
    assert not config.is_broker
    assert config.listener == config.controller_listener


def test_a_broker_that_does_not_vote_needs_no_listener_for_controllers() -> None:
    config = given(process_roles="broker", node_id="4", listeners="PLAINTEXT://127.0.0.1:9095")
    assert not config.is_controller
    assert config.controller_listener is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"process_roles": ""}, "process.roles: expected broker, controller or both"),
        ({"process_roles": "king"}, "process.roles"),
        ({"node_id": "4"}, "node.id=4 with process.roles=broker,controller expects among the"),
        ({"process_roles": "broker"}, "node.id=2 with process.roles=broker expects a node that"),
        ({"controller_quorum_voters": "2@here"}, "2@here: expected ID@HOST:PORT"),
        ({"controller_quorum_voters": "2@a:1,2@b:2"}, "2 is named twice"),
        ({"listeners": "PLAINTEXT://127.0.0.1:9093"}, "expected the name of a listener for the"),
        ({"listeners": "CONTROLLER://127.0.0.1:9103"}, "expected a listener for clients"),
        ({"inter_broker_listener_name": "INSIDE"}, "INSIDE: expected PLAINTEXT"),
        ({"broker_session_timeout_ms": "200"}, "expected more than broker.heartbeat.interval.ms"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence.replace(".", r"\.")) as caught:
        given(**wrong)
    assert "\n" not in str(caught.value)
