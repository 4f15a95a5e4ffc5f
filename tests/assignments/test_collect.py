"""Whose is which, and what is none: nothing is guessed, nothing is followed, nothing is opened."""

import os
from pathlib import Path

import pytest

from assignments.grader.collect import FolderError, folder_names, submissions
from assignments.grader.files import SIZE_MAX, UnreadableError, read_bytes


def only(folder: Path) -> str:
    """The refusal of the only submission."""
    [found] = submissions(folder)
    return found.refusal


def test_files_and_folders_may_be_mixed(tmp_path: Path) -> None:
    (tmp_path / "alice.yaml").write_text("x")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "design.yaml").write_text("x")
    (tmp_path / "bob" / "notes.txt").write_text("x")
    found = submissions(tmp_path)
    assert [(each.name, each.path.name) for each in found] == [
        ("alice", "alice.yaml"), ("bob", "design.yaml"),
    ]  # fmt: skip
    assert not any(each.refusal for each in found)


def test_hidden_files_and_what_gradescope_adds_are_passed_over(tmp_path: Path) -> None:
    for name in (".DS_Store", ".yaml", "submission_metadata.yml", "alice.yaml"):
        (tmp_path / name).write_text("x")
    assert [each.name for each in submissions(tmp_path)] == ["alice"]


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ((), "The folder is empty"),
        (("readme.txt",), "no `design.yaml` in the folder"),
        (("design.yml",), "called `design.yml`. Call it `design.yaml`"),
        (("Design.yaml",), "called `Design.yaml`"),
        (("my-work.yaml",), "called `my-work.yaml`"),
        (("design.yaml", "design (1).yaml"), "nobody can tell which one counts"),
        (("design.yaml", "DESIGN.YML"), "nobody can tell which one counts"),
        (("inner/design.yaml",), "only further folders"),
    ],
)
def test_a_folder_without_one_clear_design(
    tmp_path: Path, inside: tuple[str, ...], words: str
) -> None:
    student = tmp_path / "carol"
    student.mkdir()
    for name in inside:
        (student / name).parent.mkdir(exist_ok=True)
        (student / name).write_text("x")
    assert words in only(tmp_path)


def test_a_design_beside_other_yaml_is_clear(tmp_path: Path) -> None:
    (tmp_path / "carol").mkdir()
    for name in ("design.yaml", "compose.yaml"):
        (tmp_path / "carol" / name).write_text("x")
    assert only(tmp_path) == ""


@pytest.mark.parametrize("name", ["carol.yml", "carol.docx", "carol.YAML", "carol"])
def test_a_file_under_another_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert "ends with `.yaml`" in only(tmp_path)


def test_two_of_one_name_count_for_neither(tmp_path: Path) -> None:
    (tmp_path / "Carol.yaml").write_text("x")
    (tmp_path / "carol").mkdir()
    (tmp_path / "carol" / "design.yaml").write_text("x")
    found = submissions(tmp_path)
    assert ["`Carol.yaml` and `carol/design.yaml`" in each.refusal for each in found] == [True] * 2


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "design.yaml").write_text("x")
    folder = tmp_path / "submissions"
    (folder / "inner").mkdir(parents=True)
    (folder / "file.yaml").symlink_to(secret / "design.yaml")
    (folder / "folder").symlink_to(secret)
    (folder / "inner" / "design.yaml").symlink_to(secret / "design.yaml")
    for found in submissions(folder):
        if not found.refusal:
            with pytest.raises(UnreadableError, match="link"):
                read_bytes(found.path)
    assert [bool(each.refusal) for each in submissions(folder)] == [True, True, False]


def test_no_submissions_at_all(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no submissions"):
        submissions(tmp_path)
    with pytest.raises(FolderError, match="No such file"):
        submissions(tmp_path / "nowhere")


def test_results_get_a_folder_whatever_the_name_holds(tmp_path: Path) -> None:
    names = [
        b"alice.yaml", b"=cmd().yaml", b"new\nline.yaml", b"bad\xff.yaml", b"-rf.yaml",
        b"\xc3\x84.yaml", b"\xc3\x96.yaml", b"n" * 200 + b".yaml", b"a b.yaml", b"a?b.yaml",
    ]  # fmt: skip
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    folders = folder_names(submissions(tmp_path))
    assert len(folders) == len({folder.casefold() for folder in folders}) == len(names)
    assert all(folder.isascii() and len(folder) < 100 for folder in folders)
    assert not any(folder.startswith((".", "-")) or "/" in folder for folder in folders)


def test_a_submission_cannot_take_the_place_of_the_table(tmp_path: Path) -> None:
    """A student's `summary.csv` once became the folder where the table was to be written."""
    for name in ("summary.csv", "Summary.CSV", ".summary.csv.yaml", "summary.csv.yaml"):
        (tmp_path / name).mkdir()
    folders = folder_names(submissions(tmp_path))
    assert len(folders) == 3, "the hidden one belongs to nobody"
    assert "summary.csv" not in {folder.casefold() for folder in folders}


# -- the bytes of a file ---------------------------------------------------------------------------


def test_a_file_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "design.yaml"
    path.write_bytes(b"x" * SIZE_MAX)
    assert len(read_bytes(path)) == SIZE_MAX
    path.write_bytes(b"x" * (SIZE_MAX + 1))
    with pytest.raises(UnreadableError, match="65,537 bytes"):
        read_bytes(path)


def test_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "design.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UnreadableError, match="1,073,741,824 bytes"):
        read_bytes(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "design.yaml"
    os.mkfifo(path)
    with pytest.raises(UnreadableError, match="no ordinary file"):
        read_bytes(path)


def test_a_device_and_a_folder_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no ordinary file"):
        read_bytes(Path("/dev/zero"))
    with pytest.raises(UnreadableError, match="a folder"):
        read_bytes(tmp_path)


def test_a_student_may_have_a_link_to_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "design.yaml").symlink_to(tmp_path / "real")
    assert read_bytes(tmp_path / "design.yaml", follow=True) == b"x"
