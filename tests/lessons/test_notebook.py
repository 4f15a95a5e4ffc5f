"""Lesson 1 runs from top to bottom, and is stored the way it should be.

The simulated cells need nothing but Python. The live cell starts a broker and needs a socket on
this machine and confluent-kafka; `-k "not live"` leaves it out.
"""

import json
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSON = Path(__file__).parents[2] / "lessons" / "01_the_log.ipynb"


def notebook(*, live: bool):
    book = nbformat.read(LESSON, as_version=4)
    if not live:
        book.cells = [cell for cell in book.cells if "live" not in tags(cell)]
    return book


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def run(book, folder: Path):
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell for cell in book.cells}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return run(notebook(live=False), tmp_path_factory.mktemp("lesson"))


def text_of(cell) -> str:
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def test_every_simulated_cell_runs_and_is_quiet_on_stderr(simulated):
    for cell in simulated.values():
        for output in cell.get("outputs", ()):
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", (cell.id, output.text)


def test_the_claims_of_the_text_hold_in_the_run(simulated):
    assert text_of(simulated["immutable"]).splitlines() == [
        "log end offset: 12",
        "the first six records, byte for byte as before: True",
    ]


def test_the_first_figure_shows_the_number_that_its_answer_names(simulated):
    assert "log end 6" in text_of(simulated["append-run"])


def test_the_exercises_start_unsolved_with_a_hint(simulated):
    for name in ("exercise-report-try", "exercise-retention-try"):
        answer = text_of(simulated[name])
        assert answer.startswith("Not yet."), name
        assert "Hint:" in answer, name


def test_the_measurement_leaves_nothing_in_the_learners_folder(simulated, tmp_path_factory):
    for folder in tmp_path_factory.getbasetemp().glob("lesson*"):
        assert list(folder.iterdir()) == []


def test_live_cell_against_the_embedded_broker(tmp_path, monkeypatch):
    pytest.importorskip("confluent_kafka")
    monkeypatch.delenv("BOOTSTRAP_SERVERS", raising=False)
    book = notebook(live=True)
    book.cells = [cell for cell in book.cells if cell.id in LIVE]
    cells = run(book, tmp_path)
    assert "the same records: True" in text_of(cells["live-run"])
    assert "offsets 0 to 49,999" in text_of(cells["live-run"])
    assert [output.name for output in cells["live-run"].outputs] == ["stdout"]


LIVE = ("imports", "live-predict", "live-run")


def test_the_notebook_is_stored_without_outputs_and_with_readable_ids():
    book = json.loads(LESSON.read_text(encoding="utf-8"))
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    for cell in book["cells"]:
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None
        assert not cell["id"].isalnum() or cell["id"].isalpha(), "ids are words"


def test_what_depends_on_the_machine_is_tagged():
    marked = {cell.id for cell in notebook(live=True).cells if "nbval-ignore-output" in tags(cell)}
    assert marked == {"disk-run", "live-run"}


def test_every_prediction_is_followed_by_its_answer():
    code = [cell for cell in notebook(live=True).cells if cell.cell_type == "code"]
    for asks, answers in pairwise(code):
        if "predict(" in asks.source and asks.id != "imports":
            assert "guess.reveal(" in answers.source, asks.id
