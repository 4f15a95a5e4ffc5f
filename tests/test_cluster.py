"""The embedded cluster, as a notebook uses it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from confluent_kafka import Producer

import broker
from broker.cluster import Cluster
from broker.wire.errors import ConfigError, StorageError


def answers(address: str) -> bool:
    """Whether somebody listens at host:port."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_cluster_answers_while_it_runs_and_leaves_nothing_behind() -> None:
    with broker.Cluster() as cluster:
        address, folder = cluster.bootstrap_servers, cluster.data_dir
        assert address.startswith("127.0.0.1:")
        assert answers(address)
        assert folder is not None
        assert os.path.exists(os.path.join(folder, "meta.properties"))
    assert not answers(address)
    assert not os.path.exists(folder)
    assert "broker" not in [thread.name for thread in threading.enumerate()]


def test_start_and_stop_in_cells_of_their_own() -> None:
    cluster = Cluster()
    assert repr(cluster) == "Cluster(1 broker, not running)"
    with pytest.raises(ConfigError, match="does not run"):
        _ = cluster.bootstrap_servers
    assert cluster.start() is cluster
    assert cluster.start() is cluster, "a cell may be run twice"
    assert f"Cluster(1 broker on {cluster.bootstrap_servers}, data in " in repr(cluster)
    cluster.stop()
    cluster.stop()
    assert not cluster.running
    with cluster:
        assert answers(cluster.bootstrap_servers), "and it may start again"


def test_a_given_folder_is_kept_and_found_again(tmp_path: Path) -> None:
    with Cluster(data_dir=tmp_path / "data") as cluster:
        assert repr(cluster).endswith(f"data in {tmp_path / 'data'}, kept)")
    assert (tmp_path / "data" / ".kafka_cleanshutdown").exists()
    before = (tmp_path / "data" / "meta.properties").read_text()
    with Cluster(data_dir=str(tmp_path / "data")):
        assert (tmp_path / "data" / "meta.properties").read_text() == before


def test_two_clusters_live_side_by_side() -> None:
    with Cluster() as one, Cluster() as two:
        assert one.bootstrap_servers != two.bootstrap_servers
        assert answers(one.bootstrap_servers)
        assert answers(two.bootstrap_servers)


def test_settings_may_be_pythons_values() -> None:
    with Cluster(settings={"auto.create.topics.enable": False, "num.partitions": 3}) as cluster:
        node = cluster._nodes[1].node
        assert node is not None
        assert node.config.num_partitions == 3
        assert node.config.auto_create_topics_enable is False


def test_errors_come_to_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"num\.partitions=none"):
        Cluster(settings={"num.partitions": "none"})
    with pytest.raises(ConfigError, match="brokers=0: expected 1 to 9"):
        Cluster(brokers=0)
    with Cluster(data_dir=tmp_path) as first:
        port = int(first.bootstrap_servers.rpartition(":")[2])
        with pytest.raises(StorageError, match="in use by another broker"):
            Cluster(data_dir=tmp_path).start()
        with pytest.raises(ConfigError, match="the port is in use"):
            Cluster(port=port).start()


def test_it_runs_beside_a_loop_that_runs_already() -> None:
    async def cell() -> bool:
        with Cluster() as cluster:
            return await asyncio.to_thread(answers, cluster.bootstrap_servers)

    assert asyncio.run(cell())


def test_three_brokers_one_of_which_dies_and_comes_back() -> None:
    with Cluster(brokers=3, settings={"num.partitions": 3}) as cluster:
        addresses = cluster.bootstrap_servers.split(",")
        assert len(addresses) == 3
        assert all(map(answers, addresses))
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "acks": "all"})
        failures: list[object] = []
        values = [b"%d" % n for n in range(60)]

        def write(numbers: list[bytes]) -> None:
            for n, value in enumerate(numbers):
                producer.produce(
                    "orders", value, partition=n % 3,
                    on_delivery=lambda error, _: failures.append(error) if error else None,
                )  # fmt: skip
            assert producer.flush(20) == 0

        write(values[:30])
        leader, controller = cluster.leader_of("orders", 0), cluster.controller
        assert leader in (1, 2, 3)
        assert controller in (1, 2, 3)
        for broker_id in dict.fromkeys((leader, controller)):
            cluster.crash(broker_id)
            assert not answers(addresses[broker_id - 1])
            assert f"  {broker_id}  {addresses[broker_id - 1]}  down" in repr(cluster)
            write(values[30:])
            assert cluster.leader_of("orders", 0) != broker_id
            assert cluster.controller != broker_id
            cluster.restart(broker_id)
            assert answers(addresses[broker_id - 1])
        assert failures == []
        assert "the controller, too" in repr(cluster)
        assert cluster.bootstrap_servers.split(",") == addresses
        assert cluster.leader_of("none", 0) is None
        with pytest.raises(ConfigError, match="there is no broker 4: expected 1 to 3"):
            cluster.crash(4)


def test_all_die_and_the_last_two_to_come_back_answer_again(tmp_path: Path) -> None:
    with Cluster(brokers=3, data_dir=tmp_path) as cluster:
        for broker_id in (1, 2, 3):
            cluster.crash(broker_id)
        cluster.crash(2)
        assert cluster.controller is None
        assert cluster.leader_of("orders", 0) is None
        cluster.restart(1)
        assert "waits for the others" in repr(cluster)
        cluster.restart(3)
        assert cluster.controller in (1, 3)
    assert repr(cluster) == "Cluster(3 brokers, not running)"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["1", "2", "3"]


def test_a_kernel_that_ends_leaves_no_folder_behind() -> None:
    code = "import broker; c = broker.Cluster().start(); print(c.data_dir)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert ended.stderr == ""
    assert not os.path.exists(ended.stdout.strip())


def test_the_package_is_cheap_to_import_and_works_without_sockets() -> None:
    code = """
import json, sys
sys.modules["socket"] = sys.modules["asyncio"] = sys.modules["threading"] = None
import broker
print(json.dumps([broker.__version__, "Cluster" in dir(broker), len(sys.modules)]))
"""
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    version, offered, modules = json.loads(found.stdout)
    assert version == broker.__version__
    assert offered
    assert modules < 80
