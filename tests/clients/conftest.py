"""One broker for the stories that leave no mess behind, and Apache Kafka's jars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import peer
from tests.clients.served import Served


@pytest.fixture(scope="session")
def jars() -> None:
    """Apache Kafka's tools; a test that asks for them is skipped where they cannot be had."""
    try:
        peer.fetch()
    except peer.PeerMissingError as error:
        pytest.skip(f"Apache Kafka is not here: {error}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A broker process, started as a user starts it."""
    with Served(Path(tmp_path_factory.mktemp("served")) / "data") as broker:
        yield broker
        assert "Traceback" not in broker.log()
