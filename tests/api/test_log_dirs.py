"""DescribeLogDirs: what is on the disk, and how large it is."""

from __future__ import annotations

import pytest

from broker.wire.messages.describe_log_dirs import DescribableLogDirTopic, DescribeLogDirsRequest
from tests.bench import Bench


def look(bench: Bench, version: int = 5, **wanted: list[int]) -> dict[tuple[str, int], int]:
    """The size of each log."""
    topics = [DescribableLogDirTopic(topic=name, partitions=p) for name, p in wanted.items()]
    answer = bench.ask(DescribeLogDirsRequest(topics=topics or None), version)
    [directory] = answer.results
    assert directory.log_dir == bench.node.config.log_dir
    assert directory.total_bytes == -1
    return {
        (topic.name, partition.partition_index): partition.partition_size
        for topic in directory.topics
        for partition in topic.partitions
    }


@pytest.mark.parametrize("version", range(1, 6))
def test_all_logs_are_told_with_their_sizes(version: int) -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    assert look(bench, version) == {("orders", 0): 0, ("orders", 1): 0}
    bench.produce("orders", "a")
    size = bench.disk.size("orders-0/00000000000000000000.log")
    assert look(bench, version) == {("orders", 0): size, ("orders", 1): 0}


def test_only_what_is_asked_for_and_there() -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    bench.create_topic("payments")
    assert list(look(bench, orders=[1, 9], nowhere=[0])) == [("orders", 1)]
