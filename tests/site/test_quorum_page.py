"""The page about the quorum is drawn from the table that the broker runs on."""

import re
from xml.etree import ElementTree

from maker.quorum import drawing, quorum_page

from broker.quorum.transitions import TRANSITIONS, State


def test_every_way_is_drawn_and_told() -> None:
    picture = ElementTree.fromstring(drawing())
    texts = [text.text or "" for text in picture.iter("text")]
    assert [text for text in texts if not text[0].isdigit()] == [state.value for state in State]
    numbers = [int(n) for text in texts if text[0].isdigit() for n in text.split(", ")]
    assert sorted(numbers) == list(range(1, len(TRANSITIONS) + 1))
    for number, row in enumerate(TRANSITIONS, start=1):
        line = f"| {number} | {row.state.value} | {row.cause.value} | {row.to.value} |"
        assert line in quorum_page()


def test_nothing_is_drawn_beyond_the_edge() -> None:
    picture = ElementTree.fromstring(drawing())
    width, height = (int(n) for n in picture.attrib["viewBox"].split()[2:])
    for path in picture.iter("path"):
        places = [float(n) for n in re.findall(r"-?\d+", path.attrib["d"])]
        assert all(0 <= x <= width for x in places[::2])
        assert all(0 <= y <= height for y in places[1::2])
