"""The pictures: each is drawn from the trace of a run, by one JavaScript module.

    from lessons.figures import LogView
    LogView(sim, title="Audit is at lunch")                          # in a notebook
    LogView("run.json", title="...").save_page("run.html")           # as a page of its own

A figure's JavaScript and style lie in `web/`, split into small parts, and reach every host as one
ES module and one style sheet (`module`). The parts that all figures share:

    tokens.css   colours, faces and sizes, for figures, notebooks and site
    figure.js    the frame: title, caption, table view, keyboard, sentence for screen readers
    fold.js      a trace folded into the state after any step
    clock.js     virtual time, and the time in which it is shown;   player.js moves through it
    scrubber.js  play, step, the track and its ticks
    flights.js   which messages are on their way, and how far
    rows.js      what a strip shows, read from the state: the one place that knows the state tree

A figure of its own adds a scene (`figure.js` says what that is). There are three:

    log_view.js      partitions as strips of records, who writes and who reads
    cluster_view.js  brokers with their replicas: who leads, who is in sync, which links are cut
    timeline.js      a line for each broker and client, and the messages between them over time

The state that a log view draws is that of the simulator's trace (schema 1), and one thing that a
lesson may put into a trace by itself, a queue beside the log:

    queues/NAME/messages/NUMBER   {"key": "A", "value": "paid"}, numbered in the order of coming

A message that is taken is deleted (null), and where it was nothing is left: that is the point. The
numbers are drawn nowhere; they only keep a message above the same record of the log. A message
that travels to or from the queue names it as `to` or `from`.
"""

from lessons.figures.fold import state_at, trace_of
from lessons.figures.module import css, module, tokens
from lessons.figures.page import page
from lessons.figures.widget import ClusterView, Figure, LogView, Timeline

__all__ = [
    "ClusterView",
    "Figure",
    "LogView",
    "Timeline",
    "css",
    "module",
    "page",
    "state_at",
    "tokens",
    "trace_of",
]
