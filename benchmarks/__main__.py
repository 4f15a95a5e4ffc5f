"""`python -m benchmarks [ROW ...]`: run some rows, or all, and print their tables."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from datetime import UTC, datetime

from benchmarks import machine, results
from benchmarks.children import end_on_signals
from benchmarks.report import CHAPTERS
from benchmarks.run import Run

# In this order; each is a module of this package with a function `tables(run)`.
ROWS = tuple(row for chapter in CHAPTERS.values() for row in chapter)


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(prog="make bench ROWS=", description=__doc__)
    parser.add_argument("rows", metavar="ROW", nargs="*", help=f"any of: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="a little load, to see that it runs")
    parser.add_argument("--alone", action="store_true", help="without Apache Kafka")
    given = parser.parse_args()
    if unknown := [row for row in given.rows if row not in ROWS]:
        parser.exit(2, f"no such row: {', '.join(unknown)}; there are: {', '.join(ROWS)}\n")
    end_on_signals()
    run = Run(quick=given.quick, alone=given.alone)
    try:
        return perform(run, given.rows or ROWS)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def perform(run: Run, rows: tuple[str, ...]) -> int:
    """Run rows one after the other; one that fails is named and does not stop the others."""
    missing = run.peer_missing()
    facts = machine.facts(with_peer=not missing)
    if missing:
        facts["peer"] = f"Apache Kafka is not here: {missing}"
    print("\n".join(f"{name:9} {line}" for name, line in facts.items()))
    failed = 0
    for row in rows:
        before, started = machine.load(), time.monotonic()
        tables = []
        try:
            for table in importlib.import_module(f"benchmarks.{row}").tables(run):
                print(f"\n{table}", flush=True)
                tables.append(table.as_json())
        except Exception as error:
            failed += 1
            print(f"\n{row} failed: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        seconds, load = round(time.monotonic() - started, 1), [before, machine.load()]
        print(f"\n({row}: {seconds} s, load {load[0]} before and {load[1]} after)", flush=True)
        if not run.quick:
            when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
            results.save(
                row, {"when": when, "seconds": seconds, "load": load, **facts, "tables": tables}
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
