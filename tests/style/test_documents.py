"""What README and CONTRIBUTING name is there: a reading order that leads nowhere teaches nobody."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")


def names(path: Path) -> set[str]:
    """The functions and classes of a module, methods as Class.method."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            found |= {f"{node.name}.{method.name}" for method in methods}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    quoted = re.findall(r"`((?:broker|lessons|tests|site|benchmarks)/[\w./-]*)`", text)
    missing = [
        name for name in linked + quoted if "NAME" not in name and not (ROOT / name).exists()
    ]
    assert not missing


def test_the_reading_order_leads_through_functions_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = re.findall(r"`(broker/[\w/]+\.py)`,\s+`([\w.]+)`", text)
    assert len(steps) >= 8
    missing = [f"{path}: {name}" for path, name in steps if name not in names(ROOT / path)]
    assert not missing


def test_the_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        assert set(re.findall(r"\bmake (\w+)\b", text)) <= targets, document


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_that_is_shown_runs(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for snippet in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        ran = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True)
        assert ran.returncode == 0, f"{snippet}\n{ran.stderr}"
