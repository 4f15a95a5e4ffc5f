"""The waiting room."""

from __future__ import annotations

from dataclasses import dataclass

from broker.replication.waiting import WaitingRoom


@dataclass(eq=False)
class Guest:
    connection: int


def test_who_waits_is_found_at_each_of_the_keys() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    one, two = Guest(1), Guest(2)
    room.enter(one, ["orders-0", "orders-1"], 100)
    room.enter(two, ["orders-1"], 50)
    assert room.at("orders-0") == [one]
    assert room.at("orders-1") == [one, two], "first come, first served"
    assert room.at("orders-2") == []
    assert len(room) == 2


def test_who_names_a_key_twice_waits_for_it_once() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    guest = Guest(1)
    room.enter(guest, ["a", "a"], 100)
    assert room.at("a") == [guest]
    room.leave(guest)
    assert room.at("a") == []


def test_whoever_leaves_is_found_nowhere() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    guest = Guest(1)
    room.enter(guest, ["a", "b"], 100)
    room.leave(guest)
    room.leave(guest)
    assert (room.at("a"), room.at("b"), room.deadline(), len(room)) == ([], [], None, 0)


def test_the_earliest_deadline_counts_whoever_came_first() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    late, soon = Guest(1), Guest(2)
    room.enter(late, ["a"], 100)
    room.enter(soon, ["a"], 50)
    assert room.deadline() == 50
    assert room.due(49) == []
    assert room.due(50) == [soon]
    room.leave(soon)
    assert room.deadline() == 100


def test_a_closed_connection_takes_its_requests_along() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    for connection in (1, 2, 1):
        room.enter(Guest(connection), ["a"], 100)
    room.forget(1)
    assert [guest.connection for guest in room.at("a")] == [2]


def test_old_deadlines_do_not_pile_up() -> None:
    room: WaitingRoom[Guest] = WaitingRoom()
    for _ in range(10_000):
        guest = Guest(1)
        room.enter(guest, ["a"], 10**9)
        room.leave(guest)
    assert len(room._deadlines) < 100
