"""The page about the metadata quorum: its states drawn, and the table of the ways between them.

Both are made from the table that the broker runs on (`broker/quorum/transitions.py`). All that is
decided here is where a state stands.
"""

from __future__ import annotations

from math import hypot

from broker.quorum import transitions
from broker.quorum.transitions import TRANSITIONS, Cause, State, Transition
from maker.docstrings import markdown

HEAD = """\
# The metadata quorum

Which brokers there are, which topics, who leads what: all that stands in a log of its own, and the
voters among the nodes keep it in common. One of them leads and appends, the others fetch. A record
counts once a majority has it on disk, so any majority that comes together later has one who knows
it. This is Raft, in the form that Kafka gave it ([KIP-595](
https://cwiki.apache.org/confluence/display/KAFKA/KIP-595%3A+A+Raft+Protocol+for+the+Metadata+Quorum)):
followers fetch, as those of any partition do, and the leader counts how far they have come.

## States

"""
TABLE = """
Each arrow bears the numbers of its rows. The strong ones are the way to the lead: a follower misses
its leader ({missed}), asks whether it would be elected ({asked}), and is elected ({elected}).

| | state | what happens | becomes |
|--:|---|---|---|
"""
SOON = """
## How soon

At our default settings, and with a majority of the voters alive:

| what happens to the leader | the others ask for votes |
|---|---|
| it is stopped | at once: it tells them, and names those first that have the most of the log |
| its process dies | 0.1 to 0.2 s after a new connection to it is refused |
| its machine or its network falls silent | after `controller.quorum.fetch.timeout.ms`, 0.6 s |
| it is cut off, and goes on by itself | as before; it resigns after one and a half times as long |

Before anybody raises the epoch it asks whether it would be elected (KIP-996). Those who hear their
leader say no, so who sits behind a broken link disturbs nobody. And who was held up itself reads
what has come in meanwhile before it calls the others silent.

Votes are on disk before they leave. Records count as a voter's once they are on its disk, and
a follower fetches on only then.
"""

WIDTH, HEIGHT = 720, 400
_PLACES = {
    State.UNATTACHED: (90, 185),
    State.PROSPECTIVE: (345, 60),
    State.CANDIDATE: (620, 60),
    State.LEADER: (620, 330),
    State.FOLLOWER: (345, 200),
    State.RESIGNED: (345, 345),
}
_HALF_WIDTH, _HALF_HEIGHT = 56, 18
_TO_THE_LEAD = {
    "missed": Transition(State.FOLLOWER, Cause.FETCH_TIMEOUT, State.PROSPECTIVE),
    "asked": Transition(State.PROSPECTIVE, Cause.PRE_VOTES, State.CANDIDATE),
    "elected": Transition(State.CANDIDATE, Cause.VOTES, State.LEADER),
}
"""The usual way, drawn so that it is seen first."""
_BENDS = {(State.RESIGNED, State.PROSPECTIVE): 115}
"""How far an arrow bends to its left; the others bend a little, so that there is room for two."""
_BEND = 14
_NUMBERS_AT = {
    (State.CANDIDATE, State.UNATTACHED): 0.25,
    (State.LEADER, State.UNATTACHED): 0.3,
    (State.RESIGNED, State.PROSPECTIVE): 0.25,
}
"""How far along an arrow its numbers stand, where the middle is taken by others."""


def quorum_page() -> str:
    """The page as Markdown."""
    rows = "".join(
        f"| {number} | {row.state.value} | {row.cause.value} | {row.to.value} |\n"
        for number, row in enumerate(TRANSITIONS, start=1)
    )
    told = markdown(transitions.__doc__ or "")
    way = {name: TRANSITIONS.index(row) + 1 for name, row in _TO_THE_LEAD.items()}
    picture = f'<div class="wide">{drawing()}</div>'
    return f"{HEAD}{told}\n{picture}\n{TABLE.format(**way)}{rows}{SOON}"


def drawing() -> str:
    """The states and the ways between them, as SVG."""
    numbers: dict[tuple[State, State], list[int]] = {}
    for number, row in enumerate(TRANSITIONS, start=1):
        numbers.setdefault((row.state, row.to), []).append(number)
    arrows = [_arrow(state, to, found) for (state, to), found in numbers.items()]
    boxes = [_box(state) for state in State]
    return "\n".join(
        [
            f'<svg class="oz-states" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            ' aria-label="The states of a voter and the ways between them">',
            "<defs><marker id='oz-tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8'"
            " markerHeight='8' markerUnits='userSpaceOnUse' orient='auto'>"
            "<path d='M0 0L8 4L0 8z'/></marker></defs>",
            *[line for line, _ in arrows],
            *boxes,
            *[label for _, label in arrows],
            "</svg>",
        ]
    )


def _box(state: State) -> str:
    x, y = _PLACES[state]
    width, height = 2 * _HALF_WIDTH, 2 * _HALF_HEIGHT
    return (
        f'<rect x="{x - _HALF_WIDTH}" y="{y - _HALF_HEIGHT}" width="{width}" height="{height}"'
        f' rx="7"/><text x="{x}" y="{y + 5}">{state.value}</text>'
    )


def _arrow(state: State, to: State, numbers: list[int]) -> tuple[str, str]:
    """A way from one state to another: the line, and the numbers of its rows."""
    if state is to:
        x, y = _PLACES[state]
        top = y - _HALF_HEIGHT
        path = f"M{x - 22} {top}C{x - 34} {top - 38} {x + 34} {top - 38} {x + 22} {top}"
        return _line(path, "oz-way"), _label(x, top - 28, numbers)
    (x1, y1), (x2, y2) = _PLACES[state], _PLACES[to]
    length = hypot(x2 - x1, y2 - y1)
    bend = _BENDS.get((state, to), _BEND)
    across = ((y2 - y1) / length * bend, -(x2 - x1) / length * bend)
    middle = ((x1 + x2) / 2 + 2 * across[0], (y1 + y2) / 2 + 2 * across[1])
    start, end = _edge((x1, y1), middle), _edge((x2, y2), middle)
    path = f"M{start[0]} {start[1]}Q{middle[0]:.0f} {middle[1]:.0f} {end[0]} {end[1]}"
    at = _NUMBERS_AT.get((state, to), 0.5)
    label = [
        (1 - at) ** 2 * a + 2 * at * (1 - at) * b + at**2 * c
        for a, b, c in zip(start, middle, end, strict=True)
    ]
    usual = (state, to) in {(row.state, row.to) for row in _TO_THE_LEAD.values()}
    kind = "oz-way oz-usual" if usual else "oz-way"
    return _line(path, kind), _label(label[0], label[1], numbers)


def _edge(place: tuple[float, float], towards: tuple[float, float]) -> tuple[int, int]:
    """Where the way out of a box crosses its edge."""
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    part = min(_HALF_WIDTH / (abs(dx) or 1e-9), _HALF_HEIGHT / (abs(dy) or 1e-9))
    return round(place[0] + dx * part), round(place[1] + dy * part)


def _line(path: str, kind: str) -> str:
    return f'<path class="{kind}" d="{path}" marker-end="url(#oz-tip)"/>'


def _label(x: float, y: float, numbers: list[int]) -> str:
    text = ", ".join(str(number) for number in numbers)
    wide = 7 * len(text) + 4
    ground = f'<rect class="oz-number-ground" x="{x - wide / 2:.0f}" y="{y - 7:.0f}"'
    return (
        f'{ground} width="{wide}" height="14"/>'
        f'<text class="oz-number" x="{x:.0f}" y="{y + 4:.0f}">{text}</text>'
    )
