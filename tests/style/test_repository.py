"""The top of the repository is taken in at a glance, and the lock is a real lock."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "assignments",
    "benchmarks",
    "broker",
    "lessons",
    "mkdocs.yml",
    "pyproject.toml",
    "requirements.lock",
    "site",
    "tests",
}


def canonical(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.needs("git")
def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible - TOP == set(), "nothing else belongs at the top"


def test_the_lock_names_no_address_and_every_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE), "no index, no option: that is the machine's"
    pins = re.findall(r"^(\S+)==\S+(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(pins) > 100
    assert [name for name, rest in pins if "--hash=sha256:" not in rest] == []


def test_the_lock_pins_all_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(name for extra in extras for name in extra)]
    names = {canonical(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in asked}
    text = (ROOT / "requirements.lock").read_text()
    pinned = {canonical(name) for name in re.findall(r"^(\S+?)==", text, re.MULTILINE)}
    assert names - pinned == set(), "run `make lock`"


def test_help_describes_every_target_that_a_reader_meets() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "lab", "test", "lint", "bench", "site"):
        assert re.search(rf"^  make {target} +\S", helped.stdout, re.MULTILINE), target
