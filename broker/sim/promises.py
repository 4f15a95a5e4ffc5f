"""What Kafka promises to clients, judged from their histories at the end of a run.

- Nothing is in a log that nobody sent, and nothing that certainly failed.
- An idempotent producer's record is there once, and its records are in the order of its sends.
  There is a gap in this: a running broker remembers the last five batches of a producer, but
  what it writes down for its next life (ProducerStateManager's snapshot) is the last one only. So a
  retry that meets a broker which has just come back may be refused as out of order, and is then
  sent under a new epoch.
- Without idempotence a retry may write a record twice, or behind a later one: Kafka says so, and
  a finding of that kind is marked as allowed.
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.client.outcomes import Status
from broker.sim.history import Content, History, Place, Sent, described, named

Logs = dict[Place, list[tuple[int, Content]]]
"""Offset and content of every record, for each partition."""


def judge(history: History, logs: Logs) -> None:
    """Hold the logs against what was sent, and note what is found."""
    sent_by: dict[tuple[str, Content], list[Sent]] = {}
    for sent in history.sent:
        sent_by.setdefault((sent.delivery.topic, sent.content), []).append(sent)
    for place, records in logs.items():
        _judge_log(history, place, records, sent_by)
    _judge_order(history)


def _judge_log(
    history: History,
    place: Place,
    records: Iterable[tuple[int, Content]],
    sent_by: dict[tuple[str, Content], list[Sent]],
) -> None:
    offsets: dict[Content, list[int]] = {}
    for offset, content in records:
        offsets.setdefault(content, []).append(offset)
    for content, at in offsets.items():
        sends = [
            sent
            for sent in sent_by.get((place[0], content), [])
            if sent.delivery.partition in (None, place[1])
        ]
        where = f"offset {at[0]}" if len(at) == 1 else f"offsets {', '.join(map(str, at))}"
        what = f"{described(content)} is at {where} of {named(place)}"
        possible = [sent for sent in sends if sent.delivery.status is not Status.FAILED]
        if not sends:
            history.find("phantom", f"{what}, and nobody has sent it", allowed=False)
        elif not possible:
            history.find("aborted read", f"{what}, though sending it has failed", allowed=False)
        elif len(at) > len(possible):
            _duplicate(history, what, possible)


def _duplicate(history: History, what: str, possible: list[Sent]) -> None:
    """A record is there more often than it was sent. Whether it may be depends on the producers."""
    sends = "once" if len(possible) == 1 else f"{len(possible)} times"
    careless = [sent.client for sent in possible if not sent.idempotent]
    forgotten = history.returned_since(min(sent.time_us for sent in possible))
    why = ""
    if careless:
        why = f": {careless[0]} is not idempotent, and sent it again"
    elif forgotten:
        why = ": the broker came back in between, and remembered only each producer's last batch"
    history.find(
        "duplicate", f"{what}, and was sent {sends}{why}", allowed=bool(why)
    )  # fmt: skip


def _judge_order(history: History) -> None:
    """Acknowledged records of one producer stand in the order in which they were sent."""
    last: dict[tuple[str, int, Place], Sent] = {}
    for sent in history.acknowledged():
        delivery = sent.delivery
        if delivery in history.lost or delivery.partition is None:
            continue
        place = (delivery.topic, delivery.partition)
        before = last.get((sent.client, sent.life, place))
        if before is not None and before.delivery.offset >= delivery.offset:
            excuse = "" if sent.idempotent else f": {sent.client} is not idempotent, and sent again"
            history.find(
                "nonmonotonic send",
                f"{sent.client} sent {described(before.content)} and then {described(sent.content)}"
                f" to {named(place)}, where they are at offsets {before.delivery.offset} and "
                f"{delivery.offset}{excuse}",
                allowed=not sent.idempotent,
            )
        last[sent.client, sent.life, place] = sent
