"""Whether a leader is there at all, as its follower finds out before anybody else.

A process that dies closes its connections, and refuses new ones. So a connection that breaks is
tried again at once: most often it was only the connection. If that one breaks, too, the leader is
*gone*, for all that a follower can know: long before the controller's patience with it is over
(`broker.session.timeout.ms`), and its successor is elected.

In between the metadata still name the dead leader. A client that is told so believes it, tries in
vain to reach it, and asks again only a second later, when it has lost that second for nothing. So
it is told that there is no leader at the moment (`broker.api.topics_told`), which is true, and the
client asks again soon. (Kafka's brokers go on naming the dead one.)

It is not for a follower to depose a leader, though: perhaps only the way between the two is cut.
When the controller has had its time and still believes in the leader, so does the follower.
"""

from __future__ import annotations

from broker.events import Now


class Contact:
    """What the connections to one leader tell of it."""

    def __init__(self) -> None:
        self._answered = False
        """Whether it has answered on the present connection, or the one before."""
        self._gone_us: int | None = None

    def answered(self) -> None:
        """It is there."""
        self._answered = True
        self._gone_us = None

    def broke(self, now: Now) -> bool:
        """A connection is gone, or could not be made. Whether to try again at once."""
        if self._answered:
            self._answered = False
            return True
        if self._gone_us is None:
            self._gone_us = now.mono_us
        return False

    def is_gone(self, now: Now, patience_us: int) -> bool:
        """Whether it seems to be dead, and the controller may not have said so yet."""
        return self._gone_us is not None and now.mono_us < self._gone_us + patience_us
