"""Apache Kafka's tools on our metadata quorum: its log, its snapshots, and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks import peer
from tests.clients.trio import Trio, wait_until

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def folder(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of three brokers that had a topic, and were stopped in order."""
    folder = tmp_path_factory.mktemp("quorum") / "data"
    with Trio(folder, metadata_log_max_record_bytes_between_snapshots=2_000) as trio:
        admin = AdminClient({"bootstrap.servers": trio.bootstrap})
        for made in admin.create_topics([NewTopic("made", 20, 3)]).values():
            made.result(30)
        describe = ("--bootstrap-server", trio.bootstrap, "describe", "--status")
        (folder / "status").write_text(peer.run("metadata-quorum", *describe))
        wait_until(lambda: len(snapshots(folder)) >= 3, 20)
    return folder


def snapshots(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/__cluster_metadata-0/0*.checkpoint"))


def payloads(told: str) -> list[dict[str, str]]:
    return [
        json.loads(line.split("payload: ", 1)[1])
        for line in told.splitlines()
        if "payload: " in line
    ]


def test_metadata_quorum_describes_three_voters(folder: Path) -> None:
    status = (folder / "status").read_text()
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert [voter["id"] for voter in json.loads(told["CurrentVoters"])] == [1, 2, 3]
    assert int(told["LeaderId"]) in (1, 2, 3)
    assert json.loads(told["CurrentObservers"]) == []


def test_dump_log_reads_logs_and_snapshots_of_all_voters(folder: Path) -> None:
    logs = sorted(folder.glob("*/__cluster_metadata-0/*.log"))
    files = ",".join(str(file) for file in [*logs, *snapshots(folder)])
    told = peer.run("dump-log", "--cluster-metadata-decoder", "--files", files)
    assert "isvalid: false" not in told
    parts = [payloads(part) for part in told.split("Dumping ")[1:]]
    partitions = [[each for each in p if each["type"] == "PARTITION_RECORD"] for p in parts]
    assert partitions[0] == partitions[1] == partitions[2]
    assert len(partitions[0]) == 20
    assert told.count("SnapshotHeader") == told.count("SnapshotFooter") == len(parts) - 3
    for part in parts:
        assert {"FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD"} <= {p["type"] for p in part}


def test_metadata_shell_shows_what_a_snapshot_says(folder: Path) -> None:
    snapshot = str(snapshots(folder)[-1])
    for _ in range(5):
        told = peer.run("metadata-shell", "--snapshot", snapshot, "ls", "/image/cluster/brokers")
        if told.strip():  # on a busy machine it sometimes answers before it has read the file
            break
    assert told.split() == ["1", "2", "3"]
