"""The joined module: the rules that make joining so simple, and the look that all share."""

import re

import pytest

from lessons.figures import css, module, tokens
from lessons.figures.module import WEB, parts

NAME = re.compile(
    r"^(?:export )?(?:default )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE
)
FIGURES = ("log_view", "cluster_view", "timeline")

COLOURS = {
    "background": ("#fbf9f5", "#191918"), "panel": ("#ffffff", "#222221"),
    "line": ("#c9c3b8", "#4a4843"), "faint": ("#ece8e0", "#33312e"),
    "text": ("#22211f", "#ede9e3"), "muted": ("#6a655d", "#a8a299"),
    "lead": ("#8a6a3b", "#c8a882"), "danger": ("#b3261e", "#f0655a"),
    "key-1": ("#905309", "#dcab42"), "key-2": ("#1c2784", "#637da6"),
    "key-3": ("#6c092b", "#d35e50"), "key-4": ("#719961", "#a6f3ac"),
    "key-5": ("#8e57b1", "#cb96f7"), "key-6": ("#106161", "#0cae92"),
    "sage": ("#3f7a4b", "#7fb685"), "terracotta": ("#a8552f", "#d98c6a"),
    "slate": ("#2f5f9e", "#8fb4e0"),
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_no_two_parts_use_one_name(figure: str) -> None:
    names = [
        name
        for part in parts(figure)
        for name in NAME.findall((WEB / f"{part}.js").read_text(encoding="utf-8"))
    ]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("figure", FIGURES)
def test_what_is_joined_imports_nothing_and_exports_only_the_figure(figure: str) -> None:
    joined = module(figure)
    assert not re.search(r"^import\b", joined, re.MULTILINE)
    exports = re.findall(r"^export .*", joined, re.MULTILINE)
    assert "export default { render };" in exports
    assert all(name in (WEB / f"{figure}.js").read_text(encoding="utf-8") for name in exports)


def test_every_part_belongs_to_a_figure() -> None:
    used = {part for figure in FIGURES for part in parts(figure)}
    assert used == {path.stem for path in WEB.glob("*.js")}


def test_parts_are_small_enough_to_be_read() -> None:
    for path in [*WEB.glob("*.js"), *WEB.glob("*.css")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, path.name
        assert max(map(len, lines)) <= 100, path.name


def test_the_colours_are_those_that_were_checked() -> None:
    for name, (light, dark) in COLOURS.items():
        assert f"--oz-{name}: light-dark({light}, {dark});" in tokens()


def test_the_ink_on_a_key_is_the_one_that_contrasts_more() -> None:
    for number in range(1, 7):
        inks = re.search(rf"--oz-ink-{number}: light-dark\((\S+), (\S+)\);", tokens())
        assert inks is not None
        for fill, ink in zip(COLOURS[f"key-{number}"], inks.groups(), strict=True):
            best = max(contrast(fill, "#191918"), contrast(fill, "#ffffff"))
            assert contrast(fill, ink) == best >= 4


def test_no_text_is_smaller_than_eleven_pixels_and_there_are_three_sizes() -> None:
    sizes = re.findall(r"--oz-(?:large|normal|small): ([\d.]+)px", css())
    assert sizes == ["18", "13", "11.5"]
    used = re.findall(r"font(?:-size)?: ([^;]+);", css().replace(tokens(), ""))
    assert all("var(--oz-" in size or size == "inherit" for size in used)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts_of_one = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts_of_one]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
