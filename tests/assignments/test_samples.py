"""The samples: which check catches which, what it costs, and that it is the same every time."""

import json
import re
from pathlib import Path

import pytest

from assignments.ecommerce.assess import assess
from assignments.ecommerce.checks import ordering, parallelism
from assignments.ecommerce.rubric import TAGS
from assignments.ecommerce.stage import Performance, Play, perform
from assignments.grader.grade import Grade
from tests.assignments.designs import SAMPLES, check, sample

# Each sample with what the two checks give, and what they call it. The table of
# assignments/README.md is this one. Where events are late, how many depends on every millisecond
# of the simulated broker: then a point more or less is no other result.
CAUGHT: dict[str, tuple[float, float, tuple[str, ...]]] = {
    "good-by-order": (30, 30, ()),
    "good-by-customer": (30, 30, ()),
    "flawed-no-key": (0, 30, ("no-key",)),
    "flawed-key-by-event-type": (0, 4.5, ("key-splits-entity", "hot-key")),
    "flawed-key-of-another-thing": (20, 30, ("key-splits-entity",)),
    "flawed-one-partition": (30, 1.5, ("one-partition",)),
    "flawed-hot-key": (30, 13, ("hot-key",)),
    "flawed-too-many-partitions": (30, 21, ("too-many-partitions",)),
}


def test_every_sample_is_in_the_table() -> None:
    assert {path.stem for path in SAMPLES.iterdir()} == set(CAUGHT)


@pytest.mark.parametrize("name", CAUGHT)
def test_which_check_catches_which(name: str) -> None:
    ordering, parallelism, tags = CAUGHT[name]
    grade = sample(name)
    assert check(grade, "ordering").points == ordering
    found = check(grade, "parallelism").points
    assert found == parallelism or (abs(found - parallelism) <= 1 and max(found, parallelism) < 20)
    assert grade.tags == tags
    assert grade.problems == ()
    for verdict in grade.verdicts():
        explained = verdict.tags, verdict.evidence, verdict.because, verdict.hint, verdict.lesson
        assert verdict.passed or all(explained), "not full marks: why, one thought, and a lesson"
    assert Grade.from_json(json.loads(json.dumps(grade.as_json()))) == grade


def test_every_tag_has_a_meaning() -> None:
    assert {tag for _, _, tags in CAUGHT.values() for tag in tags} <= set(TAGS)


def test_the_table_for_instructors_says_the_same(root: Path) -> None:
    text = (root / "assignments" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\S+) \| (\S+) \|(.*)\|$", text, re.MULTILINE)
    told = {
        name: (float(order), float(peak), tuple(re.findall(r"`([\w-]+)`", tags)))
        for name, order, peak, tags in rows
    }
    assert told == CAUGHT


def test_a_design_costs_little_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under two seconds of a core: a step takes less than a tenth of a millisecond."""
    before = sample("good-by-customer")
    steps: list[int] = []

    def counted(play: Play) -> Performance:
        performance = perform(play)
        steps.append(performance.steps)
        return performance

    for module in (ordering, parallelism):
        monkeypatch.setattr(module, "perform", counted)
    data = (SAMPLES / "good-by-customer.yaml").read_bytes()
    assert assess(data) == before
    assert sum(steps) < 16_000
