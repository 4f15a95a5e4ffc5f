"""Every story about a log may be told on files and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.log.disk import Disk, FileDisk, MemoryDisk


@pytest.fixture(params=["memory", "files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk of each kind."""
    if request.param == "memory":
        yield MemoryDisk()
    else:
        files = FileDisk(tmp_path / "data")
        yield files
        files.close()


@pytest.fixture
def memory() -> MemoryDisk:
    """The disk that can lose power."""
    return MemoryDisk()
