"""A design is read as far as it can be understood, and what cannot be is explained."""

from pathlib import Path

import pytest

from assignments.ecommerce.assess import understand
from assignments.ecommerce.streams import STREAMS
from tests.assignments.designs import ECOMMERCE, GOOD

# Something changed in the good design: what stood there, what stands there now, the words that must
# be said about it, and the streams that cannot be run.
SPOILED = {
    "partitions in words": ("partitions: 12", "partitions: twelve", "whole number", {"orders"}),
    "no partitions": ("partitions: 12", "partitions: 0", "at least one", {"orders"}),
    "partitions of a typist": ("partitions: 12", "partitions: 120000", "too many", {"orders"}),
    "partitions without end": ("partitions: 12", f"partitions: {'9' * 5_000}", "many", {"orders"}),
    "half a partition": ("partitions: 12", "partitions: 1.5", "whole number", {"orders"}),
    "a key that is no field": ("key: sku", "key: SKUs", "Did you mean `sku`?", {"stock"}),
    "a key that only looks right": ("key: sku", "key: \u0455ku", "U+0455", {"stock"}),
    "a key of two": ("key: sku", "key: sku + warehouse", "one key", {"stock"}),
    "a key of another stream": ("key: sku", "key: method", "no field of these", {"stock"}),
    "a guarantee nobody gives": ("exactly-once", "always", "exactly-once", {"payments"}),
    "a time without a unit": ("30 days", "30", "no retention", {"orders"}),
    "two times": ("30 days", "30 days, 7 days", "too many things", {"orders"}),
    "a topic with spaces": ("topic: orders", "topic: my orders", "topic's name", {"orders"}),
    "a topic of Kafka's own": ("topic: orders", "topic: __orders", "Kafka's own", {"orders"}),
    "one topic for two": ("topic: stock", "topic: orders", "topic of its own", {"stock"}),
    "a list of keys": ("key: sku", "key: [sku, warehouse]", "several", {"stock"}),
    "nothing at all": ("key: sku", "key:", "nothing is filled in", {"stock"}),
    "a misspelt setting": ("partitions: 12", "partition: 12", "`partitions`", {"orders"}),
    "a misspelt stream": ("\nstock:", "\nstocks:", "Did you mean `stock`?", {"stock"}),
    "a stream without settings": ("\nstock:", "\nstock: x\nrest:", "no settings", {"stock"}),
    "one setting too many": ("key: sku", "key: sku\n  colour: red", "no such setting", set()),
    "no reason": (
        "why_key: >-\n    The rule",
        "note: >-\n    The rule",
        "no reason for key",
        set(),
    ),
    "a very long reason": ("Long enough", "Long enough" * 300, "2,000 are read", set()),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_wrong_is_said_and_stops_only_its_own_stream(name: str) -> None:
    before, after, words, stopped = SPOILED[name]
    assert before in GOOD
    reading = understand(GOOD.replace(before, after, 1).encode())
    assert words in " ".join(str(problem) for problem in reading.problems)
    assert set(STREAMS) - set(reading.choices) == stopped
    for stream in stopped:
        assert reading.stopping(stream)


def test_two_topics_that_kafka_does_not_make_beside_each_other() -> None:
    """Topic.hasCollision of Kafka: a dot and an underscore are the same in the name of a metric."""
    text = GOOD.replace("topic: orders", "topic: shop.a").replace("topic: stock", "topic: shop_a")
    [problem] = understand(text.encode()).problems
    assert problem.where == "stock: topic"
    assert "Kafka makes only one of them" in problem.wrong


def test_the_line_is_the_line() -> None:
    text = GOOD.replace("partitions: 12", "partitions: many")
    [problem] = understand(text.encode()).problems
    assert text.splitlines()[problem.line - 1] == "  partitions: many"


@pytest.mark.parametrize(
    ("text", "time_ms", "compact"),
    [
        ("7d", 604_800_000, False),
        ("7 days", 604_800_000, False),
        ("36 hours", 129_600_000, False),
        ("2 weeks", 1_209_600_000, False),
        ("forever", None, False),
        ("Compact", None, True),
        ("compact, 1 day", 86_400_000, True),
        ("1 day, compact", 86_400_000, True),
    ],
)
def test_retention_as_people_write_it(text: str, time_ms: int | None, compact: bool) -> None:
    retention = understand(GOOD.replace("30 days", text).encode()).choices["orders"].retention
    assert (retention.time_ms, retention.compact) == (time_ms, compact)


@pytest.mark.parametrize("text", ["At least once", "at_least_once", "AT-LEAST-ONCE"])
def test_a_guarantee_as_people_write_it(text: str) -> None:
    choices = understand(GOOD.replace("at-least-once", text).encode()).choices
    assert choices["orders"].delivery == "at-least-once"


@pytest.mark.parametrize("text", ["none", "None", "null", "~"])
def test_no_key_as_people_write_it(text: str) -> None:
    assert (
        understand(GOOD.replace("key: sku", f"key: {text}").encode()).choices["stock"].key is None
    )


def test_the_template_is_a_design_with_nothing_in_it() -> None:
    reading = understand((ECOMMERCE / "design.yaml").read_bytes())
    assert reading.choices == {}
    assert len(reading.problems) == 2 * len(STREAMS), "a sentence for settings, one for reasons"
    assert all("not filled in" in p.wrong or "no reason" in p.wrong for p in reading.problems)


def test_the_template_filled_in_by_a_machine_is_understood() -> None:
    text = (ECOMMERCE / "design.yaml").read_text(encoding="utf-8") + "\n"
    for stream in STREAMS.values():
        start = text.index(f"\n{stream.name}:")
        head, rest = text[:start], text[start:]
        for setting, value in (("topic", stream.name), ("key", stream.entity), ("partitions", "6"),
                               ("delivery", "at-least-once"), ("retention", "7 days")):  # fmt: skip
            rest = rest.replace(f"  {setting}:\n", f"  {setting}: {value}\n", 1)
        text = head + rest.replace(">-\n\n", ">-\n    because\n\n")
    reading = understand(text.encode())
    assert set(reading.choices) == set(STREAMS)
    assert [str(problem) for problem in reading.problems] == []


def test_the_handout_tells_the_facts_that_runs_go_by(root: Path) -> None:
    text = (ECOMMERCE / "handout.md").read_text(encoding="utf-8")
    template = (ECOMMERCE / "design.yaml").read_text(encoding="utf-8")
    for stream in STREAMS.values():
        assert " ".join(f"`{name}`" for name in stream.fields) in text
        assert f"# Fields: {', '.join(stream.fields)}\n" in template
        for service in stream.services:
            row = f"| `{stream.name}` | {service.members} | {service.handling_ms:,} ms |"
            assert f"| {service.name}: {service.does} {row}" in text
            assert f"{service.name} ({service.members}" in template
            assert f"{service.handling_ms:,} ms" in template
