"""The administrators of three client libraries, on three brokers: each sees, grows and moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiokafka.admin
import kafka
import kafka.admin
import pytest
from confluent_kafka import ElectionType, KafkaError, TopicCollection, TopicPartition
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]

from tests.clients.trio import BROKERS, Trio, wait_until


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with Trio(tmp_path_factory.mktemp("administered")) as running:
        yield running


def test_confluents_describes_grows_and_elects(trio: Trio) -> None:
    trio.create("confluent", 2)
    admin: Any = trio.admin()
    cluster = admin.describe_cluster(include_authorized_operations=True).result(10)
    assert sorted(node.id for node in cluster.nodes) == list(BROKERS)
    assert cluster.controller.id in BROKERS
    assert len(cluster.cluster_id) == 22
    admin.create_partitions([NewPartitions("confluent", 4)])["confluent"].result(10)

    def told() -> Any:
        return admin.describe_topics(TopicCollection(["confluent"]))["confluent"].result(10)

    wait_until(lambda: len(told().partitions) == 4)
    for partition in told().partitions:
        assert partition.leader.id in [node.id for node in partition.isr]
        assert len(partition.replicas) == 3
    asked = [TopicPartition("confluent", 0), TopicPartition("confluent", 9)]
    outcomes = admin.elect_leaders(ElectionType.PREFERRED, asked).result(10)
    codes = {each.partition: error.code() for each, error in outcomes.items()}
    assert codes == {0: KafkaError.ELECTION_NOT_NEEDED, 9: KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert admin.elect_leaders(ElectionType.PREFERRED, None).result(10) == {}


def test_kafka_pythons_moves_and_looks_behind_the_scenes(trio: Trio) -> None:
    trio.create("python")
    admin: Any = kafka.admin.KafkaAdminClient(bootstrap_servers=trio.bootstrap.split(","))
    try:
        cluster = admin.describe_cluster()
        assert [broker["broker_id"] for broker in cluster["brokers"]] == list(BROKERS)
        first = kafka.TopicPartition("python", 0)
        [before] = admin.describe_topics(["python"])[0]["partitions"]
        turned = before["replica_nodes"][::-1]
        admin.alter_partition_reassignments({first: turned})
        assert admin.list_partition_reassignments() == {}, "only the order has changed"

        def now() -> list[int]:
            [partition] = admin.describe_topics(["python"])[0]["partitions"]
            replicas: list[int] = partition["replica_nodes"]
            return replicas

        wait_until(lambda: now() == turned)
        [quorum] = admin.describe_metadata_quorum()["topics"][0]["partitions"]
        assert [voter["replica_id"] for voter in quorum["current_voters"]] == list(BROKERS)
        assert quorum["leader_id"] == trio.controller()
        assert admin.describe_features()["metadata.version"]["finalized"] == (30, 30)
        directories = {one["broker"]: one["log_dirs"][0] for one in admin.describe_log_dirs()}
        assert sorted(directories) == list(BROKERS)
        for broker, directory in directories.items():
            assert directory["log_dir"] == trio.settings[broker]["log.dirs"]
            assert "python" in [topic["name"] for topic in directory["topics"]]
    finally:
        admin.close()


def test_aiokafkas_describes_and_grows(trio: Trio) -> None:
    trio.create("async")

    async def story() -> None:
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=trio.bootstrap)
        await admin.start()
        try:
            cluster = await admin.describe_cluster()
            assert [broker["node_id"] for broker in cluster["brokers"]] == list(BROKERS)
            await admin.create_partitions({"async": aiokafka.admin.NewPartitions(3)})
            told: list[int] = []
            while told != [0, 1, 2]:  # another broker may hear of it a moment later
                [topic] = await admin.describe_topics(["async"])
                told = [partition["partition"] for partition in topic["partitions"]]
        finally:
            await admin.close()

    asyncio.run(asyncio.wait_for(story(), 20))
