"""Work in the background: when it is done, and that nobody has to wake a broker up for it."""

from __future__ import annotations

from broker.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from tests.bench import Bench

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
TOPIC, BROKER, SET = 2, 4, 0


def alter(bench: Bench, kind: int, resource: str, name: str, value: str) -> None:
    change = AlterableConfig(name=name, config_operation=SET, value=value)
    what = AlterConfigsResource(resource_type=kind, resource_name=resource, configs=[change])
    answer = bench.ask(IncrementalAlterConfigsRequest(resources=[what]))
    assert answer.responses[0].error_code == 0, answer


def log_start(bench: Bench, topic: str) -> int:
    return bench.node.replicas.partitions[topic, 0].log.log_start_offset


# -- retention ------------------------------------------------------------------------------------


def test_a_log_that_grows_too_large_does_not_wait_for_the_next_that_grows_too_old() -> None:
    bench = Bench()
    bench.create_topic("clicks", internal_segment_bytes=1000, retention_bytes=3000)
    bench.produce("clicks", "x" * 800)
    bench.wait(10 * MINUTE_MS)  # retention was here, and saw nothing to do for seven days
    for _ in range(20):
        bench.produce("clicks", "x" * 800)
    bench.wait(5 * MINUTE_MS)
    assert bench.node.replicas.partitions["clicks", 0].log.size_bytes < 4000


def test_a_new_topic_with_a_short_retention_is_looked_after_in_time() -> None:
    bench = Bench()
    bench.create_topic("slow")
    bench.produce("slow", "x")
    bench.wait(10 * MINUTE_MS)
    bench.create_topic("fast", retention_ms=1000)
    bench.produce("fast", "x")
    bench.wait(6 * MINUTE_MS)
    assert (log_start(bench, "slow"), log_start(bench, "fast")) == (0, 1)


def test_a_shorter_retention_counts_soon_after_it_was_set() -> None:
    bench = Bench()
    for topic in ("orders", "clicks"):
        bench.create_topic(topic)
        bench.produce(topic, "x")
    bench.wait(10 * MINUTE_MS)
    alter(bench, TOPIC, "orders", "retention.ms", "1000")
    bench.wait(6 * MINUTE_MS)
    assert (log_start(bench, "orders"), log_start(bench, "clicks")) == (1, 0)
    alter(bench, BROKER, "", "log.retention.ms", "1000")
    bench.wait(6 * MINUTE_MS)
    assert log_start(bench, "clicks") == 1


def test_what_grew_old_before_a_restart_goes_without_a_new_record() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "x")
    bench.stop()
    bench.mono_us += 8 * DAY_MS * 1000
    bench.boot()
    bench.wait(6 * MINUTE_MS)
    assert log_start(bench, "orders") == 1
    bench.wait(DAY_MS)
    assert bench.node.deadline() is None, "and then there is nothing to wait for"


def test_what_was_set_for_all_brokers_counts_after_a_restart() -> None:
    bench = Bench()
    bench.create_topic("orders")
    alter(bench, BROKER, "", "log.retention.ms", "1000")
    bench.produce("orders", "x")
    bench.stop()
    bench.boot()
    bench.wait(6 * MINUTE_MS)
    assert log_start(bench, "orders") == 1


# -- many partitions ------------------------------------------------------------------------------


def test_files_and_syncs_of_many_partitions_go_in_slices() -> None:
    bench = Bench()
    bench.create_topic(
        "clicks", partitions=120, flush_ms=1000, retention_ms=1000, internal_segment_bytes=200
    )
    for partition in range(120):
        bench.produce("clicks", "x" * 100, partition=partition)
        bench.produce("clicks", "x" * 100, partition=partition)
    logs = [partition.log for partition in bench.node.replicas.partitions.values()]
    bench.wait(1000)
    assert all(log.recovery_point == 2 for log in logs)
    bench.wait(10 * MINUTE_MS)
    assert all(log.log_start_offset == 2 for log in logs)
    assert not [name for name in bench.disk.list("clicks-7") if name.endswith(".deleted")]
