"""`grade run`: a class with all that a class hands in, and what an instructor gets."""

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from assignments.grader.cli import TITLE, main
from assignments.grader.results import Outcome, gradescope, no_formula
from tests.assignments.designs import GOOD, SAMPLES, sample

UNKEYED = "flawed-no-key"
HOSTILE = {
    "alias": b"a: &a [x, x]\nb: [*a, *a, *a]\norders: *b\n",
    "tag": b"orders: !!python/object/apply:os.system ['touch owned']\n",
    "deep": b"[" * 60_000,
    "binary": bytes(range(256)),
    "empty": b"  \n",
    "wide": b"orders:\n" + b"".join(b"  k%d: v\n" % number for number in range(5_000)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two designs that run, and all sorts of things that do not."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "bob").mkdir()
    (folder / "bob" / "design.yaml").write_bytes((SAMPLES / f"{UNKEYED}.yaml").read_bytes())
    (folder / '=HYPERLINK("x").yaml').write_text("key: x")
    (folder / "new\nline\x1b[2J.yaml").write_text("key: x")
    typo = GOOD.split("\npayments:")[0].replace("partitions: 12", "partitions: 8 or 9")
    (folder / "typo.yaml").write_text(typo)
    for name, data in HOSTILE.items():
        (folder / f"{name}.yaml").write_bytes(data)
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    (folder / "folder.yaml").mkdir()
    (folder / "missing").mkdir()
    (folder / "summary.csv").write_text("alice,100")
    return folder


@pytest.fixture(scope="module")
def results(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes of it."""
    out = tmp_path_factory.mktemp("results") / "out"
    assert main(["run", str(folder), "--out", str(out), "--jobs", "2"]) == 0
    return out


def read(results: Path, name: str) -> dict[str, Any]:
    """One results.json."""
    found: dict[str, Any] = json.loads((results / name / "results.json").read_text())
    return found


def rows(results: Path) -> dict[str, dict[str, str]]:
    """The table, by submission."""
    with (results / "summary.csv").open(newline="", encoding="utf-8") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def test_everything_has_a_row_and_a_file(folder: Path, results: Path) -> None:
    table = rows(results)
    assert len(table) == len(list(folder.iterdir()))
    for row in table.values():
        assert (results / row["results"]).is_file()


def test_nothing_that_a_stranger_wrote_was_done(results: Path) -> None:
    assert not Path("owned").exists()
    assert "root:" not in (results / "link" / "results.json").read_text()


def test_a_design_that_runs_gets_its_points(results: Path) -> None:
    row = rows(results)["bob"]
    assert (row["status"], row["score"], row["out of"]) == ("graded", "30", "60")
    assert row["misconceptions"] == "no-key"
    assert row["ordering: stock"] == "0"
    assert row["parallelism: stock"] == "10"


def test_another_process_comes_to_the_same_bytes(results: Path) -> None:
    """Workers have other hash seeds, other clocks and other company than this process."""
    data = (SAMPLES / f"{UNKEYED}.yaml").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    outcome = Outcome("bob", "bob", "graded", sample(UNKEYED), digest)
    text = json.dumps(gradescope(outcome, title=TITLE), indent=2, ensure_ascii=False) + "\n"
    assert (results / "bob" / "results.json").read_text(encoding="utf-8") == text


def test_gradescope_is_told_what_was_run_and_what_was_not(results: Path) -> None:
    found = read(results, "bob")
    assert found["score"] == 30 == sum(test.get("score", 0) for test in found["tests"])
    assert "execution_time" not in found
    run = [test for test in found["tests"] if "score" in test]
    judged = [test for test in found["tests"] if "score" not in test]
    assert sum(test["max_score"] for test in run) == 60
    assert {test["status"] for test in run} == {"passed", "failed"}
    assert len(judged) == 3
    assert all("status" not in test and "Not run." in test["output"] for test in judged)
    assert "Money must not be booked twice." in judged[0]["output"]
    assert found["extra_data"]["points_for_a_reader_max"] == 40


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alias", "anchor"),
        ("tag", "is a tag"),
        ("deep", "more than 8 deep"),
        ("binary", "UTF-8"),
        ("empty", "The file is empty"),
        ("wide", "1,000 values"),
        ("huge", "1,073,741,824 bytes"),
        ("pipe", "no ordinary file"),
        ("link", "a link"),
        ("folder", "a folder"),
        ("missing", "The folder is empty"),
        ("typo", "not a whole number"),
    ],
)
def test_what_cannot_be_graded_gets_a_reason_and_no_points(
    results: Path, name: str, words: str
) -> None:
    row = rows(results)[name]
    assert (row["status"], row["score"]) == ("refused", "0")
    assert words in row["remarks"]
    found = read(results, name)
    assert found["score"] == 0
    assert words in found["output"]


def test_no_name_is_a_formula_or_moves_the_cursor(results: Path) -> None:
    text = (results / "summary.csv").read_text(encoding="utf-8")
    assert "\x1b" not in text
    names = list(rows(results))
    assert '\'=HYPERLINK("x")' in names
    assert "new\\nline\\x1b[2J" in names


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r", " =1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run(cell: str) -> None:
    assert no_formula(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["7.5", "alice", "a=b", ""])
def test_a_cell_that_is_only_a_cell(cell: str) -> None:
    assert no_formula(cell) == cell


def test_the_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "[red]x.yml").write_text("key: x")
    assert main(["run", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 0
    said = capsys.readouterr()
    assert "[red]x" in said.out
    assert "1 submission: 1 refused." in said.out
    assert "summary.csv" in said.out
    assert said.err == ""


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "early.yml").write_text("key: x")
    assert main(["run", str(folder), "--out", str(out)]) == 0
    first = (out / "early" / "results.json").read_bytes()
    (folder / "late.yml").write_text("key: x")
    assert main(["run", str(folder), "--out", str(out)]) == 0
    assert (out / "early" / "results.json").read_bytes() == first
    (folder / "early.yml").unlink()
    assert main(["run", str(folder), "--out", str(out)]) == 0
    assert sorted(path.parent.name for path in out.glob("*/results.json")) == ["late"]
