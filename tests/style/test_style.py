"""The code reads like an essay: short files, short functions, nothing without a word about it.

A ratchet holds what is too long today. A name may leave it and a number in it may shrink; nothing
is added. (Width and the rest of Python's form are ruff's business, set in pyproject.toml.)
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("broker", "lessons", "assignments", "tests", "benchmarks", "site", ".ci")
FILE_LINES = 400
FUNCTION_LINES = 60
WIDTH = 100

# What is longer than it should be, with its present length.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*packages: str, ending: str = "*.py") -> list[Path]:
    """The source files of some packages, in order."""
    return [
        path
        for package in packages
        for path in sorted((ROOT / package).rglob(ending))
        if not {"__pycache__", "node_modules", ".ipynb_checkpoints"} & set(path.parts)
    ]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function as (file:name, number of lines)."""
    for node in ast.walk(parse(path)):
        if isinstance(node, Function):
            assert node.end_lineno is not None
            yield f"{place(path)}:{node.name}", node.end_lineno - node.lineno + 1


def hold(long: dict[str, int], ratchet: dict[str, int], limit: int) -> None:
    """Fail on what is newly too long, has grown, or need not be in the ratchet any more."""
    grown = [
        f"{name} has {lines} lines; {ratchet.get(name, limit)} is the most"
        for name, lines in sorted(long.items())
        if lines > ratchet.get(name, limit)
    ]
    slack = [
        f"{name} has {long.get(name, f'at most {limit}')} lines: lower its number in the ratchet"
        for name, lines in sorted(ratchet.items())
        if long.get(name, 0) < lines
    ]
    assert not grown + slack, "\n".join(["", *grown, *slack])


def test_a_file_is_read_in_one_sitting() -> None:
    lengths = {place(path): len(path.read_text().splitlines()) for path in files(*PACKAGES)}
    long = {name: lines for name, lines in lengths.items() if lines > FILE_LINES}
    hold(long, LONG_FILES, FILE_LINES)


def test_a_function_fits_on_a_screen() -> None:
    lengths = [function for path in files(*PACKAGES) for function in functions(path)]
    long = {name: lines for name, lines in lengths if lines > FUNCTION_LINES}
    hold(long, LONG_FUNCTIONS, FUNCTION_LINES)


@pytest.mark.parametrize("ending", ["*.js", "*.css", "*.toml", "*.yml"])
def test_a_line_fits_in_a_window(ending: str) -> None:
    """Python's lines are held to the same width by ruff."""
    wide = [
        f"{place(path)}:{number} has {len(line)} characters"
        for path in files("lessons", "assignments", "site", "benchmarks", ending=ending)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH
    ]
    assert not wide, "\n".join(["", *wide])


def test_every_module_says_what_it_is_for() -> None:
    silent = [place(path) for path in files(*PACKAGES) if not ast.get_docstring(parse(path))]
    assert not silent, "\n".join(["no docstring at the top of:", *silent])


def test_everything_public_in_the_broker_is_described() -> None:
    silent = [
        f"{place(path)}:{node.lineno} {node.name}"
        for path in files("broker")
        for node in public(parse(path))
        if not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(["no docstring at:", *silent])


def public(tree: ast.Module) -> Iterator[ast.ClassDef | Function]:
    """The public classes and functions of a module.

    Methods are left to their author: the class explains the concept, and often a name is enough.
    Of an overloaded function, the implementation speaks for all.
    """
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            decorators = {ast.unparse(each) for each in node.decorator_list}
            if not decorators & {"overload", "typing.overload"}:
                yield node
