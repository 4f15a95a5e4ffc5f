"""Record what a machine says to the cells of the lessons that measure one.

    cd site && python -m maker.record "a machine with two cores"

The site shows these numbers beside the machine's name. A build measures nothing, so that it gives
the same pages everywhere; this is run by hand, on a machine that has nothing else to do.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nbformat

from lessons.disk import DiskReport
from maker.lesson import MEASURES, RECORDED, Ran, run_cells

LESSON = RECORDED.parent.parent / "lessons" / "01_the_log.ipynb"


def said(ran: Ran, guess: Any) -> dict[str, Any]:
    """What is kept of a cell: the disk's numbers, or else the printed lines and the answer."""
    if isinstance(ran.value, DiskReport):
        report = ran.value
        return {
            "report": {
                "appended": [round(speed.appended) for speed in report.speeds],
                "scattered": [round(speed.scattered) for speed in report.speeds],
                "filesystem": report.filesystem,
                "seconds": round(report.seconds, 1),
            }
        }
    return {"printed": ran.printed, "answer": guess.answer, "because": guess.because}


def main(machine: str) -> None:
    """Run the whole lesson, and keep what depends on the machine."""
    notebook = nbformat.read(LESSON, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found: dict[str, Any] = {"machine": machine}
    guess: Any = None
    for cell, ran in zip(cells, run_cells(cells, None), strict=True):
        if MEASURES in cell.metadata.get("tags", []):
            found[cell.id] = said(ran, guess)
        elif type(ran.value).__name__ == "Prediction":
            guess = ran.value
    RECORDED.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
