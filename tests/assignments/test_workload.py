"""The shop's traffic: as much as the handout says, with an evening, and the same every time."""

from collections import Counter, defaultdict

from assignments.ecommerce.streams import STREAMS
from assignments.ecommerce.workload import DAY_US, HOUR_US, PEAK_HOUR, SECOND_US, Shop

MINUTE_US = 60 * SECOND_US
EVENING_US = PEAK_HOUR * HOUR_US + HOUR_US // 2


def test_a_day_has_as_many_events_as_the_handout_says() -> None:
    """A tenth of the shop, for a whole day takes seconds."""
    events = Shop(seed=1, orders_a_day=5_000).events(0, DAY_US)
    counts = Counter(event.stream for event in events)
    types = Counter(event.type for event in events)
    assert types["order.created"] == 5_000
    assert abs(counts["orders"] - 15_000) < 450
    assert abs(counts["payments"] - 10_000) < 10, "the last stories of the day end after midnight"
    assert abs(counts["stock"] - 20_000) < 400
    assert set(types) == {kind for stream in STREAMS.values() for kind in stream.types}


def test_a_tenth_of_the_orders_comes_in_the_busiest_hour() -> None:
    events = Shop(seed=1, orders_a_day=5_000).events(PEAK_HOUR * HOUR_US, (PEAK_HOUR + 1) * HOUR_US)
    assert Counter(event.type for event in events)["order.created"] == 500


def test_a_minute_of_the_evening_needs_no_day_before_it() -> None:
    shop = Shop(seed=1)
    minute = shop.events(EVENING_US, EVENING_US + MINUTE_US)
    longer = shop.events(EVENING_US - MINUTE_US, EVENING_US + 2 * MINUTE_US)
    assert minute == [
        event for event in longer if EVENING_US <= event.time_us < EVENING_US + MINUTE_US
    ]


def test_another_seed_is_another_evening_with_the_same_habits() -> None:
    first, second = (Shop(seed=seed).events(EVENING_US, EVENING_US + MINUTE_US) for seed in (1, 2))
    assert first != second
    assert abs(len(first) - len(second)) < 80


def test_every_event_has_the_fields_that_may_be_keys() -> None:
    for event in Shop(seed=1).events(EVENING_US, EVENING_US + MINUTE_US):
        assert set(event.fields) == set(STREAMS[event.stream].fields)


def test_a_story_is_told_in_order() -> None:
    """Created before paid, initiated before completed, and stock that is held comes free again."""
    stories: dict[str, list[str]] = defaultdict(list)
    for event in Shop(seed=1).events(EVENING_US, EVENING_US + 4 * MINUTE_US):
        stories[event.fields["order_id"]].append(event.type)
    whole = [told for told in stories.values() if told[0] == "order.created" and len(told) > 5]
    assert len(whole) > 100
    for told in whole:
        assert told.count("payment.initiated") == 1
        assert told.index("payment.initiated") < max(
            told.index(end) for end in ("payment.completed", "payment.failed") if end in told
        )
        assert told.count("stock.reserved") in (1, 2, 3)
        assert told.count("stock.released") in (0, told.count("stock.reserved"))


def test_a_few_articles_sell_far_better_than_the_rest() -> None:
    events = Shop(seed=1).events(EVENING_US, EVENING_US + 10 * MINUTE_US)
    skus = Counter(event.fields["sku"] for event in events if event.stream == "stock")
    [(best, often)] = skus.most_common(1)
    assert best == "s1"
    assert 0.05 < often / skus.total() < 0.08
    assert len(skus) > 500
