"""The example in the documentation of the trace is a real run, to the letter.

When a change of the broker changes the run, `REWRITE=1 pytest tests/sim/test_documented_trace.py`
writes the new steps into the page. Read it then: the sentences around them must still be true.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
STEP = re.compile(r"```json\n(.*?)```", re.DOTALL)
SHOWN_ARRIVALS = (1, 2, 3)


def rendered(step: dict[str, Any]) -> str:
    """A step as the page shows it: its parts on lines of their own."""
    text = json.JSONEncoder(ensure_ascii=False).encode
    sent = [
        text(message)
        .replace(', "text"', ',\n     "text"')
        .replace(', "answers"', ',\n     "answers"')
        for message in step["sent"]
    ]
    parts = [
        f'"time": {step["time"]}',
        f'"cause": {text(step["cause"])}'.replace(', "text"', ',\n            "text"'),
        _list("sent", sent),
        f'"received": {text(step["received"])}',
        _list("set", [text(change) for change in step["set"]]),
    ]
    return "{\n  " + ",\n  ".join(parts) + "\n}\n"


def _list(name: str, items: list[str]) -> str:
    if not items:
        return f'"{name}": []'
    return f'"{name}": [\n    ' + ",\n    ".join(items) + "\n  ]"


def test_the_example_is_what_its_code_does(root: Path) -> None:
    page = root / "site" / "trace.md"
    text = page.read_text(encoding="utf-8")
    scope: dict[str, Any] = {}
    exec(CODE.findall(text)[0], scope)
    steps = [step.as_json() for step in scope["trace"].steps]
    arrivals = [step for step in steps if step["received"]]
    happened = iter([rendered(arrivals[number]) for number in SHOWN_ARRIVALS])
    now = STEP.sub(lambda _: f"```json\n{next(happened)}```", text)
    if os.environ.get("REWRITE"):
        page.write_text(now, encoding="utf-8")
    assert text == now
