"""Apache Kafka's own tools against our broker and our files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import peer
from tests.clients.served import Served

SUFFIXES = (".log", ".index", ".timeindex", ".snapshot")

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.usefixtures("jars")]


def at(served: Served, tool: str, *arguments: str, stdin: str = "") -> str:
    return peer.run(tool, "--bootstrap-server", served.bootstrap, *arguments, stdin=stdin)


def test_topics_are_made_described_and_deleted(served: Served) -> None:
    made = ("--create", "--topic", "made", "--partitions", "2", "--config", "retention.ms=1000")
    assert "Created topic made." in at(served, "topics", *made)
    described = at(served, "topics", "--describe", "--topic", "made")
    assert "PartitionCount: 2" in described
    assert "retention.ms=1000" in described
    assert "Leader: 1" in described
    at(served, "topics", "--delete", "--topic", "made")
    assert "made" not in at(served, "topics", "--list").split()


def test_the_console_producer_writes_and_get_offsets_sees_it(served: Served) -> None:
    lines = "".join(f"line {n}\n" for n in range(100))
    at(served, "console-producer", "--topic", "typed", stdin=lines)
    assert at(served, "get-offsets", "--topic", "typed").strip() == "typed:0:100"
    earliest = at(served, "get-offsets", "--topic", "typed", "--time", "earliest")
    assert earliest.strip() == "typed:0:0"


def test_the_java_producer_writes_fast_and_idempotently(served: Served, tmp_path: Path) -> None:
    settings = tmp_path / "producer.properties"
    settings.write_text(f"bootstrap.servers={served.bootstrap}\nacks=all\n")
    told = peer.run(
        "producer-perf-test",
        *("--topic", "perf", "--num-records", "50000", "--record-size", "100"),
        *("--throughput", "-1", "--command-config", str(settings)),
    )
    assert "50000 records sent" in told
    assert at(served, "get-offsets", "--topic", "perf").strip() == "perf:0:50000"


def test_configs_are_described_and_altered(served: Served) -> None:
    at(served, "topics", "--create", "--topic", "tuned", "--partitions", "1")
    named = ("--entity-type", "topics", "--entity-name", "tuned")
    at(served, "configs", "--alter", *named, "--add-config", "max.message.bytes=2000")
    assert "max.message.bytes=2000" in at(served, "configs", "--describe", *named)


def test_dump_log_reads_each_of_our_files(tmp_path: Path) -> None:
    with Served(tmp_path / "data", log_index_interval_bytes=100) as served:
        for topic, codec in (("plain", "none"), ("packed", "zstd")):
            lines = "".join(f"key{n % 3}:line {n}\n" for n in range(500))
            keyed = ("--property", "parse.key=true", "--property", "key.separator=:")
            options = ("--topic", topic, *keyed, "--compression-codec", codec)
            at(served, "console-producer", *options, stdin=lines)
        assert served.stop() == 0
    folders = [tmp_path / "data" / f"{topic}-0" for topic in ("plain", "packed")]
    files = [str(f) for folder in folders for f in sorted(folder.iterdir()) if f.suffix in SUFFIXES]
    told = peer.run("dump-log", "--files", ",".join(files), "--print-data-log")
    assert len(files) == 2 * len(SUFFIXES)
    assert told.count("payload: line") == 2 * 500
    assert told.count("lastSequence: 499") >= 2, "the producer snapshots"
    for complaint in ("isvalid: false", "Mismatch", "out of order", "no entry"):
        assert complaint not in told

    log = tmp_path / "data" / "__cluster_metadata-0" / f"{0:020d}.log"
    told = peer.run("dump-log", "--cluster-metadata-decoder", "--files", str(log))
    payloads = [
        json.loads(line.split("payload: ", 1)[1])
        for line in told.splitlines()
        if "payload: " in line
    ]
    kinds = {payload["type"] for payload in payloads}
    assert {"FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD"} <= kinds
    partitions = [p["data"] for p in payloads if p["type"] == "PARTITION_RECORD"]
    assert [(p["leader"], p["isr"]) for p in partitions] == [(1, [1])] * 2
