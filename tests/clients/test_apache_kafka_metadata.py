"""Apache Kafka's tools on our metadata quorum: its log, its snapshots, and what it tells."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks import peer
from tests.clients.trio import Trio

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of three brokers that had a topic, and were stopped in order."""
    try:
        peer.fetch()
    except peer.PeerMissingError as error:
        pytest.skip(f"Apache Kafka is not here: {error}")
    folder = tmp_path_factory.mktemp("quorum") / "data"
    with Trio(folder, metadata_log_max_record_bytes_between_snapshots=2_000) as trio:
        made = ("--create", "--topic", "made", "--partitions", "20", "--replication-factor", "3")
        peer.run("topics", "--bootstrap-server", trio.bootstrap, *made)
        (folder / "status").write_text(quorum(trio, "--status"))
        (folder / "replication").write_text(quorum(trio, "--replication"))
        while len(list(folder.rglob("0*.checkpoint"))) < 3:
            time.sleep(0.05)
    return folder


def quorum(trio: Trio, what: str) -> str:
    return peer.run("metadata-quorum", "--bootstrap-server", trio.bootstrap, "describe", what)


def snapshots(folder: Path) -> list[Path]:
    return sorted(folder.rglob("0*.checkpoint"))


def payloads(told: str) -> list[dict[str, str]]:
    return [
        json.loads(line.split("payload: ", 1)[1])
        for line in told.splitlines()
        if "payload: " in line
    ]


def test_metadata_quorum_describes_three_voters(folder: Path) -> None:
    status = (folder / "status").read_text()
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    voters = json.loads(told["CurrentVoters"])
    assert [voter["id"] for voter in voters] == [1, 2, 3]
    assert int(told["LeaderId"]) in (1, 2, 3)
    assert json.loads(told["CurrentObservers"]) == []
    lines = [line.split("\t") for line in (folder / "replication").read_text().splitlines()[1:]]
    assert sorted(line[-2].strip() for line in lines if len(line) > 2) == [
        "Follower",
        "Follower",
        "Leader",
    ]


def test_dump_log_reads_the_log_of_each_voter(folder: Path) -> None:
    records = []
    for log in sorted(folder.glob("*/__cluster_metadata-0/*.log")):
        told = peer.run("dump-log", "--cluster-metadata-decoder", "--files", str(log))
        assert "isvalid: false" not in told
        assert "LeaderChange" in told
        records.append([each for each in payloads(told) if each["type"] == "PARTITION_RECORD"])
    assert len(records) == 3
    assert records[0] == records[1] == records[2]
    assert len(records[0]) == 20


def test_dump_log_reads_snapshots(folder: Path) -> None:
    for snapshot in snapshots(folder):
        told = peer.run("dump-log", "--cluster-metadata-decoder", "--files", str(snapshot))
        assert "SnapshotHeader" in told
        assert "SnapshotFooter" in told
        assert "isvalid: false" not in told
        assert {"FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD"} <= {
            each["type"] for each in payloads(told)
        }


def shell(snapshot: Path, *words: str) -> str:
    """On a busy machine the shell sometimes answers before it has read the file."""
    for _ in range(5):
        told = peer.run("metadata-shell", "--snapshot", str(snapshot), *words)
        if told.strip():
            return told
    raise AssertionError(f"the shell says nothing to {words}")


def test_metadata_shell_shows_what_a_snapshot_says(folder: Path) -> None:
    snapshot = snapshots(folder)[-1]
    assert shell(snapshot, "ls", "/image/cluster/brokers").split() == ["1", "2", "3"]
    partition = shell(snapshot, "cat", "/image/topics/byName/made/0")
    assert "replicas=[" in partition
    assert "leader=" in partition
