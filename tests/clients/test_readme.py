"""What the README and the site show in Python works when it is pasted."""

import re
from pathlib import Path

import pytest

PLACES = ("README.md", "site/replication.md", "site/failover.md")


@pytest.mark.parametrize("place", PLACES)
def test_each_piece_of_python_runs_by_itself(root: Path, place: str) -> None:
    text = (root / place).read_text(encoding="utf-8")
    pieces = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert pieces
    for piece in pieces:
        exec(compile(piece, place, "exec"), {"__name__": place})
