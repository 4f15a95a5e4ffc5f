"""What Kafka promises to clients, judged from their histories at the end of a run.

The judgement is the anomaly checker's (`broker.sim.checker`), which knows no broker. Here its
operations are made from a run's history, with one more at the end: everything that the leaders'
logs hold. And here it is known which anomalies Kafka owns up to:

- Without idempotence a retry may write a record twice, or behind a later one.
- There is a gap in idempotence, too: a running broker remembers the last five batches of a
  producer, but what it writes down for its next life (ProducerStateManager's snapshot) is the last
  one only. So a retry that meets a broker which has come back may be refused as out of order, and
  is then sent under a new epoch.
- A log takes any sequence number from a producer that it has never heard of. So if the first batch
  is refused, for too few are in sync, and the second one, on its way already, finds enough of them,
  the second stands first; the first is then out of order, and sent under a new epoch.
- With acks=1 a record is acknowledged when the leader alone has it, and may go with the leader.
- What was lost in a way that Kafka allows is gone, and its offset may be given anew. The rules by
  which a loss is allowed stand in `invariants.copies`; the checker is not shown what fell to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from broker.client.config import ACKS_ALL
from broker.client.outcomes import Status
from broker.sim.checker import (
    END_OF_LOG,
    Anomaly,
    End,
    Moved,
    Operation,
    Place,
    Poll,
    Send,
    Value,
    check,
)
from broker.sim.history import Content, History, Read, Sent, described, named
from broker.sim.hosts import BrokerHost
from broker.sim.views import records_of

if TYPE_CHECKING:
    from broker.replication.partition import Partition


class FinalLog(NamedTuple):
    """What a leader holds in the end, up to its high watermark."""

    start: int
    records: list[tuple[int, Content]]
    epochs: Mapping[int, tuple[int, int]] = {}
    """The id and the epoch of each offset's producer."""


Logs = Mapping[Place, FinalLog]


def final_log(host: BrokerHost, partition: Partition, end: int) -> FinalLog:
    """What a leader holds up to an offset."""
    start = partition.log.log_start_offset
    found = [
        (header, record)
        for header, record in records_of(host, partition, start)
        if not header.is_control and record.offset < end
    ]
    return FinalLog(
        start,
        [(record.offset, (record.key, record.value)) for _, record in found],
        {record.offset: (header.producer_id, header.producer_epoch) for header, record in found},
    )


class Lost(NamedTuple):
    """A record that is gone, and why that is allowed."""

    content: Content
    why: str
    again: bool = False
    """It was sent once more, and stands there now: whoever reads it is right."""


Gone = Mapping[Place, Mapping[int, list[Lost]]]
"""What was lost and may have been: for each partition and offset, the records."""

_ENDS = {Status.ACKED: End.OK, Status.FAILED: End.FAIL}


def judge(history: History, logs: Logs, gone: Gone) -> None:
    """Hold everything that clients saw, and what is in the logs now, against the promises."""
    sends = dict(enumerate(history.sent, 1))
    operations = [_send(number, sent, gone) for number, sent in sends.items()]
    operations += _reads(history, len(operations), gone)
    for place, log in logs.items():
        last = Poll(place, tuple(log.records), log.start)
        who = f"the log of {named(place)}"
        operations.append(Operation(len(operations) + 1, who, (last,)))
    for anomaly in check(operations, lambda value: described(cast(Content, value))):
        writers = [sends[each.number] for each in anomaly.operations if each.number in sends]
        why = _excuse(history, anomaly, writers, logs, gone)
        allowed = anomaly.allowed or bool(why)
        history.find(anomaly.kind, anomaly.text + why, allowed=allowed)
    _lost_and_allowed(history, gone)
    _lost_with_the_leader(history, logs)


def why_gone(gone: Gone, place: Place, offset: int, content: Content) -> str | None:
    """Why a record may be gone from an offset; None if it must be there."""
    for lost in gone.get(place, {}).get(offset, ()):
        if lost.content == content and not lost.again:
            return lost.why
    return None


# -- operations ----------------------------------------------------------------------------------


def _send(number: int, sent: Sent, gone: Gone) -> Operation:
    delivery, content = sent.delivery, sent.content
    place = (delivery.topic, -1 if delivery.partition is None else delivery.partition)
    offset = delivery.offset if delivery.offset >= 0 else None
    end = _ENDS.get(delivery.status, End.INFO)
    if sent.acks != ACKS_ALL or (
        offset is not None and why_gone(gone, place, offset, content) is not None
    ):
        offset = None  # it was there, and need not be
    if end is End.OK and offset is None:
        end = End.INFO
    life = f" in its life {sent.life}" if sent.life > 1 else ""
    return Operation(number, sent.client + life, (Send(place, content, offset),), end)


def _reads(history: History, number: int, gone: Gone) -> Iterator[Operation]:
    """All that was polled, with the moves of readers in between."""
    moves = iter(history.moves)
    move = next(moves, None)
    batch: list[Read] = []
    for at, read in enumerate(history.reads):
        if batch and (read.client, read.step) != (batch[0].client, batch[0].step):
            number += 1
            yield _poll(number, batch, gone)
            batch = []
        while move is not None and move.reads <= at:
            if batch:
                number += 1
                yield _poll(number, batch, gone)
                batch = []
            number += 1
            moved = Moved(move.place, _placed(move.to), move.found)
            yield Operation(number, move.client, (moved,))
            move = next(moves, None)
        batch.append(read)
    if batch:
        yield _poll(number + 1, batch, gone)


