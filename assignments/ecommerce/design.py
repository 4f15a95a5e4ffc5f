"""What a design says, and a reader that tells people what they have written wrongly.

Each stream is read for itself. A typing error in one of them costs that stream its run, and the
other two are graded as if nothing had happened.

What a value means is decided here, from the text as it was written: `partitions: 06` is six and
`key: no` is a field called "no", which does not exist, whatever YAML's own rules would make of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

from assignments.ecommerce.streams import NO_KEY, PARTITIONS_MAX, STREAMS, Stream
from assignments.grader.outline import Items, Names, Outline, Text
from assignments.grader.words import listed, quoted, shortened

WHOLE_FILE = ""
REASON_MAX = 2_000

DELIVERIES = ("at-most-once", "at-least-once", "exactly-once")
REASONS = ("why_key", "why_partitions", "why_delivery", "why_retention")
SETTINGS = ("topic", "key", "partitions", "delivery", "retention", *REASONS)

HOUR_MS = 3_600_000
UNITS_MS = {
    "minute": 60_000, "min": 60_000, "m": 60_000, "hour": HOUR_MS, "h": HOUR_MS,
    "day": 24 * HOUR_MS, "d": 24 * HOUR_MS, "week": 7 * 24 * HOUR_MS, "w": 7 * 24 * HOUR_MS,
    "month": 30 * 24 * HOUR_MS, "year": 365 * 24 * HOUR_MS, "y": 365 * 24 * HOUR_MS,
}  # fmt: skip
FOREVER = "forever"
COMPACT = "compact"


@dataclass(frozen=True)
class Problem:
    """Something in the file that is not as it should be."""

    line: int
    where: str
    """As `payments: partitions`; empty for the file as a whole."""
    wrong: str
    right: str
    stops: tuple[str, ...] = ()
    """The streams that cannot be run because of it."""

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", {self.where}" if self.where else "")
        return f"{place}: {self.wrong} {self.right}"


@dataclass(frozen=True)
class Retention:
    """How long a topic keeps its records: for a time (None: for ever), or the last of each key."""

    text: str
    time_ms: int | None
    compact: bool

    @property
    def configs(self) -> dict[str, str]:
        """As a topic's settings have it."""
        timed = self.time_ms is not None
        policies = [name for name, on in ((COMPACT, self.compact), ("delete", timed)) if on]
        return {
            "cleanup_policy": ",".join(policies or ["delete"]),
            "retention_ms": str(self.time_ms if timed else -1),
        }


@dataclass(frozen=True)
class Choice:
    """What a design says of one stream."""

    topic: str
    key: str | None
    """The field that is the key; None for records without one."""
    partitions: int
    delivery: str
    retention: Retention
    reasons: dict[str, str]


@dataclass
class Reading:
    """What was understood of a file, and what was not."""

    choices: dict[str, Choice] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def stopping(self, stream: str) -> list[Problem]:
        """Why a stream is not run."""
        return [problem for problem in self.problems if stream in problem.stops]


def read_design(root: Outline) -> Reading:
    """The design in an outline, as far as it can be understood."""
    reading = Reading()
    if not isinstance(root, Names):
        empty = isinstance(root, Text) and not root.text.strip()
        wrong = "The file is empty." if empty else "This is no design."
        reading.problems.append(Problem(root.line, "", wrong, FORM, tuple(STREAMS)))
        return reading
    for name, line in root.lines.items():
        if name not in STREAMS:
            reading.problems.append(_unknown(name, line, "", "stream", list(STREAMS)))
    for stream in STREAMS.values():
        _read_stream(stream, root, reading)
    reading.problems.sort(key=lambda problem: problem.line)
    return reading


def _read_stream(stream: Stream, root: Names, reading: Reading) -> None:
    found = root.items.get(stream.name)
    if not isinstance(found, Names):
        line = root.lines.get(stream.name, root.line)
        wrong = "there are no settings under it." if found else "this stream is missing."
        reading.problems.append(Problem(line, stream.name, wrong, FORM, (stream.name,)))
        return
    for name, line in found.lines.items():
        if name not in SETTINGS:
            reading.problems.append(
                _unknown(name, line, f"{stream.name}: ", "setting", list(SETTINGS))
            )
    values = _Settings(stream, found, root.lines[stream.name], reading.problems)
    choice = values.choice()
    _refuse_twins(choice.topic, values, reading)
    if not reading.stopping(stream.name):
        reading.choices[stream.name] = choice


