"""The settings of brokers and topics, from the tables in which the broker declares them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from broker.metadata.config_def import format_value
from broker.metadata.configs import BROKER_CONFIGS, TOPIC_CONFIGS, ConfigKey
from maker.rooms import inline_code

HEAD = """\
# Settings

They have Kafka's names, types, defaults and limits, with exceptions that suit a broker on one's own
machine. What is not listed has no effect here; a `server.properties` written for Kafka is
accepted all the same.

A broker takes its settings from options, from `--set NAME=VALUE`, and from a file, in this order:

```
broker start --port 9092 --set num.partitions=4 --config server.properties
```

In a notebook it is `Cluster(settings={"num.partitions": 4})`, in the simulator
`Simulation(settings={"num.partitions": "4"})`. A topic has settings of its own, given when it is
created and changed at any time; for the rest, the broker's count.
"""
NO_LIMIT = (2**63 - 1, 2**31 - 1)
"""How Kafka writes "never" and "as many as you like"."""


def settings_page() -> str:
    """The page as Markdown."""
    return "\n".join(
        [HEAD, _table("Of a topic", TOPIC_CONFIGS), _table("Of a broker", BROKER_CONFIGS)]
    )


def _table(title: str, keys: Mapping[str, ConfigKey]) -> str:
    rows = "".join(_row(key) for key in keys.values() if not key.internal)
    return f'## {title}\n\n<dl class="settings">{rows}</dl>\n'


def _row(key: ConfigKey) -> str:
    value = format_value(key.default)
    shown = f"<code>{escape(value)}</code>" if value else "not set"
    if key.default in NO_LIMIT:
        shown += " (no limit)"
    changes = key.dynamic and key.name in BROKER_CONFIGS and key.name not in TOPIC_CONFIGS
    while_running = " Can be changed while the broker runs." if changes else ""
    return (
        f"<dt><code>{key.name}</code><span>{shown}</span></dt>"
        f"<dd>{inline_code(key.doc)}{while_running}</dd>"
    )
