"""Figures as widgets: what a notebook's cell shows.

A figure is an anywidget: the traits below are the model that the JavaScript reads. The whole
trace goes to the page once, and from then on scrubbing and playing need no kernel; what comes
back is only the step at which the reader has come to rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from lessons.figures.fold import State, Trace, trace_of
from lessons.figures.module import css, module
from lessons.figures.page import page
from lessons.figures.text import as_text, cluster_lines, log_lines, row_names, start_step

Moment = tuple[int, str]
"""A step that gets a name on the scrubber."""


class Figure(anywidget.AnyWidget):
    """What all figures have: a trace, words above it, and a place to start."""

    _css = css()
    kind: ClassVar[str]
    """The name of the module in `web/`."""

    trace = traitlets.Any().tag(sync=True)
    """The trace; anything that a figure can be made from may be assigned."""
    title = traitlets.Unicode().tag(sync=True)
    """What to see."""
    subtitle = traitlets.Unicode().tag(sync=True)
    """Why it is so."""
    start = traitlets.Union(
        [traitlets.Int(), traitlets.Float(), traitlets.Unicode()],
        allow_none=True,
        default_value=None,
    ).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    """Where the reader is; assign it to go there, or fork the run there."""
    speed = traitlets.Float(1.0).tag(sync=True)
    moments: traitlets.List[Any] = traitlets.List().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    """What only this kind of figure understands."""

    def __init__(
        self,
        source: object,
        *,
        title: str = "",
        subtitle: str = "",
        start: float | str | None = None,
        moments: Sequence[Moment] = (),
        speed: float = 1.0,
        **options: Any,
    ) -> None:
        trace = trace_of(source)
        super().__init__(
            trace=trace, title=title, subtitle=subtitle, start=start, speed=speed,
            moments=[list(moment) for moment in moments], options=options,
            step=start_step(trace, start) if trace["steps"] else 0,
        )  # fmt: skip

    @traitlets.validate("trace")
    def _plain_trace(self, proposal: dict[str, Any]) -> Trace:
        return trace_of(proposal["value"])

    @property
    def text(self) -> str:
        """The alternative text: what the figure shows where the reader is."""
        if not self.trace["steps"]:
            return self.title or "a trace without steps"
        rows = row_names(self.trace, self.options)
        draw = partial(self._lines, rows)
        return as_text(self.trace, self.step, draw, self.title, self.subtitle)

    @staticmethod
    def _lines(rows: Sequence[str], state: State) -> list[str]:
        """The state in plain text, for the partitions (and queues) that are shown."""
        return log_lines(rows, state)

    def save_page(self, path: str | Path) -> Path:
        """Write the figure as one HTML file that needs nothing else."""
        options = {
            "title": self.title, "subtitle": self.subtitle, "start": self.start,
            "speed": self.speed, "moments": self.moments, **self.options,
        }  # fmt: skip
        path = Path(path)
        path.write_text(page(self.kind, self.trace, options, self.text), encoding="utf-8")
        return path

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = self.text
        return bundle


class LogView(Figure):
    """Partitions as strips of records, who writes and who reads, and what is on its way.

        LogView(sim, title="Audit is at lunch", subtitle="nobody waits for it", start="lunch")

    `sim` is a simulation, a trace, the trace's data, or the path of its JSON file. `start` is the
    step of the first frame (from the end if negative), or words from what happens in it.
    """

    _esm = module("log_view")
    kind = "log_view"

    def __init__(
        self,
        source: object,
        *,
        title: str = "",
        subtitle: str = "",
        start: float | str | None = None,
        partitions: Sequence[str] = (),
        topics: Sequence[str] = (),
        queues: Sequence[str] | None = None,
        focus: Mapping[str, int] | None = None,
        values: bool = False,
        every: bool = False,
        moments: Sequence[Moment] = (),
        speed: float = 1.0,
    ) -> None:
        """Choose what is shown.

        `partitions` or `topics` name the strips to show, and `queues` the queues; by default all.
        `focus` names for a strip the offset that the story is about, which stays in sight while
        the log's end does. `values` shows each record's value beside its key. `every` stops at
        every step of the trace, also at those that change nothing in this figure. `moments` name
        steps on the scrubber, and `speed` makes playing faster or slower.
        """
        options: dict[str, Any] = {
            "partitions": list(partitions),
            "topics": list(topics),
            "focus": dict(focus or {}),
            "values": values,
            "every": every,
        }
        if queues is not None:
            options["queues"] = list(queues)
        super().__init__(
            source, title=title, subtitle=subtitle, start=start, moments=moments, speed=speed,
            **options,
        )  # fmt: skip


class ClusterView(Figure):
    """Brokers with their replicas: who leads, who is in sync, and what is on its way.

        ClusterView(sim, title="Broker 2 is gone", subtitle="broker 1 leads in epoch 5")

    Everything else is as with `LogView`.
    """

    _esm = module("cluster_view")
    kind = "cluster_view"

    def __init__(
        self,
        source: object,
        *,
        title: str = "",
        subtitle: str = "",
        start: float | str | None = None,
        partitions: Sequence[str] = (),
        topics: Sequence[str] = (),
        clients: Sequence[str] | None = None,
        messages: str = "telling",
        every: bool = False,
        moments: Sequence[Moment] = (),
        speed: float = 1.0,
    ) -> None:
        """Choose what is shown.

        `partitions` or `topics` name the replicas to show, and `clients` the clients; by default
        all. `messages="all"` shows every message, not only those with records, votes and changes of
        who leads or is in sync. What arrives at one of `moments` is shown in any case.
        """
        options: dict[str, Any] = {
            "partitions": list(partitions),
            "topics": list(topics),
            "messages": messages,
            "every": every,
        }
        if clients is not None:
            options["clients"] = list(clients)
        super().__init__(
            source, title=title, subtitle=subtitle, start=start, moments=moments, speed=speed,
            **options,
        )  # fmt: skip

    @staticmethod
    def _lines(rows: Sequence[str], state: State) -> list[str]:
        return cluster_lines(rows, state)


class Timeline(Figure):
    """Who said what to whom, and when: a line for each broker and client, time to the right.

    Timeline(sim, title="An election", who=["1", "2", "3"], messages=["Vote"])
    """

    _esm = module("timeline")
    kind = "timeline"

    def __init__(
        self,
        source: object,
        *,
        title: str = "",
        subtitle: str = "",
        start: float | str | None = None,
        who: Sequence[str] = (),
        messages: Sequence[str] = (),
        partitions: Sequence[str] = (),
        topics: Sequence[str] = (),
        every: bool = False,
        moments: Sequence[Moment] = (),
        speed: float = 1.0,
    ) -> None:
        """Choose what is shown.

        `who` names the lines, from top to bottom: brokers by their number as text, and clients; by
        default all. `messages` names kinds of messages, as "Vote" or "Fetch"; by default those with
        records, votes and changes of who leads or is in sync. `partitions` or `topics` say whose
        leaders are marked on the lines.
        """
        super().__init__(
            source, title=title, subtitle=subtitle, start=start, moments=moments, speed=speed,
            who=list(who), messages=list(messages), partitions=list(partitions),
            topics=list(topics), every=every,
        )  # fmt: skip

    @staticmethod
    def _lines(rows: Sequence[str], state: State) -> list[str]:
        return cluster_lines(rows, state)
