"""What the last runs found, as JSON: row by row, each with when, where and under which load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LATEST = ROOT / "build" / "benchmarks.json"
KEPT = Path(__file__).with_name("last.json")
"""The run that the site shows."""


def load(path: Path) -> dict[str, Any]:
    """The rows in a file, by their names."""
    if not path.exists():
        return {}
    rows: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return rows


def save(row: str, found: dict[str, Any], path: Path = LATEST) -> None:
    """Replace what is known of one row."""
    rows = {**load(path), row: found}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": 1, "rows": rows}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def keep() -> None:
    """Make the latest figures those that count."""
    shutil.copyfile(LATEST, KEPT)
