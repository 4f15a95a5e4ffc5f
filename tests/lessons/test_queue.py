"""The toy queue: first in, first out, and out means gone."""

from broker.sim.trace import apply
from lessons.queue import Message, Queue


def test_messages_leave_in_the_order_in_which_they_came():
    queue = Queue()
    for key in "ABC":
        queue.put(key)
    assert [queue.take(), queue.take()] == [Message("A", ""), Message("B", "")]
    assert list(queue) == [Message("C", "")]


def test_a_taken_message_is_gone_for_everybody():
    queue = Queue()
    queue.put("A", "40")
    assert queue.take() == Message("A", "40")
    assert queue.take() is None
    assert len(queue) == 0


def test_its_changes_draw_it_in_a_trace():
    queue = Queue("orders")
    queue.put("A", "40")
    queue.put("B", "25")
    queue.take()
    state = {}
    apply(state, queue.changes())
    assert state == {
        "queues": {"orders": {"messages": {"1": {"key": "B", "value": "25"}}, "put": 2, "taken": 1}}
    }
    assert queue.changes() == []
