"""`python -m benchmarks [ROW ...]`: run some rows, or all, and print their tables."""

from __future__ import annotations

import argparse
import importlib
import time

from benchmarks import machine

# In this order; each is a module of this package with a function `tables()`.
ROWS = ("codec", "start", "produce", "simulator")


def main() -> None:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(prog="make bench ROWS=", description=__doc__)
    parser.add_argument("rows", metavar="ROW", nargs="*", help=f"any of: {', '.join(ROWS)}")
    asked = parser.parse_args().rows
    if unknown := [row for row in asked if row not in ROWS]:
        parser.exit(2, f"no such row: {', '.join(unknown)}; there are: {', '.join(ROWS)}\n")
    print(machine.describe())
    for row in asked or ROWS:
        started = time.monotonic()
        for table in importlib.import_module(f"benchmarks.{row}").tables():
            print(f"\n{table}")
        print(f"({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main()
