"""Topics that are deleted, and others that come under the same name: their files and their
promises are never mixed up, whenever the broker stops or dies."""

from __future__ import annotations

from typing import Any

import pytest

from broker.events import Synced
from broker.wire.errors import ErrorCode
from broker.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from broker.wire.messages.delete_topics import DeleteTopicsRequest
from tests.bench import Bench


def delete(name: str) -> DeleteTopicsRequest:
    return DeleteTopicsRequest(topic_names=[name], timeout_ms=1000)


def create(name: str) -> CreateTopicsRequest:
    topic = CreatableTopic(name=name, num_partitions=1, replication_factor=1)
    return CreateTopicsRequest(topics=[topic], timeout_ms=1000)


def recreate(bench: Bench, name: str, **configs: Any) -> None:
    bench.ask(delete(name), version=5)
    bench.create_topic(name, **configs)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_topic_that_was_created_anew_is_there_after_a_restart(end: str) -> None:
    """A start replays the deletion of the first one; the folder belongs to the second by then."""
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "old")
    recreate(bench, "orders")
    bench.produce("orders", "new")
    if end == "stop":
        bench.stop()
        bench.boot()
    else:
        bench.kill()
    assert bench.values("orders") == ["new"]


@pytest.mark.parametrize("seed", range(10))
def test_a_deletion_that_the_power_interrupted_is_finished(seed: int) -> None:
    """The metadata say that the topic is gone; its folder may have got its old name back."""
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "old")
    bench.ask(delete("orders"), version=5)
    bench.lose_power(seed)
    assert not bench.disk.exists("orders-0")
    bench.wait(120_000)
    assert bench.disk.list("") == ["__cluster_metadata-0", "meta.properties"]
    bench.create_topic("orders")
    assert bench.values("orders") == []


def test_a_topic_that_came_and_went_between_two_syncs_takes_the_one_before_along() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.hold_syncs = True
    bench.send(create("others"))
    for request, version in ((delete("orders"), 5), (create("orders"), 7), (delete("orders"), 5)):
        bench.send(request, version)
    bench.hold_syncs = False
    bench.sync()
    assert bench.node.replicas.partitions.keys() == {("others", 0)}
    assert bench.produce("orders", "x").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_sync_of_the_old_log_says_nothing_about_the_new_one() -> None:
    bench = Bench()
    bench.create_topic("orders", flush_messages=1)
    bench.hold_syncs = True
    bench.send(bench.produce_request("orders", bench.batch("old")), version=12)
    of_the_old_log = bench.held.pop()
    bench.hold_syncs = False
    recreate(bench, "orders", flush_messages=1)
    bench.hold_syncs = True
    number = bench.send(bench.produce_request("orders", bench.batch("new")), version=12)
    bench.carry_out(bench.node.handle(Synced(of_the_old_log.token), bench.now))
    assert not bench.answered(number)
    bench.carry_out(bench.node.handle(Synced(bench.held.pop().token), bench.now))
    assert bench.answer(number).responses[0].partition_responses[0].error_code == 0


@pytest.mark.parametrize("seed", range(10))
def test_a_new_log_does_not_inherit_what_was_durable_of_the_old_one(seed: int) -> None:
    """Or else recovery would believe records that never were on the platter."""
    bench = Bench()
    bench.create_topic("orders", flush_messages=1)
    for n in range(50):
        bench.produce("orders", f"old {n}")
    bench.wait(120_000)  # The recovery point, 50, is in the checkpoint.
    recreate(bench, "orders")
    written = [f"new {n}" for n in range(50)]
    for value in written:
        bench.produce("orders", value)
    bench.lose_power(seed)
    left = bench.values("orders")
    assert left == written[: len(left)]
