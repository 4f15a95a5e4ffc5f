"""The command line: help worth reading, one line for each mistake, never a traceback."""

import subprocess
from functools import partial
from pathlib import Path

import pytest

from assignments.grader import cli, folder
from assignments.grader.cli import main
from assignments.grader.pool import Pool
from tests.assignments import faulty
from tests.assignments.designs import ECOMMERCE, GOOD, SAMPLES


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that fails says."""
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("grade: ")
    assert said.count("\n") == 1
    return said


def test_the_help_begins_with_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for line in ("grade new design.yaml", "grade try design.yaml --html", "grade run submissions"):
        assert line in said


@pytest.mark.parametrize(
    "words", [[], ["run", "x"], ["try"], ["sell"], ["run", "x", "--out", "y", "--jobs", "0"]]
)
def test_asked_for_wrongly(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_new_writes_the_template_and_never_over_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "design.yaml"
    assert main(["new", str(path)]) == 0
    assert path.read_bytes() == (ECOMMERCE / "design.yaml").read_bytes()
    path.write_text("mine")
    assert "is there already" in complaint(capsys, "new", str(path))
    assert path.read_text() == "mine"


def test_trying_the_empty_template_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", str(ECOMMERCE / "design.yaml")]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "retention are not filled in" in said
    assert "Nothing could be run yet." in said


def test_trying_a_design_teaches(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One stream of it, so that it takes no longer than it must."""
    path = tmp_path / "design.yaml"
    path.write_text(GOOD[: GOOD.index("\npayments:")].replace("key: order_id", "key: event_type"))
    assert main(["try", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("of the 60 points that runs give", "a reader gives up to 40 more",
                  "before an earlier one of the same order", "Why ", "Think ", "Read Lesson 1",
                  "See step", "Not run: see", "No run looks at these parts yet"):  # fmt: skip
        assert words in said


def test_there_is_no_such_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no such file" in complaint(capsys, "try", str(tmp_path / "x.yaml"))
    assert "a folder" in complaint(capsys, "try", str(tmp_path))
    assert "No such file" in complaint(capsys, "run", str(tmp_path / "x"), "--out", "y")


def test_a_page_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "page.html"
    design = str(ECOMMERCE / "design.yaml")
    assert "No such file" in complaint(capsys, "try", design, "--html", str(target))


def test_results_among_submissions_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "alice.yaml").write_text("x")
    said = complaint(capsys, "run", str(tmp_path), "--out", str(tmp_path / "out"))
    assert "must not lie in the folder" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_not_written_to(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "alice.yaml").write_text("x")
    (tmp_path / "thesis.txt").write_text("x")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("x")
    said = complaint(capsys, "run", str(tmp_path / "in"), "--out", str(out))
    assert "holds other things" in said


def test_our_own_bug_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("all is\nlost")

    monkeypatch.setattr("assignments.ecommerce.assess.assess", fails)
    said = complaint(capsys, "try", str(ECOMMERCE / "design.yaml"))
    assert "RuntimeError: all is lost (this is a bug" in said


def test_a_failed_grading_is_told_by_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("killed", "fine"):
        (tmp_path / "in" / f"{name}.yaml").write_text("x")
    monkeypatch.setattr(folder, "Pool", partial(Pool, work=faulty.work))
    assert main(["run", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "1 refused, 1 failed" in said


def test_the_command_is_installed(bin_folder: Path) -> None:
    ran = subprocess.run([bin_folder / "grade", "--help"], capture_output=True, text=True)
    assert ran.returncode == 0
    assert "For instructors" in ran.stdout


def test_whoever_has_seen_enough_may_go(bin_folder: Path) -> None:
    """`grade try ... | head -1`"""
    design = SAMPLES.parent / "design.yaml"
    command = f"'{bin_folder / 'grade'}' try '{design}' | head -1"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert ran.stdout.startswith(cli.TITLE)
    assert ran.stderr == ""
