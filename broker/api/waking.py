"""After each event: who waited for what has just happened?

The replicas leave behind what happened at which partition; here those are answered who wait there.
"""

from __future__ import annotations

from broker.api import fetch, fetch_in_session, produce
from broker.api.context import Broker
from broker.events import Now


def wake(broker: Broker, now: Now) -> None:
    """Answer whoever can be answered now."""
    replicas = broker.replicas
    progress, appended = replicas.drain_progress(), replicas.drain_appended()
    if broker.produces or broker.fetches:
        for key, new_bytes in progress.items():
            produce.wake(broker, key)
            fetch.wake(broker, key, new_bytes, now)
        for key, new_bytes in appended.items():
            fetch.wake_followers(broker, key, new_bytes, now)
    if replicas.sessions:
        fetch_in_session.wake(broker, progress, appended, now)
