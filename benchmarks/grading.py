"""Grading: seconds of one core for a design, all checks.

The samples of the assignment, good ones and flawed ones, each read from its bytes and graded as the
grader's worker does it. Imports are paid once a worker, and not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assignments.ecommerce.assess import assess
from benchmarks.measure import cpu_now
from benchmarks.run import Run
from benchmarks.table import Table

SAMPLES = Path(__file__).resolve().parent.parent / "assignments" / "ecommerce" / "samples"


def tables(run: Run) -> Iterator[Table]:
    """One table: a row for each sample."""
    rounds = 1 if run.quick else 3
    table = Table("Grading a design", f"The best of {rounds}.", ("design", "CPU s", "points"))
    samples = sorted(SAMPLES.glob("*.yaml"))
    for sample in samples[:1] if run.quick else samples:
        data = sample.read_bytes()
        seconds, points = min(grade(data) for _ in range(rounds))
        table.add(sample.stem, seconds, points)
    yield table


def grade(data: bytes) -> tuple[float, float]:
    """Grade once; the CPU seconds, and the points."""
    started = cpu_now()
    found = assess(data)
    return cpu_now() - started, float(found.points)