def _refuse_twins(topic: str, values: _Settings, reading: Reading) -> None:
    """Two streams share no topic, nor names that Kafka's metrics cannot tell apart."""
    for name, other in reading.choices.items():
        if topic == other.topic:
            values.complain("topic", f"`{topic}` is the topic of {name} already.",
                            "Give each stream a topic of its own: a service that reads one should "
                            "not have to read past the other.")  # fmt: skip
        elif topic.replace(".", "_") == other.topic.replace(".", "_"):
            values.complain("topic", f"`{topic}` and `{other.topic}` of {name} are one name in "
                            "Kafka's metrics, and Kafka makes only one of them.",
                            "Use either `.` or `_` between words, not both.")  # fmt: skip


FORM = (
    "Start from the template: `orders:`, `payments:` and `stock:`, and under each, indented by "
    f"two spaces, its settings {listed(list(SETTINGS[:5]), 'and')}."
)


def _unknown(name: str, line: int, where: str, kind: str, known: list[str]) -> Problem:
    near = get_close_matches(name, known, 1)
    right = f"Did you mean `{near[0]}`?" if near else f"There are {listed(known, 'and')}."
    return Problem(line, f"{where}{quoted(name)}", f"there is no such {kind}.", right)


class _Settings:
    """The settings of one stream. What cannot be understood is noted, and gets any value."""

    def __init__(self, stream: Stream, names: Names, line: int, problems: list[Problem]) -> None:
        self.stream = stream
        self.names = names
        self.line = line
        self.problems = problems
        self.empty: dict[str, str] = {}
        """Settings without a value, with what would be right."""
        self.silent: list[str] = []
        """Reasons that are not given."""

    def choice(self) -> Choice:
        """All of them together."""
        choice = Choice(
            topic=self._topic(),
            key=self._key(),
            partitions=self._partitions(),
            delivery=self._delivery(),
            retention=self._retention(),
            reasons={name: self._reason(name) for name in REASONS},
        )
        self._complain_of_gaps()
        return choice

    def _complain_of_gaps(self) -> None:
        """What is missing, in one sentence: an untouched template should not be a wall of them."""
        names = list(self.empty)
        if len(names) == 1:
            self.complain(names[0], "nothing is filled in.", self.empty[names[0]])
        elif names:
            right = "The notes at the top of the template say what each of them takes."
            wrong = f"{listed(names, 'and')} are not filled in."
            self._note(names[0], self.stream.name, wrong, right, (self.stream.name,))
        if self.silent:
            which = listed([name.removeprefix("why_") for name in self.silent], "and")
            wrong = f"there is no reason for {which}."
            right = "A run does not need it, but the person does who reads your design."
            self._note(self.silent[0], self.stream.name, wrong, right, ())

    def complain(self, name: str, wrong: str, right: str, *, stops: bool = True) -> None:
        """Note what is wrong with a setting."""
        stopped = (self.stream.name,) if stops else ()
        self._note(name, f"{self.stream.name}: {name}", wrong, right, stopped)

    def _note(self, name: str, where: str, wrong: str, right: str, stops: tuple[str, ...]) -> None:
        line = self.names.lines.get(name, self.line)
        self.problems.append(Problem(line, where, wrong, right, stops))

    def _text(self, name: str, right: str) -> str | None:
        """What is written, or None if there is nothing to read."""
        found = self.names.items.get(name)
        if isinstance(found, Names | Items):
            self.complain(name, "here should be one value, and there are several.", right)
            return None
        text = " ".join(found.text.split()) if found else ""
        if not text:
            self.empty[name] = right
        return text or None

    def _topic(self) -> str:
        right = f"Give the topic a name, such as `{self.stream.name}`."
        text = self._text("topic", right)
        if text is None:
            return ""
        if not re.fullmatch(r"[a-zA-Z0-9._-]{1,60}", text) or text.startswith(("__", ".")):
            self.complain(
                "topic",
                f"{quoted(text)} cannot be a topic's name.",
                "Use up to 60 letters, digits, `.`, `_` and `-`; `__` at the beginning is "
                "Kafka's own.",
            )
        return text

    def _key(self) -> str | None:
        fields = list(self.stream.fields)
        right = f"Name the field that is the key: {listed(fields)}; or write `{NO_KEY}`."
        text = self._text("key", right)
        if text is None or text.lower() in (NO_KEY, "null", "~", "no key"):
            return None
        if text not in fields:
            self.complain("key", f"{quoted(text)} is no field of these events.",
                          _which_field(text, fields) or right)  # fmt: skip
        return text

    def _partitions(self) -> int:
        right = f"Write a whole number from 1 to {PARTITIONS_MAX:,}, such as 6."
        text = self._text("partitions", right)
        if text is None:
            return 1
        if not re.fullmatch(r"[0-9]+", text):
            self.complain("partitions", f"{quoted(text)} is not a whole number.", right)
            return 1
        number = text.lstrip("0") or "0"
        if number == "0":
            self.complain("partitions", "a topic has at least one.", right)
        elif len(number) > len(str(PARTITIONS_MAX)) or int(number) > PARTITIONS_MAX:
            self.complain("partitions", f"{shortened(number)} is too many.", right)
            return 1
        return int(number)

    def _delivery(self) -> str:
        right = f"Choose {listed([f'`{name}`' for name in DELIVERIES])}."
        text = self._text("delivery", right)
        if text is None:
            return ""
        name = re.sub(r"[ _]+", "-", text.lower())
        if name not in DELIVERIES:
            self.complain("delivery", f"{quoted(text)} is no delivery guarantee.", right)
        return name

    def _retention(self) -> Retention:
        right = f"Write a time such as `7 days`, `{FOREVER}`, `{COMPACT}`, or `{COMPACT}, 30 days`."
        text = self._text("retention", right)
        if text is None:
            return Retention("", None, False)
        parts = [part.strip() for part in text.lower().split(",")]
        times = [part for part in parts if part not in (FOREVER, COMPACT)]
        if len(parts) > 2 or len(set(parts)) < len(parts) or len(times) > 1 or (
            len(parts) == 2 and COMPACT not in parts
        ):  # fmt: skip
            self.complain("retention", f"{quoted(text)} says too many things.", right)
            return Retention(text, None, False)
        time_ms = _milliseconds(times[0]) if times else None
        if times and time_ms is None:
            self.complain("retention", f"{quoted(times[0])} is no retention.", right)
        return Retention(text, time_ms, COMPACT in parts)

    def _reason(self, name: str) -> str:
        found = self.names.items.get(name)
        text = " ".join(found.text.split()) if isinstance(found, Text) else ""
        if not text:
            self.silent.append(name)
        elif len(text) > REASON_MAX:
            wrong = f"the reason has {len(text):,} characters; {REASON_MAX:,} are read."
            self.complain(name, wrong, "Two or three sentences are enough.", stops=False)
        return text[:REASON_MAX]


def _which_field(text: str, fields: list[str]) -> str:
    """What somebody may have meant who named no field; empty if there is nothing to guess."""
    if len([name for name in re.findall(r"[a-z_]+", text.lower()) if name in fields]) > 1:
        return "A record has one key. Which field alone decides what has to stay in order?"
    near = get_close_matches(text.lower(), fields, 1)
    if not near:
        return ""
    if not text.isascii():
        strange = next(each for each in text if not each.isascii())
        return (
            f"Did you mean `{near[0]}`? One of the letters, U+{ord(strange):04X}, only looks like "
            "one of ours: type the name anew."
        )
    return f"Did you mean `{near[0]}`?"


def _milliseconds(text: str) -> int | None:
    """A time as people write it: 7d, 36 hours, 2 weeks. None if it is not one."""
    found = re.fullmatch(r"([0-9]{1,6}) ?([a-z]+)", text)
    if found is None:
        return None
    unit = found[2] if found[2] in UNITS_MS else found[2].removesuffix("s")
    number = int(found[1])
    return number * UNITS_MS[unit] if unit in UNITS_MS and number > 0 else None
