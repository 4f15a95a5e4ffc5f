"""A figure in plain text: for a terminal, a diff, and wherever no widget can be drawn.

    orders-0  leader: broker 1   · · A E A C C A E | A C   log start 2, high watermark 9, log end 11
              fulfilment-1 at 7, lag 2

Records deleted by retention are dots; what stands after the bar is not committed yet. A key that
is no letter is shown in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lessons.figures.fold import State, Trace, state_at

Draw = Callable[[State], list[str]]
RECORDS_SHOWN_MAX = 24
GHOST = "·"


def start_step(trace: Trace, start: float | str | None) -> int:
    """The step of the first frame; `figure.js` chooses the same."""
    steps = trace["steps"]
    last = len(steps) - 1
    if isinstance(start, (int, float)):
        return max(0, min(last, int(last + 1 + start if start < 0 else start)))
    causes = [step.get("cause", {}) for step in steps]
    if start:
        for number, cause in enumerate(causes):
            if start in cause.get("text", ""):
                return number
    for number, cause in enumerate(causes):
        if cause.get("kind") == "fault":
            return number
    for number in range(last, -1, -1):
        messages = steps[number].get("sent", [])
        if any(m.get("keys") and m.get("arrives") is not None for m in messages):
            return number
    return last


def as_text(trace: Trace, step: int, draw: Draw, title: str, subtitle: str) -> str:
    """What a figure shows after a step; `draw` puts the state into lines."""
    step = min(step, len(trace["steps"]) - 1)
    done = trace["steps"][step]
    head = f"{title}: {subtitle}" if title and subtitle else title or subtitle
    cause = done.get("cause", {}).get("text", "")
    where = f"step {step + 1} of {len(trace['steps'])}, t = {done['time'] / 1e6:.3f} s: {cause}"
    lines = [line for line in (head, where) if line]
    return "\n".join([*lines, *draw(state_at(trace, step))])


def log_lines(rows: Sequence[str], state: State) -> list[str]:
    """Strips of a log view, one below the other, with those who read them."""
    lines = []
    wide = max((len(name) for name in rows), default=0) + 2
    for name in rows:
        queue = state.get("queues", {}).get(name)
        found = _log_lines(state, name) if queue is None else _queue_lines(queue)
        lines += [(name if number == 0 else "").ljust(wide) + line
                  for number, line in enumerate(found)]  # fmt: skip
    return lines


def cluster_lines(rows: Sequence[str], state: State) -> list[str]:
    """Brokers of a cluster view, one below the other, each with its replicas."""
    lines = []
    for node, view in sorted(state.get("nodes", {}).items(), key=lambda item: int(item[0])):
        status = view.get("status", "up")
        if status == "up" and view.get("controller"):
            status = "controller"
        lines.append(f"broker {node}  {status}")
        held = state.get("logs", {}).get(node, {})
        for name in rows:
            if name in held:
                row, role = held[name], _role(state, node, name)
                offsets = f"high watermark {row['hw']}, log end {row['end']}"
                lines.append(f"    {name}  {role}   {_letters(row)}   {offsets}")
    lines += [f"{name.replace('~', ' and ')}: {value}"
              for name, value in state.get("links", {}).items() if value]  # fmt: skip
    return lines


def _role(state: State, node: str, name: str) -> str:
    part = state.get("partitions", {}).get(name, {})
    if str(part.get("leader")) == node:
        return f"leader, epoch {part.get('epoch')}"
    return "follower" if int(node) in part.get("isr", []) else "out of sync"


def row_names(trace: Trace, options: Mapping[str, Any]) -> list[str]:
    """The strips of a log view, from top to bottom: queues first, internal topics only if named."""
    state = state_at(trace, len(trace["steps"]) - 1)
    parts = state.get("partitions", {})
    topics = options.get("topics") or []
    logs = options.get("partitions") or sorted(
        (
            name
            for name, part in parts.items()
            if (part["topic"] in topics if topics else not name.startswith("__"))
        ),
        key=lambda name: (parts[name]["topic"], parts[name]["index"]),
    )
    return [*options.get("queues", state.get("queues", {})), *logs]


def _queue_lines(queue: dict[str, Any]) -> list[str]:
    messages = queue.get("messages", {})
    waiting = messages if isinstance(messages, list) else list(messages.values())
    letters = " ".join(_sign(message) for message in waiting)
    return [f"{len(waiting)} waiting   {letters}".rstrip()]


def _log_lines(state: State, name: str) -> list[str]:
    part = state.get("partitions", {}).get(name, {})
    node = part.get("leader")
    logs = state.get("logs", {})
    holders = [str(node), *(str(each) for each in part.get("replicas", [])), *logs]
    holder = next((each for each in holders if name in logs.get(each, {})), None)
    if holder is None:
        return ["not there yet"]
    log = logs[holder]
    row = log[name]
    status = state.get("nodes", {}).get(holder, {}).get("status", "up")
    where = f"leader: broker {holder}" if status == "up" else f"broker {holder} {status}"
    offsets = f"log start {row['start']}, high watermark {row['hw']}, log end {row['end']}"
    lines = [f"{where}   {_letters(row)}   {offsets}"]
    for client, view in state.get("clients", {}).items():
        position = (view.get("positions") or {}).get(name)
        if position is not None:
            lines.append(f"{client} at {position}, lag {max(0, row['hw'] - position)}")
    return lines


def _letters(row: dict[str, Any]) -> str:
    first = max(0, row["end"] - RECORDS_SHOWN_MAX)
    signs = ["…"] if first else []
    for offset in range(first, row["end"]):
        if offset == row["hw"]:
            signs.append("|")
        signs.append(_sign(row.get("records", {}).get(str(offset))))
    return " ".join(signs)


def _sign(record: dict[str, Any] | None) -> str:
    if record is None:
        return GHOST
    key = record.get("key")
    if key is None:
        return "-"
    return key if len(key) == 1 else f"[{key}]"
