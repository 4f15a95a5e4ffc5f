"""The page about the last benchmarks that count, as Markdown.

    python -m benchmarks.report           print the page
    python -m benchmarks.report --keep    first make the latest run the one that counts

The page is made from `benchmarks/last.json` alone, so that the site can be built anywhere: whoever
builds it calls `markdown()`. A row says itself when it was measured and under which load, for rows
may be measured one by one.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.table import Table

# The rows in the order of the page, under their headings.
CHAPTERS = {
    "Beside Apache Kafka": (
        "start",
        "memory",
        "requests",
        "latency",
        "batches",
        "clients",
        "kcat",
    ),
    "Three brokers beside three of Apache Kafka": ("cluster", "failover"),
    "Alone": ("codec", "simulator", "recovery", "scale", "partitions", "grading"),
}

_INTRODUCTION = """\
# Benchmarks

What the broker costs, and beside it what Apache Kafka costs on the same machine in the same run.
Both brokers run on loopback, in turns: a round here, a round there, after a warm-up that does not
count, and who was first in one round is last in the next. No round begins before both brokers have
come to rest. Shown are medians. *Ahead by* is the factor by which offset-zero is better (below 1 it
is behind), round by round, and *from round to round* says how far that moved. Figures from one
machine say little about another, and little about the same one an hour later; the ratios say more.

`make bench` measures all of it anew, `make bench ROWS="codec start"` a part.
"""


def markdown(path: Path = results.KEPT) -> str:
    """The page."""
    rows = results.load(path)
    parts = [_INTRODUCTION]
    if not rows:
        return f"{_INTRODUCTION}\nNothing has been measured yet.\n"
    for chapter, names in CHAPTERS.items():
        found = [name for name in names if name in rows]
        if found:
            parts += [f"## {chapter}\n", *(_row(name, rows[name]) for name in found)]
    parts.append(_machines(rows))
    return "\n".join(parts)


def _row(name: str, row: Mapping[str, Any]) -> str:
    """One row: what it measures, in the words of its module, and its tables."""
    method = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").strip()
    heading, _, rest = method.partition(": ")
    lines = [f"### {heading}\n", f"{rest[:1].upper()}{rest[1:]}\n"]
    for kept in row["tables"]:
        table = Table.from_json(kept)
        lines += [*table.lines(), "", f"*{table.title}.* {table.method}", ""]
    before, after = row["load"]
    lines.append(
        f"`make bench ROWS={name}`, {row['when']}, {row['seconds']:.0f} s; "
        f"load {before} before and {after} after."
    )
    return "\n".join([*lines, ""])


def _machines(rows: Mapping[str, Any]) -> str:
    """What was measured on: mostly one machine and one version for all rows."""
    lines = ["## Machine and versions\n"]
    for word in ("machine", "python", "broker", "wheels", "peer"):
        known = list(dict.fromkeys(row[word] for row in rows.values() if word in row))
        lines.append(f"- **{word}**: {'; '.join(known)}")
    return "\n".join([*lines, ""])


def main() -> int:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="make the latest run the one shown")
    if parser.parse_args().keep:
        results.keep()
    sys.stdout.write(markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
