"""After each event: who waited for what has just happened?

The replicas leave behind what happened at which partition; here those are answered who wait there.
"""

from __future__ import annotations

from broker.api import fetch, produce
from broker.api.context import Broker
from broker.events import Now


def wake(broker: Broker, now: Now) -> None:
    """Answer whoever can be answered now. An answer may make others possible, but only at once:
    nothing is left behind."""
    replicas = broker.replicas
    if not broker.produces and not broker.fetches:
        replicas.progress.clear()
        replicas.appended.clear()
        return
    while replicas.progress or replicas.appended:
        for key, new_bytes in replicas.drain_progress().items():
            produce.wake(broker, key)
            fetch.wake(broker, key, new_bytes, now)
        for key, new_bytes in replicas.drain_appended().items():
            fetch.wake_followers(broker, key, new_bytes, now)
