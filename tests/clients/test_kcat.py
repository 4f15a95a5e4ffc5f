"""kcat: librdkafka's plain C client, as Debian ships it."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.clients.served import Served

pytestmark = pytest.mark.needs("kcat")


def kcat(served: Served, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["kcat", "-b", served.bootstrap, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4"])
def test_twenty_thousand_lines_there_and_back(served: Served, compression: str) -> None:
    topic = f"kcat-{compression}"
    lines = [f"k{n % 7}:line {n}" for n in range(20_000)]
    options = ("-P", "-t", topic, "-p", "0", "-K:", "-z", compression, "-H", "from=kcat")
    kcat(served, *options, stdin="\n".join(lines))
    read = kcat(served, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-K:")
    assert read.splitlines() == lines
    last = kcat(served, "-C", "-t", topic, "-p", "0", "-o", "-1", "-e", "-q", "-f", "%o %h %s")
    assert last == "19999 from=kcat line 19999"


def test_the_cluster_as_kcat_lists_it(served: Served) -> None:
    kcat(served, "-P", "-t", "listed", stdin="x")
    listed = json.loads(kcat(served, "-L", "-J"))
    assert [broker["id"] for broker in listed["brokers"]] == [1]
    assert "listed" in [topic["topic"] for topic in listed["topics"]]
