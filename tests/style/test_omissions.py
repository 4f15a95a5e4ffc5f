"""What the broker does not do is written where users read, and the page is complete."""

import re
from pathlib import Path

from broker.api.table import APIS

ROOT = Path(__file__).resolve().parents[2]

# What Apache Kafka 4.3 has for clients: every key but those of earlier brokers (removed in 4.0) and
# those that only brokers and controllers send to each other.
REMOVED = {4, 5, 6, 7}
BETWEEN_BROKERS = {52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82}
OFFERED_BY_KAFKA = set(range(93)) - REMOVED - BETWEEN_BROKERS


def omitted() -> dict[int, str]:
    """The APIs that the page lists, each as `Name (key)`."""
    page = (ROOT / "site" / "omissions.md").read_text(encoding="utf-8")
    names = re.findall(r"\b([A-Z]\w+)\s\((\d+)\)", page)
    assert len(names) == len({key for _, key in names}), "an API is listed twice"
    return {int(key): name for name, key in names}


def test_every_api_of_kafka_is_served_or_listed_as_left_out() -> None:
    assert set(omitted()) | set(APIS) == OFFERED_BY_KAFKA


def test_nothing_that_is_served_is_listed_as_left_out() -> None:
    assert set(omitted()) & set(APIS) == set()
