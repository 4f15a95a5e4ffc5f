"""kill -9 in the middle of writing: every acknowledged record is there, nothing torn is served."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.clients.numbers import Writer, judge, read_all
from tests.clients.served import Served

PARTITIONS = 3


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_survives(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    served = Served(tmp_path / "data", num_partitions=PARTITIONS, log_segment_bytes=2_000_000)
    served.start()
    try:
        with Writer(served.bootstrap) as writer:
            for _ in range(2):
                time.sleep(0.2 + 0.4 * dice.random())
                served.kill()
                served.start()
            time.sleep(0.3)
        found = read_all(served.bootstrap)
    finally:
        served.stop()
    assert len(writer.acknowledged) > 1000
    judge(writer, found)
    assert "Traceback" not in served.log()
