"""A failover, recorded and told: the run, and the moments of it that matter.

The page is made from a run of this very broker. Which steps matter is found in the trace itself, by
what they change. So the sentences beside them stay true when the broker changes; or a moment does
not come, and the build fails and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any, NamedTuple

from broker.sim import Simulation
from lessons.figures import ClusterView, Timeline, state_at
from maker.figures import figure_html

TRACE = "failover"
PLACE = "payments-0"
RECORDS = 60

Step = dict[str, Any]
Trace = dict[str, Any]


class Moment(NamedTuple):
    """Something that matters: a step, a word for the scrubber, and what to say about it."""

    step: int
    name: str
    text: str


def recorded() -> Trace:
    """Three brokers and a shop that writes all the time; the leader crashes and comes back."""
    sim = Simulation(brokers=3, seed=7)
    sim.create_topic("payments", partitions=1, replication_factor=3, min_insync_replicas=2)
    sim.run_for("100ms")  # until everybody has heard of it
    begins = sim.steps
    shop = sim.producer("shop", acks="all", linger_ms=0)
    records = [("ABCDEF"[number % 6], f"payment {number}") for number in range(RECORDS)]
    shop.send_each("payments", records, every="60ms")
    sim.run_for("700ms")
    leader = sim.leader_of("payments", 0)
    if leader is None:
        raise ValueError("the run of the failover has no leader to crash")
    # Two at once: the followers fetch the first, and meanwhile the leader has the second alone.
    shop.send("payments", key="E", value="payment in a hurry")
    sim.run_for("1ms")
    shop.send("payments", key="F", value="payment in a hurry, too")
    sim.run_until(lambda: _is_ahead(sim, str(leader)), within="100ms")
    sim.crash(leader)
    sim.run_for("2s")
    sim.restart(leader)
    sim.run_for("1s")
    trace: Trace = sim.trace.window(begins).to_dict()
    return trace


def _is_ahead(sim: Simulation, leader: str) -> bool:
    """Whether the leader has records that no follower has, and none is on its way to one."""
    logs = sim.trace.frame()["logs"]
    ends = {node: logs[node][PLACE]["end"] for node in logs}
    arrived = {number for step in sim.trace.steps for number in step.received}
    under_way = any(
        message["from"] == leader and message.get("keys") and message["id"] not in arrived
        for step in sim.trace.steps
        for message in step.sent
    )
    return not under_way and all(ends[leader] > ends[node] for node in ends if node != leader)


def moments(trace: Trace) -> list[Moment]:
    """The steps that matter, in their order, each with its sentence."""
    look = _Look(trace)
    crash = look.after(0, "the crash", lambda step: step["cause"]["kind"] == "fault")
    elected = look.sets(crash, f"partitions/{PLACE}/leader")
    gone = str(state_at(trace, crash)["partitions"][PLACE]["leader"])
    new = str(state_at(trace, elected)["partitions"][PLACE]["leader"])
    return [
        *_until_somebody_else_leads(look, crash, elected, gone, new),
        *_until_the_shop_is_answered(look, crash, elected, new),
        *_until_all_are_back(look, elected, gone, new),
    ]


def _until_somebody_else_leads(
    look: _Look, crash: int, elected: int, gone: str, new: str
) -> list[Moment]:
    logs = state_at(look.trace, crash)["logs"]
    log = logs[gone][PLACE]
    alone = max(logs[node][PLACE]["end"] for node in logs if node != gone)
    if alone != log["end"] - 1:
        raise ValueError("the run of the failover leaves no record to cut off")
    after = state_at(look.trace, elected)["partitions"][PLACE]
    [other] = [node for node in after["isr"] if str(node) != new]
    return [
        Moment(
            look.received(0, "shop", "Produce response"), "written",
            f"The shop writes to broker {gone}, which leads. A record counts when all in-sync"
            " replicas have fetched it: then the high watermark passes it, and the shop is told.",
        ),
        Moment(
            crash, "crash",
            f"Broker {gone} is gone. Its log ended at {log['end']}, and the record at {alone} it"
            f" had alone. Its high watermark was {log['hw']}: of anything from there on, nobody has"
            " been told that it counts.",
        ),
        Moment(
            look.heard(crash, "shop", "out of reach"), "noticed",
            "The shop's connection breaks. What it has sent and not heard of, it keeps, with its"
            f" sequence numbers; and as far as anybody knows, {PLACE} is still led by broker"
            f" {gone}.",
        ),
        Moment(
            elected, "elected",
            f"Broker {gone} has hung up, and has not called again within a heartbeat. The"
            f" controller takes it out of the in-sync replicas and gives the lead to broker {new},"
            f" in leader epoch {after['epoch']}. This counts now that broker {other} has fetched"
            " it: a majority has it. Two are still in sync, so writing may go on.",
        ),
    ]  # fmt: skip


def _until_the_shop_is_answered(look: _Look, crash: int, elected: int, new: str) -> list[Moment]:
    resent = look.received(elected, new, "Produce")
    answered = look.received(resent, "shop", "Produce response")
    before, after = (
        state_at(look.trace, step)["logs"][new][PLACE]["end"] for step in (resent - 1, resent)
    )
    if before != after:
        raise ValueError("the run of the failover sends nothing again that is there already")
    gap_ms = (look.time(answered) - look.time(crash)) // 1000
    return [
        Moment(
            resent, "sent again",
            f"The shop has asked who leads, and sends again what it kept, to broker {new}. The"
            f" first of it, the record at {before - 1}, is there already: broker {new} sees it by"
            " the sequence number, and does not write it twice.",
        ),
        Moment(
            answered, "answered",
            f"The shop hears that its record is safe. From the crash to here it took {gap_ms} ms;"
            " most of that was waiting until the silence was long enough to be believed.",
        ),
    ]  # fmt: skip


def _until_all_are_back(look: _Look, elected: int, gone: str, new: str) -> list[Moment]:
    end = f"logs/{gone}/{PLACE}/end"
    epoch = state_at(look.trace, elected)["partitions"][PLACE]["epoch"]
    back = look.after(elected, "the restart", lambda step: "starts again" in step["cause"]["text"])
    cut = look.sets(back, end)
    before, after = (state_at(look.trace, step)["logs"][gone][PLACE]["end"] for step in (back, cut))
    if after != before - 1:
        raise ValueError("the run of the failover cuts nothing off")
    return [
        Moment(
            back, "back",
            f"Broker {gone} starts again. Its log is what it was, up to {before}; the others have"
            " gone on without it.",
        ),
        Moment(
            cut, "truncated",
            f"Broker {gone} asks broker {new} for what comes next, and says that its last record is"
            f" of epoch {epoch - 1}. That epoch ended at {after}, is the answer. So broker {gone}"
            f" cuts off its record at {after}. Nothing is lost: nobody was told that it counts, and"
            " the shop has sent it again.",
        ),
        Moment(
            look.sets(cut, end), "follows",
            f"Broker {gone} has fetched what it missed, and with it the high watermark, which it"
            " did not know since its start. Now it has all that the leader has.",
        ),
        Moment(
            look.sets(back, f"partitions/{PLACE}/isr"), "in sync",
            f"The leader has asked the controller, and broker {gone} is in sync again: it may"
            " become the leader, the next time.",
        ),
    ]  # fmt: skip


class _Look:
    """Finds steps of a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.steps: list[Step] = trace["steps"]
        self.names = {
            message["id"]: message["name"] for step in self.steps for message in step["sent"]
        }

    def time(self, step: int) -> int:
        """When a step happened, in microseconds."""
        time: int = self.steps[step]["time"]
        return time

    def after(self, first: int, what: str, test: Callable[[Step], bool]) -> int:
        """The first step after another of which something is true."""
        found = (number for number in range(first + 1, len(self.steps)) if test(self.steps[number]))
        return _first(found, what)

    def heard(self, first: int, who: str, words: str) -> int:
        """When somebody hears something."""
        return self.after(
            first, f"{who} hears: {words}",
            lambda step: step["cause"]["who"] == who and words in step["cause"]["text"],
        )  # fmt: skip

    def received(self, first: int, who: str, name: str) -> int:
        """When somebody receives a kind of message."""
        return self.after(
            first, f"{who} receives {name}",
            lambda step: step["cause"]["who"] == who
            and name in [self.names.get(number) for number in step["received"]],
        )  # fmt: skip

    def sets(self, first: int, path: str) -> int:
        """When something changes."""
        return self.after(
            first, f"a change of {path}", lambda step: path in [entry[0] for entry in step["set"]]
        )


