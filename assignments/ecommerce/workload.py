"""The traffic of the shop: every order is a short story, told to three streams.

    orders     created, then updated when it is paid and when it is packed; or cancelled
    payments   initiated, then completed or failed
    stock      reserved for each article; then updated when it is picked, or released again

50,000 orders a day make 150,000 events of orders, 100,000 of payments and 200,000 of stock. They
do not come evenly: people order at lunch and in the evening, and the hour from eight to nine has a
tenth of the day. A check runs a minute of that hour, or a smaller shop with the same habits.

Nothing here is drawn from a shared dice. An order is a function of the seed and its number, so a
minute in the evening can be had without the day before it, and is the same on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import NamedTuple

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US

# fmt: off
DAY_CURVE = (12, 7, 5, 4, 4, 6, 12, 24, 36, 46, 52, 54, 56, 52, 50, 50, 54, 62, 76, 92, 100, 82,
             44, 20)
# fmt: on
"""How many of a thousand orders come in each hour of the day."""
PEAK_HOUR = 20

STORY_S = 60
"""No story is longer than this, from the order to its last event."""

FAILED_SHARE = 0.06
"""So many payments fail, and their orders are cancelled."""

Shares = tuple[tuple[str, float], ...]
METHODS: Shares = (("card", 0.6), ("wallet", 0.25), ("transfer", 0.1), ("voucher", 0.05))
WAREHOUSES: Shares = (("north", 0.5), ("east", 0.3), ("south", 0.2))
COUNTRIES: Shares = (("DE", 0.45), ("FR", 0.25), ("AT", 0.12), ("NL", 0.1), ("PL", 0.08))
CATEGORIES: Shares = (
    ("shoes", 0.42), ("shirts", 0.12), ("coats", 0.08), ("toys", 0.07), ("books", 0.06),
    ("games", 0.05), ("lamps", 0.05), ("pans", 0.04), ("tools", 0.04), ("plants", 0.03),
    ("bikes", 0.02), ("music", 0.02),
)  # fmt: skip

CUMULATIVE = [0, *accumulate(DAY_CURVE)]
FACTOR = 2_654_435_761
"""A multiplier that scatters consecutive numbers (Knuth's, for a table of 2^32 slots)."""


class Event(NamedTuple):
    """Something that happened at a time of the day."""

    time_us: int
    stream: str
    type: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Shop:
    """A shop, with its orders of one day."""

    seed: int
    orders_a_day: int = 50_000
    skus: int = 50_000
    customers: int = 20_000
    numbers_from: int = 0
    """Which order of the day is number zero: small numbers are easier to follow by eye."""

    def events(self, start_us: int, end_us: int) -> list[Event]:
        """What happens from one time of the day to another, in order."""
        first = max(0, self._number_at(start_us - STORY_S * SECOND_US) - 2)
        last = min(self.orders_a_day, self._number_at(end_us) + 2)
        told = [event for number in range(first, last) for event in self.story(number)]
        return sorted(
            (event for event in told if start_us <= event.time_us < end_us),
            key=lambda event: event.time_us,
        )

    def story(self, number: int) -> Iterator[Event]:
        """All that becomes of one order, in the order in which it is told."""
        random = Random(self.seed << 32 | number).random
        created_us = self._time_of(number + random())
        customer = _popular(random(), self.customers)
        name = number - self.numbers_from
        order = {
            "order_id": str(name), "customer_id": f"c{customer}",
            "country": _one_of(COUNTRIES, customer * FACTOR % 2**32 / 2**32),
        }  # fmt: skip
        payment = {
            "payment_id": str(name), "order_id": order["order_id"],
            "customer_id": order["customer_id"], "method": _one_of(METHODS, random()),
        }  # fmt: skip
        items = [self._item(order, random(), random()) for _ in range(1 + int(random() * 3))]
        told = _tell(created_us, random, order, payment, items)
        for place, (time_us, kind, fields) in enumerate(told):
            named = {**fields, "event_type": kind, "event_id": f"e{name}.{place}"}
            yield Event(time_us, STREAM_OF[kind.partition(".")[0]], kind, named)

    def _item(self, order: dict[str, str], which: float, where: float) -> dict[str, str]:
        sku = _popular(which, self.skus)
        return {
            "sku": f"s{sku}", "order_id": order["order_id"],
            "warehouse": _one_of(WAREHOUSES, where),
            "category": _one_of(CATEGORIES, sku * FACTOR % 2**32 / 2**32),
        }  # fmt: skip

    # -- when --------------------------------------------------------------------------------

    def _number_at(self, time_us: int) -> int:
        """How many orders there have been by a time of the day."""
        time_us = min(max(time_us, 0), DAY_US - 1)
        hour, rest_us = divmod(time_us, HOUR_US)
        share = CUMULATIVE[hour] + DAY_CURVE[hour] * rest_us / HOUR_US
        return int(self.orders_a_day * share / CUMULATIVE[-1])

    def _time_of(self, number: float) -> int:
        """When so many orders have come."""
        share = number * CUMULATIVE[-1] / self.orders_a_day
        hour = min(bisect_right(CUMULATIVE, share) - 1, len(DAY_CURVE) - 1)
        return int((hour + (share - CUMULATIVE[hour]) / DAY_CURVE[hour]) * HOUR_US)


# -- stories ---------------------------------------------------------------------------------

STREAM_OF = {"order": "orders", "payment": "payments", "stock": "stock"}

Dice = Callable[[], float]
Fields = dict[str, str]
Line = tuple[int, str, Fields]
"""When, what, and about whom."""


def _tell(
    start_us: int, dice: Dice, order: Fields, payment: Fields, items: list[Fields]
) -> Iterator[Line]:
    """Stock is held at once, the bank answers after some seconds, and then all is packed or undone.

    What belongs together comes close together. That is what makes order a matter of seconds: a
    service that is held up for as long meets the end of a story before its beginning.
    """

    def later(than_us: int, least_s: float, most_s: float) -> int:
        return than_us + int((least_s + (most_s - least_s) * dice()) * SECOND_US)

    yield start_us, "order.created", order
    for item in items:
        yield later(start_us, 0.2, 1), "stock.reserved", item
    asked_us = later(start_us, 0.5, 1.5)
    yield asked_us, "payment.initiated", payment
    answered_us = later(asked_us, 1, 6)
    if dice() < FAILED_SHARE:
        yield answered_us, "payment.failed", payment
        yield later(answered_us, 0.1, 0.5), "order.cancelled", order
        for item in items:
            yield later(answered_us, 0.2, 0.8), "stock.released", item
        return
    yield answered_us, "payment.completed", payment
    yield later(answered_us, 0.1, 0.5), "order.updated", order
    picked_us = [later(answered_us, 8, 40) for _ in items]
    for time_us, item in zip(picked_us, items, strict=True):
        yield time_us, "stock.updated", item
    yield later(max(picked_us), 0.5, 2), "order.updated", order


# -- who and what ----------------------------------------------------------------------------


def _popular(chance: float, count: int) -> int:
    """A number from 1 to `count`, small ones far more often: number n about as often as 1/n.

    First an octave (1, 2 to 3, 4 to 7, ...), each as likely as the next, then evenly within it:
    products and whole numbers only, because powers and logarithms are rounded in other ways on
    other machines.
    """
    octaves = count.bit_length()
    octave = int(chance * octaves)
    within = chance * octaves - octave
    low = 1 << octave
    high = min(2 * low, count + 1)
    return low + int(within * (high - low))


def _one_of(shares: Shares, chance: float) -> str:
    """A name, as often as its share says."""
    for name, share in shares:
        if chance < share:
            return name
        chance -= share
    return shares[-1][0]