def _placed(to: int | str | None) -> int | None:
    return {"beginning": 0, "end": END_OF_LOG}.get(to) if isinstance(to, str) else to


def _poll(number: int, reads: Sequence[Read], gone: Gone) -> Operation:
    found: dict[Place, list[tuple[int, Value]]] = {}
    for _, record, _ in reads:
        place, content = (record.topic, record.partition), (record.key, record.value)
        if why_gone(gone, place, record.offset, content) is None:
            found.setdefault(place, []).append((record.offset, content))
    polls = tuple(Poll(place, tuple(records)) for place, records in found.items())
    return Operation(number, reads[0].client, polls)


# -- what Kafka owns up to -----------------------------------------------------------------------


def _excuse(history: History, anomaly: Anomaly, writers: list[Sent], logs: Logs, gone: Gone) -> str:
    """Why Kafka allows this; empty if it does not."""
    if anomaly.kind.endswith(("nonmonotonic send", "duplicate")):
        return _excuse_for_writers(history, anomaly, writers, logs)
    if anomaly.kind.endswith(("poll skip", "nonmonotonic poll", "end went back")):
        place, offset = anomaly.where or (("", 0), 0)
        first = min(gone.get(place, ()), default=None)
        if first is not None and first <= offset + 1:
            return f": from offset {first} on, records were lost in a way that Kafka allows"
    return ""


def _excuse_for_writers(history: History, anomaly: Anomaly, writers: list[Sent], logs: Logs) -> str:
    """Without sequence numbers all is possible. With them, what was sent again has to be in a new
    epoch: within one, the log takes each number once, and in order."""
    careless = [sent.client for sent in writers if not sent.idempotent]
    twice = anomaly.kind == "duplicate"
    if careless:
        return f": {careless[0]} is not idempotent, and sent {'it ' * twice}again"
    epochs = _epochs(anomaly, writers, logs)
    if not writers or len(set(epochs)) < len(epochs):
        return ""
    if twice and history.returned_since(min(sent.time_us for sent in writers)):
        return ": a broker came back in between, and remembered each producer's last batch only"
    offsets = {sent.delivery.offset for sent in writers}
    if not twice and len(offsets) == 2 and _is_first(history, writers[-1]):
        return ": the log had not heard of the producer yet, and what came before was refused"
    return ""


def _epochs(anomaly: Anomaly, writers: list[Sent], logs: Logs) -> list[tuple[int, int]]:
    """In which epoch of its producer each of the records was written that look wrong."""
    log = logs.get(anomaly.where[0]) if anomaly.where is not None else None
    if log is None:
        return []
    offsets = [sent.delivery.offset for sent in writers]
    if anomaly.kind == "duplicate":
        offsets = [offset for offset, content in log.records if content in anomaly.values]
    return [log.epochs[offset] for offset in offsets if offset in log.epochs]


def _is_first(history: History, sent: Sent) -> bool:
    """Whether a record is the first that a log has of a producer."""
    who = (sent.client, sent.life, sent.delivery.topic, sent.delivery.partition)
    offsets = [
        other.delivery.offset
        for other in history.sent
        if (other.client, other.life, other.delivery.topic, other.delivery.partition) == who
    ]
    return sent.delivery.offset == min(offset for offset in offsets if offset >= 0)


def _lost_and_allowed(history: History, gone: Gone) -> None:
    """What somebody knew of, and is gone: to be named, though nobody is to blame."""
    told: set[tuple[Place, int, Content]] = set()
    for sent in history.sent:
        delivery = sent.delivery
        if delivery.status is not Status.ACKED or delivery.partition is None:
            continue
        place = (delivery.topic, delivery.partition)
        why = why_gone(gone, place, delivery.offset, sent.content)
        if why is not None:
            told.add((place, delivery.offset, sent.content))
            history.find(
                "acknowledged record lost",
                f"{described(sent.content)} at offset {delivery.offset} of {named(place)} was "
                f"acknowledged to {sent.client} and is not there{why}",
                allowed=True,
            )
    for _, record, _ in history.reads:
        place, content = (record.topic, record.partition), (record.key, record.value)
        why = why_gone(gone, place, record.offset, content)
        if why is not None and (place, record.offset, content) not in told:
            history.find(
                "consumed record lost",
                f"{described(content)} was read at offset {record.offset} of {named(place)} and is "
                f"not there{why}",
                allowed=True,
            )


def _lost_with_the_leader(history: History, logs: Logs) -> None:
    """Records that were acknowledged by a leader alone, and went with it."""
    found = {
        place: (log.start, {content for _, content in log.records}) for place, log in logs.items()
    }
    for sent in history.sent:
        delivery = sent.delivery
        if sent.acks == ACKS_ALL or delivery.status is not Status.ACKED or delivery.offset < 0:
            continue
        assert delivery.partition is not None
        place = (delivery.topic, delivery.partition)
        start, contents = found.get(place, (delivery.offset + 1, set()))
        if delivery.offset >= start and sent.content not in contents:
            history.find(
                "acknowledged record lost",
                f"{described(sent.content)} at offset {delivery.offset} of {named(place)} was "
                f"acknowledged to {sent.client} and is not there: with acks={sent.acks} the leader "
                "alone had to have it",
                allowed=True,
            )