def _first(found: Iterator[int], what: str) -> int:
    for number in found:
        return number
    raise ValueError(f"the run of the failover has no such moment: {what}")


def figures(trace: Trace) -> tuple[ClusterView, Timeline]:
    """Both pictures of the run."""
    named = [(moment.step, moment.name) for moment in moments(trace)]
    elected = next(step for step, name in named if name == "elected")
    cluster = ClusterView(
        trace,
        title="The leader is gone",
        subtitle="and another one goes on with all that was acknowledged",
        topics=["payments"],
        clients=["shop"],
        moments=named,
        start=elected,
    )
    timeline = Timeline(
        trace,
        title="The same, as it happened",
        subtitle="a thick line leads; a slanted one is a message with records",
        topics=["payments"],
        who=["shop", "1", "2", "3"],
        moments=named,
        start=elected,
    )
    return cluster, timeline


def story(trace: Trace) -> str:
    """The pictures, and beside them a list of moments to go to."""
    cluster, timeline = figures(trace)
    items = "\n".join(
        f'<li><button type="button" data-step="{moment.step}">'
        f"<b>{escape(moment.name)}</b> <small>{_time(trace, moment.step)}</small></button>"
        f"<span>{escape(moment.text)}</span></li>"
        for moment in moments(trace)
    )
    return (
        f'<div data-story="{TRACE}">\n{figure_html(TRACE, cluster)}\n'
        f'<ol class="moments">\n{items}\n</ol>\n{figure_html(TRACE, timeline)}\n</div>'
    )


def _time(trace: Trace, step: int) -> str:
    return f"{trace['steps'][step]['time'] / 1e6:.3f} s"
