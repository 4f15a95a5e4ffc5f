"""The platform of the assignment as data: what happens, who reads it, and how long that takes.

The handout tells these facts to the student, the workload acts them out, the checks judge by them.
There is one place for them, and a test that holds the handout against it.

The numbers are chosen so that every stream asks the same of a design: about three and a half
seconds of work come in each second of the peak, so four members of a group must be busy, five or
six are comfortable, and the eight that stand ready are plenty.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_KEY = "none"
"""What a design says for records without a key."""

PROMISE_S = 10
"""Every event is handled within so many seconds of being written, at the peak as well."""

PARTITIONS_MAX = 1_000
"""More is refused: that is a typing error, not a design."""

PARTITIONS_PLENTY = 64
"""Eight times the largest group. Beyond it a topic has partitions that nothing will ever need."""


@dataclass(frozen=True)
class Service:
    """A consumer group: how many members it has, and how long one needs for an event."""

    name: str
    members: int
    handling_ms: int
    does: str


@dataclass(frozen=True)
class Stream:
    """A stream of events, with the fields that each of them has."""

    name: str
    types: tuple[str, ...]
    entity: str
    """The field whose events must be handled in order, each value for itself."""
    entity_name: str
    """What one value of that field is called in a sentence."""
    fields: dict[str, str]
    """Each field with what it says: one of them may be the key."""
    producer: str
    services: tuple[Service, ...]

    @property
    def slowest(self) -> Service:
        """The service with the most work in an event: the one for which order and lag matter."""
        return max(self.services, key=lambda service: service.handling_ms)


EVENT_ID = "a number of its own for every single event"

ORDERS = Stream(
    name="orders",
    types=("order.created", "order.updated", "order.cancelled"),
    entity="order_id",
    entity_name="order",
    fields={
        "order_id": "the order",
        "customer_id": "who ordered",
        "country": "where the parcel goes: one of five, nearly half to one of them",
        "event_type": "order.created, order.updated or order.cancelled",
        "event_id": EVENT_ID,
    },
    producer="shop",
    services=(
        Service("fulfilment", 8, 900, "packs, and books a carrier"),
        Service("notifications", 4, 400, "writes to the customer"),
        Service("analytics", 2, 100, "counts"),
    ),
)

PAYMENTS = Stream(
    name="payments",
    types=("payment.initiated", "payment.completed", "payment.failed"),
    entity="payment_id",
    entity_name="payment",
    fields={
        "payment_id": "the payment; an order has one",
        "order_id": "the order that is paid",
        "customer_id": "who pays",
        "method": "card, wallet, transfer or voucher; three in five are by card",
        "event_type": "payment.initiated, payment.completed or payment.failed",
        "event_id": EVENT_ID,
    },
    producer="checkout",
    services=(Service("ledger", 8, 1_200, "books the money with the bank"),),
)

STOCK = Stream(
    name="stock",
    types=("stock.reserved", "stock.updated", "stock.released"),
    entity="sku",
    entity_name="SKU",
    fields={
        "sku": "the article, one of 50,000",
        "order_id": "the order for which the stock moves",
        "warehouse": "one of three; every article is kept in all of them",
        "category": "one of twelve kinds; an article has one, and two in five are shoes",
        "event_type": "stock.reserved, stock.updated or stock.released",
        "event_id": EVENT_ID,
    },
    producer="inventory",
    services=(Service("warehouse", 8, 600, "tells the robots in the hall"),),
)

STREAMS = {stream.name: stream for stream in (ORDERS, PAYMENTS, STOCK)}
