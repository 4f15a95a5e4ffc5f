"""Designs for the tests: the samples, and the good one with something changed."""

from functools import cache
from pathlib import Path

from assignments.ecommerce.assess import assess, understand
from assignments.ecommerce.design import Choice
from assignments.grader.grade import Check, Grade, Verdict

ECOMMERCE = Path(__file__).parents[2] / "assignments" / "ecommerce"
SAMPLES = ECOMMERCE / "samples"
GOOD = (SAMPLES / "good-by-order.yaml").read_text(encoding="utf-8")


@cache
def sample(name: str) -> Grade:
    """The grade of a sample; it is made once, for grading costs a second."""
    return assess((SAMPLES / f"{name}.yaml").read_bytes())


def check(grade: Grade, name: str) -> Check:
    """One of a grade's checks."""
    [found] = [each for each in grade.checks if each.name == name]
    return found


def verdict(grade: Grade, name: str, stream: str) -> Verdict:
    """What a check says of a stream."""
    [found] = [each for each in check(grade, name).verdicts if each.stream == stream]
    return found


def choice(
    stream: str = "orders",
    key: str | None = "order_id",
    partitions: int = 8,
    retention: str = "7 days",
) -> Choice:
    """What a design might say of a stream."""
    lines = [
        f"{stream}:", f"  topic: {stream}", f"  key: {key or 'none'}",
        f"  partitions: {partitions}", "  delivery: at-least-once", f"  retention: {retention}",
    ]  # fmt: skip
    return understand("\n".join(lines).encode()).choices[stream]
