"""A worker may die, hang or talk nonsense: its submission has no grade, and the others have."""

from pathlib import Path

import pytest

from assignments.ecommerce.assess import refuse
from assignments.grader import pool as pools
from assignments.grader.pool import Pool
from tests.assignments import faulty

WRONG = {
    "killed": "ended with status -9",
    "endless": "more than 1 s of processor time",
    "nonsense": "makes no sense",
    "forged": "makes no sense",
    "talks": "ended with status",
    "hangs": "took longer than 1 s",
}


def test_what_goes_wrong_costs_its_own_submission_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each, between two who behave, by three workers."""
    names = ["first", *WRONG, "last"]
    monkeypatch.setattr(pools, "PATIENCE", 1)
    pool = Pool(3, 1, refuse, work=faulty.work)
    paths = {number: Path(f"{name}.yaml") for number, name in enumerate(names)}
    answers = {names[number]: answer for number, answer in pool.grade(paths)}
    assert set(answers) == set(names)
    for name, (status, _, grade) in answers.items():
        assert status == ("failed" if name in WRONG else "refused")
        assert WRONG.get(name, "As told.") in grade.refusal
        assert grade.points == 0
