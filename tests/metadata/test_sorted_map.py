"""The map under the image, held against a plain dict."""

from __future__ import annotations

import random

import pytest

from broker.metadata import sorted_map
from broker.metadata.sorted_map import GONE, WIDTH, SortedMap


@pytest.mark.parametrize("seed", range(20))
def test_it_is_a_dict_in_order_whatever_happens_to_it(seed: int) -> None:
    dice = random.Random(seed)
    map_: SortedMap[int, float] = SortedMap()
    plain: dict[int, float] = {}
    for _ in range(60):
        before, was = map_, dict(plain)
        changes: dict[int, object] = {}
        for _ in range(dice.choice([1, 1, 2, 50, 400])):
            changes[dice.randrange(3000)] = GONE if dice.random() < 0.4 else dice.random()
        map_ = map_.changed(changes)
        for key, value in changes.items():
            plain.pop(key, None)
            if isinstance(value, float):
                plain[key] = value
        assert list(map_.items()) == sorted(plain.items())
        assert list(map_.values()) == [plain[key] for key in sorted(plain)]
        assert len(map_) == len(plain)
        assert dict(before) == was, "and the one before stays as it was"


def test_lookups() -> None:
    map_: SortedMap[str, int] = SortedMap().changed({f"{n:04}": n for n in range(5 * WIDTH)})
    assert map_["0007"] == 7
    assert map_.get("7") is None
    assert map_.get("7", 0) == 0
    assert "0007" in map_
    assert "" not in map_
    with pytest.raises(KeyError):
        map_["zzz"]
    assert SortedMap().get("a") is None
    assert map_ == {f"{n:04}": n for n in range(5 * WIDTH)}
    assert map_.changed({}) is map_
    assert repr(SortedMap().changed({1: 2})) == "SortedMap({1: 2})"


def test_a_change_copies_a_few_nodes_however_many_entries_there_are() -> None:
    """One leaf and the path to it; all others are the same objects before and after."""
    entries = {n: n for n in range(20_000)}
    before: SortedMap[int, int] = SortedMap().changed(entries)
    after = before.changed({7_777: -1})
    leaves = {id(leaf) for leaf in _leaves(before)}
    fresh = [leaf for leaf in _leaves(after) if id(leaf) not in leaves]
    assert len(fresh) == 1
    assert len(fresh[0]) <= WIDTH


def _leaves(map_: SortedMap[int, int]) -> list[dict[int, int]]:
    return list(sorted_map._leaves(map_._root))
