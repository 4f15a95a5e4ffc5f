"""The exercises of lesson 1: an experiment with the learner's answer, then evidence and a hint.

A check has two halves. The *experiment* runs the broker in virtual time with the answer built
in, and returns facts. The *judgement* turns facts into a verdict: it looks for the mistakes
people really make, names the record and the offset that give them away, and adds one hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from traceback import extract_tb
from typing import Any

from broker.sim.handles import ReadRecord
from lessons.experiments import (
    BILLING_RESTS_H,
    HOUR_MS,
    LAWFUL_AGE_H,
    OutOfRangeError,
    Storage,
    read_from,
    store_two_weeks,
)
from lessons.scenes import MORE_ORDERS, ORDERS
from lessons.verdict import Verdict, not_yet, solved

Revenue = Callable[[Sequence[ReadRecord]], Any]
Totals = dict[str, int]

FIRST_ORDERS = (*ORDERS, *MORE_ORDERS)
OTHER_ORDERS = (("E", "10"), ("A", "5"), ("E", "-10"), ("F", "70"), ("A", "20"))


# -- exercise 1: the report that counted refunds as sales -----------------------------------------


def check_report(revenue: Revenue, start_at: Any) -> Verdict:
    """Replay the orders from `start_at` into `revenue`; compare with what the log adds up to."""
    history = read_from(0, FIRST_ORDERS)
    if not isinstance(start_at, int) or isinstance(start_at, bool):
        return not_yet(
            f"start_at is {start_at!r}, and a reader starts at an offset: a whole number.",
            hint="Which offset has the oldest order in the log?",
        )
    try:
        records = read_from(start_at, FIRST_ORDERS)
    except OutOfRangeError as refusal:
        return not_yet(
            f"The broker has no offset {start_at} to read from.",
            str(refusal),
            hint="A reader may start anywhere from the log start offset to the log end offset.",
        )
    answer = _answer(revenue, records)
    if isinstance(answer, Verdict):
        return answer
    if answer != add_up(history):
        return _judge_totals(answer, records, history)
    return _judge_second_replay(revenue, add_up(history), len(history))


def add_up(records: Iterable[ReadRecord]) -> Totals:
    """What each customer paid, less what was paid back."""
    totals: Totals = {}
    for record in records:
        totals[_customer(record)] = totals.get(_customer(record), 0) + _euros(record)
    return totals


def _customer(record: ReadRecord) -> str:
    return record.key or ""


def _euros(record: ReadRecord) -> int:
    return int(record.value or 0)


def _named(records: Iterable[ReadRecord]) -> str:
    """Records as a reader of the figure finds them: "offset 4 (B, -25)"."""
    return ", ".join(f"offset {r.offset} ({_customer(r)}, {_euros(r)})" for r in records)


def _answer(revenue: Revenue, records: Sequence[ReadRecord]) -> Totals | Verdict:
    """What revenue() makes of the records, keys as text, or what is wrong with it as a function."""
    try:
        answer = revenue(list(records))
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        return not_yet(
            "revenue() stopped before it had a result.",
            f"{type(error).__name__}: {error}",
            f"in the line: {last.line or f'line {last.lineno} of the cell'}",
            hint="Keys and values arrive as text: record.key is the customer, int(record.value) "
            "the euros.",
        )
    if not isinstance(answer, Mapping):
        return not_yet(
            f"revenue() returned {answer!r} where a dictionary, customer to euros, is expected.",
            hint="Does the function end with `return totals`?",
        )
    return dict(answer)


def _judge_totals(
    answer: Totals, records: Sequence[ReadRecord], history: Sequence[ReadRecord]
) -> Verdict:
    """The totals are not those of the log. Which mistake gives exactly these?"""
    refunds = [record for record in records if _euros(record) < 0]
    sales = [record for record in records if _euros(record) >= 0]
    if answer == add_up([*sales, *(r._replace(value=str(-_euros(r))) for r in refunds)]):
        return not_yet(
            "Refunds are still counted as if they were sales.",
            f"At {_named(refunds[:1])} money is paid back; the report adds {-_euros(refunds[0])}.",
            *_differences(answer, history),
            hint="A refund already bears its sign. What does the code do to the sign?",
        )
    if answer == add_up(sales):
        return not_yet(
            "Refunds are left out; they have to be subtracted.",
            f"The report skips {_named(refunds)}.",
            *_differences(answer, history),
            hint="A refund already bears its sign: adding it subtracts.",
        )
    if answer == add_up(records):
        missing = history[: len(history) - len(records)]
        return not_yet(
            f"The sums are right for what was read, but {len(missing)} orders were never read.",
            f"Before the start lie {_named(missing[:3])}{' ...' if len(missing) > 3 else ''}",
            *_differences(answer, history),
            hint="The records are all still there. Where would you start, to see every one?",
        )
    return not_yet(
        "The report and the log do not add up to the same.",
        *_differences(answer, history),
        hint="Take one customer and add up by hand: the table of the figure above has all orders.",
    )


def _differences(answer: Totals, history: Sequence[ReadRecord]) -> list[str]:
    """For the first customer that differs: both sums, and the records they should come from."""
    truth = add_up(history)
    for customer in sorted(truth.keys() | answer.keys()):
        said, right = answer.get(customer, "nothing"), truth.get(customer, "nothing")
        if said != right:
            own = [record for record in history if _customer(record) == customer]
            return [
                f"Customer {customer}: the report says {said}, the log adds up to {right}: "
                f"{_named(own) or 'there is no such customer'}."
            ]
    return []


def _judge_second_replay(revenue: Revenue, truth: Totals, count: int) -> Verdict:
    """Right once. A replay must be right each time, and on another log too."""
    again = _answer(revenue, read_from(0, FIRST_ORDERS))
    if again != truth:
        return not_yet(
            "The first replay was right. The second one, of the same orders, was not.",
            f"First {truth}",
            f"then {again}",
            hint="Something survives from one replay to the next. Start from an empty dictionary "
            "inside the function.",
        )
    other = read_from(0, OTHER_ORDERS)
    answer = _answer(revenue, other)
    if answer != add_up(other):
        return not_yet(
            "These totals are right, but those of another shop's log are not.",
            f"Its orders are {_named(other)}.",
            f"The report says {answer}, the log adds up to {add_up(other)}.",
            hint="Let the sums come out of the records that are passed in.",
        )
    return solved(
        f"{count} orders, read again from offset 0, give the right revenue: {truth}.",
        "Nothing had to be restored or backfilled. The mistake was in the reader; the log never "
        "heard of it.",
    )


# -- exercise 2: how long is a record kept? -------------------------------------------------------


def check_retention(retention_ms: Any, segment_ms: Any) -> Verdict:
    """Two weeks of orders under these settings: was one kept too long, or lost too early?"""
    for name, value in (("retention_ms", retention_ms), ("segment_ms", segment_ms)):
        if not isinstance(value, int) or isinstance(value, bool):
            return not_yet(
                f"{name} is {value!r}; it should be a whole number of milliseconds.",
                hint="72 hours are 72 * HOUR.",
            )
        if 0 <= value < HOUR_MS // 60:
            return not_yet(
                f"{name} is {value} milliseconds, less than a minute.",
                hint=f"Kafka counts in milliseconds. Did you mean {value} * HOUR?",
            )
    if retention_ms < 0:
        return not_yet(
            "retention_ms below zero means: keep for ever. That is a setting worth knowing, "
            "but the law here says otherwise.",
            hint=f"No order may be on the disk longer than {LAWFUL_AGE_H} hours.",
        )
    if segment_ms <= 0:
        return not_yet(
            f"segment_ms is {segment_ms}: a segment has to be open for some time.",
            hint="Try a day: 24 * HOUR.",
        )
    return judge_storage(store_two_weeks(retention_ms, segment_ms))


def judge_storage(seen: Storage) -> Verdict:
    """What the two weeks showed."""
    if seen.missed:
        first, last = seen.missed[0], seen.missed[-1]
        return not_yet(
            f"Billing lost {len(seen.missed)} orders over the weekend.",
            f"On Monday it asked for offset {first}; the log then began at {last + 1}.",
            f"Offsets {first} to {last} were deleted before anyone had billed them.",
            hint=f"Billing rests for {BILLING_RESTS_H} hours. How long must orders stay at least?",
        )
    if seen.oldest_age_h > LAWFUL_AGE_H:
        return not_yet(
            f"An order was kept for {_days(seen.oldest_age_h)}; the law allows "
            f"{_days(LAWFUL_AGE_H)}.",
            f"The order at offset {seen.oldest_offset} was that old and still on the disk.",
            f"It lay in a segment with {seen.oldest_segment_records} orders, and a segment is "
            "deleted whole: when the newest record in it is older than retention_ms, and never "
            "while it is the one being written.",
            hint="The oldest record waits for the youngest in its segment. So how old can it get, "
            "in terms of retention_ms and segment_ms?",
        )
    return solved(
        f"No order outlived {_days(LAWFUL_AGE_H)} (the oldest reached "
        f"{_days(seen.oldest_age_h)}), and billing missed none.",
        f"The log ended up as {seen.segments} segments, each with its index files."
        + (
            " Shorter segments delete more sharply and cost more files."
            if seen.segments > 1
            else ""
        ),
    )


def _days(hours: float) -> str:
    days, rest = divmod(round(hours), 24)
    if not days:
        return f"{rest} hours"
    return f"{days} days" + (f" and {rest} hours" if rest else "")
