"""One broker for the stories that leave no mess behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.served import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A broker process, started as a user starts it."""
    with Served(Path(tmp_path_factory.mktemp("served")) / "data") as broker:
        yield broker
        assert "Traceback" not in broker.log()
