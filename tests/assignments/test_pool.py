"""A worker may die, hang or talk nonsense: its submission has no grade, and the others have."""

from pathlib import Path

import pytest

from assignments.ecommerce.assess import refuse
from assignments.grader import pool as pools
from assignments.grader.pool import Answer, Pool
from tests.assignments import faulty

WRONG = {
    "exits": "ended with status 3",
    "killed": "ended with status -9",
    "endless": "more than 1 s of processor time",
    "nonsense": "makes no sense",
    "forged": "makes no sense",
    "talks": "ended with status",
    "hangs": "took longer than 1 s",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    """One of each, with well-behaved ones between them, by three workers."""
    names = [name for wrong in WRONG for name in (wrong, f"after-{wrong}")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "PATIENCE", 1)
        pool = Pool(3, 1, refuse, work=faulty.work)
        paths = {number: Path(f"{name}.yaml") for number, name in enumerate(names)}
        return {names[number]: answer for number, answer in pool.grade(paths)}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_told(answers: dict[str, Answer], name: str) -> None:
    status, _, grade = answers[name]
    assert status == "failed"
    assert grade.points == 0
    assert WRONG[name] in grade.refusal


def test_everybody_else_is_graded(answers: dict[str, Answer]) -> None:
    others = [answer for name, answer in answers.items() if name.startswith("after-")]
    assert len(others) == len(WRONG)
    assert {status for status, _, _ in others} == {"refused"}
