"""Apache Kafka as a peer: its own tools, from Maven artifacts, where Java 17 and mvn are.

    python -m benchmarks.peer topics --bootstrap-server 127.0.0.1:9092 --list

The jars (130 MB) are fetched once, into ~/.cache/offset-zero/kafka or $OFFSET_ZERO_KAFKA. Neither
the broker nor its tests need any of this; it is the yardstick that tests and benchmarks hold us
against where it can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "configs": "kafka.admin.ConfigCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "cluster": "org.apache.kafka.tools.ClusterTool",
    "features": "org.apache.kafka.tools.FeatureCommand",
    "leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "metadata-shell": "org.apache.kafka.shell.MetadataShell",
    "storage": "kafka.tools.StorageTool",
    "broker": "kafka.Kafka",
}
"""Kafka's programs by the names of its scripts."""

_LOGGING = """\
status = error
appender.c.type = Console
appender.c.name = C
appender.c.target = SYSTEM_ERR
appender.c.layout.type = PatternLayout
appender.c.layout.pattern = %p %m%n
rootLogger.level = WARN
rootLogger.appenderRef.c.ref = C
"""


class PeerMissingError(Exception):
    """Apache Kafka cannot be had here; the message says why."""


def home() -> Path:
    """Where the jars are kept."""
    return Path(os.environ.get("OFFSET_ZERO_KAFKA") or Path.home() / ".cache/offset-zero/kafka")


def fetch() -> Path:
    """The folder of the jars; they are fetched with mvn the first time."""
    folder = home()
    ready = folder / "ready"
    if ready.exists():
        return folder
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise PeerMissingError(f"needs {program}")
    folder.mkdir(parents=True, exist_ok=True)
    pom = Path(__file__).with_name("peer.pom.xml")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}/lib"]
    fetched = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *goal, "-DincludeScope=runtime"],
        capture_output=True,
        text=True,
    )
    if fetched.returncode != 0:
        raise PeerMissingError(f"mvn could not fetch Apache Kafka: {fetched.stdout[-300:].strip()}")
    (folder / "logging.properties").write_text(_LOGGING)
    ready.touch()
    return folder


def java(*options: str) -> list[str]:
    """The beginning of a command line: Java with Kafka's jars, up to the name of a program."""
    folder = fetch()
    logging = f"-Dlog4j2.configurationFile={folder}/logging.properties"
    return ["java", *options, logging, "-cp", f"{folder}/lib/*"]


def command(
    tool: str, *arguments: str, heap: str = "256m", options: tuple[str, ...] = ()
) -> list[str]:
    """The command line that runs one of Kafka's tools, in as little time as it can."""
    quick = (f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *options)
    return [*java(*quick), TOOLS[tool], *arguments]


def version() -> str:
    """The version of Apache Kafka that is fetched."""
    pom = Path(__file__).with_name("peer.pom.xml").read_text()
    return pom.partition("<kafka.version>")[2].partition("<")[0]


def run(tool: str, *arguments: str, stdin: str = "", seconds: int = 60) -> str:
    """Run one of Kafka's tools, and return what it printed on standard output."""
    kept = fetch() / "classes.jsa"
    draft = kept.with_suffix(f".{os.getpid()}")
    line = command(tool, *arguments, options=_shared_classes(kept, draft))
    done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=seconds)
    if draft.exists():
        draft.replace(kept)
    if done.returncode != 0:
        raise RuntimeError(f"{tool} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _shared_classes(kept: Path, draft: Path) -> tuple[str, ...]:
    """Spare a tool half of its time: the first one leaves its classes behind as Java has prepared
    them (class data sharing). Where such an archive does not fit, Java loads its classes as ever;
    it is told not to complain of that on standard output.
    """
    if kept.exists():
        return ("-Xlog:disable", f"-XX:SharedArchiveFile={kept}")
    if os.access(kept.parent, os.W_OK):
        return ("-Xlog:disable", f"-XX:ArchiveClassesAtExit={draft}")
    return ()


def main() -> int:
    """Run a tool from the command line."""
    if len(sys.argv) < 2 or sys.argv[1] not in TOOLS:
        print(f"usage: python -m benchmarks.peer TOOL ...   with one of {', '.join(sorted(TOOLS))}")
        return 2
    try:
        line = command(sys.argv[1], *sys.argv[2:])
    except PeerMissingError as error:
        print(f"offset-zero: Apache Kafka is not here: {error}", file=sys.stderr)
        return 2
    return subprocess.call(line)


if __name__ == "__main__":
    sys.exit(main())
