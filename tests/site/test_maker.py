"""What makes the pages: notebooks, docstrings and tables become Markdown, the same each time."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import hooks
import pytest
from maker import documents, failover, figures, npm, protocol, rooms
from maker.docstrings import first_sentence, markdown
from maker.lesson import run_cell, run_cells

from broker.api.table import APIS, CONTROLLER_APIS

ROOT = Path(__file__).resolve().parents[2]

# -- docstrings ------------------------------------------------------------------------------------


def test_prose_flows_and_columns_are_kept() -> None:
    doc = "A log.\n\n    start      end\n      |         |\n\nIt grows."
    assert markdown(doc) == ("A log.\n\n```text\nstart      end\n  |         |\n```\n\nIt grows.\n")


def test_what_is_python_is_shown_as_python() -> None:
    assert "```python\nsim = Simulation(seed=7)" in markdown(
        "Like this:\n\n    sim = Simulation(seed=7)\n    sim.crash(1)"
    )


def test_an_item_goes_on_in_its_second_line() -> None:
    assert markdown("Two things:\n- one, which\n  goes on\n- another") == (
        "Two things:\n\n- one, which\n    goes on\n- another\n"
    )


def test_the_first_sentence_is_a_summary() -> None:
    assert first_sentence("Fetch: read batches. Then\nwait.") == "Fetch: read batches."
    assert first_sentence("Kafka 4.3 and up\n\nMore.") == "Kafka 4.3 and up"


# -- the broker in pages ---------------------------------------------------------------------------


def test_every_module_of_the_broker_has_its_place_in_a_room() -> None:
    told = [module.path for room in rooms.ROOMS for module in rooms.modules_of(room)]
    assert len(told) == len(set(told))
    everything = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "broker").rglob("*.py")
        if "messages" not in path.parts
    }
    assert everything - set(told) == {"broker/__init__.py", "broker/__main__.py"}


def test_a_room_says_whom_it_knows() -> None:
    known = {room.name: rooms.knows(room) for room in rooms.ROOMS}
    assert known["wire"] == set()
    assert {"wire", "events"} <= known["log"]
    assert "sim" not in known["node"]


def test_the_protocol_page_lists_what_is_served() -> None:
    page = protocol.protocol_page()
    for api in APIS.values():
        row = f"| {api.key} | [{api.name}](#{api.name.lower()}) | "
        assert f"{row}{api.min_version}–{api.max_version} |" in page
        assert f"\n## {api.name}\n" in page
    for api in CONTROLLER_APIS.values():
        assert page.count(f"\n## {api.name}\n") == 1


# -- documents -------------------------------------------------------------------------------------


def test_links_of_the_repository_fit_the_site() -> None:
    page = documents.document_page("CONTRIBUTING.md")
    assert "[architecture](architecture.md)" in page
    assert "](site/" not in page


def test_a_file_that_is_named_leads_to_its_page() -> None:
    text = "See `broker/log/log.py` and `broker/no/such.py`.\n\n```\n`broker/node.py`\n```\n"
    linked = documents.link_files(text, "rooms/log.md")
    assert '<a href="../source/broker/log/log.html"><code>broker/log/log.py</code></a>' in linked
    assert "`broker/no/such.py`" in linked
    assert "\n`broker/node.py`\n" in linked


# -- lessons ---------------------------------------------------------------------------------------


def test_a_cell_gives_what_it_prints_and_its_last_value() -> None:
    names = {"two": 2}
    ran = run_cell("print('hello')\nthree = two + 1\nthree", names)
    assert (ran.printed, ran.value) == ("hello\n", 3)
    assert run_cell("four = three + 1", names).value is None
    assert names["four"] == 4


def test_a_cell_that_measures_is_not_run() -> None:
    def never() -> None:
        raise AssertionError("a build measures nothing")

    cell = SimpleNamespace(
        source="never()", id="live", metadata={"tags": ["live", "nbval-ignore-output"]}
    )
    guess = SimpleNamespace(source="", id="guess", metadata={})
    guess.source = "class Guess:\n    def reveal(self, *said): self.said = said\nguess = Guess()"
    known = {"live": {"printed": "fast\n", "answer": "fast", "because": "it was"}}
    _, ran = run_cells([guess, cell], known)
    assert ran.printed == "fast\n"


# -- assets ----------------------------------------------------------------------------------------


def test_a_script_of_the_page_exports_nothing() -> None:
    script = figures.script()
    assert "\nexport " not in script
    assert "offsetZero.log_view = " in script
    assert "offsetZero.predict = " in script


def test_without_npm_the_site_is_set_in_the_systems_faces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(npm, "NPM", tmp_path)
    assert npm.found() == ()
    assert "@font-face" not in npm.css()


def test_the_lock_of_npm_names_hashes_and_no_addresses() -> None:
    lock = (ROOT / "site" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == len(npm.FACES)
    assert "://" not in (ROOT / "site" / "node.lock").read_text(encoding="utf-8")


def test_the_same_repository_gives_the_same_pages() -> None:
    """In another process, where sets have another order."""
    script = (
        "import sys, json; sys.path[:0] = ['site', 'tests/site'];"
        "from test_maker import digests; print(json.dumps(digests()))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(other.stdout) == digests()


def digests() -> dict[str, str]:
    """Of everything that is made, but not of the code and of what the grader has tests for."""
    made = {**hooks._assets(), **hooks._pages()}
    return {name: sha256(text.encode()).hexdigest() for name, text in made.items()}


# -- the failover ----------------------------------------------------------------------------------


def test_the_failover_has_all_its_moments_in_their_order() -> None:
    trace = failover.recorded()
    found = failover.moments(trace)
    assert [moment.name for moment in found] == [
        "written", "crash", "noticed", "elected", "sent again", "answered", "back", "truncated",
        "follows", "in sync",
    ]  # fmt: skip
    assert [moment.step for moment in found] == sorted({moment.step for moment in found})
    assert len(json.dumps(trace)) < 1_000_000


def test_a_failover_without_a_crash_says_which_moment_is_missing() -> None:
    trace = failover.recorded()
    for step in trace["steps"]:
        step["cause"]["kind"] = "message"
    with pytest.raises(ValueError, match="no such moment: the crash"):
        failover.moments(trace)
