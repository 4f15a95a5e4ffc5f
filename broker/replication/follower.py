"""What a leader knows of a follower: only what the follower's fetches tell.

A fetch from offset 42 says: I have everything below 42. So the leader learns how far a follower is
without an acknowledgement of its own, one fetch late (Kafka's `Replica.java`).
"""

from __future__ import annotations

NO_OFFSET = -1
NEVER = -(1 << 62)
"""Longer ago than any lag that could be allowed."""


class Poll:
    """The fetches of one connection, which speak for all partitions of their session (KIP-227):
    what they do not name is as it was."""

    __slots__ = ("at_us",)

    def __init__(self) -> None:
        self.at_us = NEVER


class Follower:
    """One follower of a partition, in the eyes of its leader. Times are monotonic microseconds."""

    __slots__ = (
        "at_end",
        "broker_epoch",
        "broker_id",
        "caught_up_us",
        "fetched_us",
        "leader_end_then",
        "log_end_offset",
        "log_start_offset",
        "poll",
    )

    def __init__(self, broker_id: int) -> None:
        self.broker_id = broker_id
        self.forget(NEVER)

    def forget(self, caught_up_us: int) -> None:
        """A new leader knows nothing yet of where its followers are."""
        self.log_end_offset = NO_OFFSET
        self.log_start_offset = NO_OFFSET
        self.broker_epoch: int | None = None
        """In which of its runs it fetched last; None: not at all."""
        self.leader_end_then = NO_OFFSET
        """Where our log ended when it fetched last."""
        self.fetched_us = NEVER
        self.caught_up_us = caught_up_us
        """When it last had all that we had."""
        self.at_end = False
        """Whether it has all that we have, since it fetched last."""
        self.poll: Poll | None = None
        """The fetches that say so again and again, without naming the partition."""

    def led_anew(self, leader_end: int, now_us: int) -> None:
        """We were elected again: what it had, it still has; but its time is counted from here."""
        self.leader_end_then = leader_end
        self.fetched_us = self.caught_up_us = now_us

    def fetched(
        self, offset: int, log_start_offset: int, broker_epoch: int, leader_end: int, now_us: int
    ) -> None:
        """It fetched from an offset, while our log ended at `leader_end`.

        Who has now what we had at its last fetch was caught up *then*. Without this rule a follower
        of a busy leader would never count as caught up: something new is always there.
        """
        self.at_end = offset >= leader_end
        if self.at_end:
            self.caught_up_us = max(self.caught_up_us, now_us)
        elif offset >= self.leader_end_then:
            self.caught_up_us = max(self.caught_up_us, self.fetched_us)
        self.log_end_offset = offset
        self.log_start_offset = log_start_offset
        self.broker_epoch = broker_epoch
        self.leader_end_then = max(self.leader_end_then, leader_end)
        self.fetched_us = now_us

    def left_behind(self) -> None:
        """We have appended something: up to its last poll it had everything."""
        if self.at_end and self.poll is not None:
            self.fetched_us = max(self.fetched_us, self.poll.at_us)
            self.caught_up_us = max(self.caught_up_us, self.poll.at_us)
        self.at_end = False

    def heard_us(self) -> int:
        """When it was heard of last."""
        return self.fetched_us if self.poll is None else max(self.fetched_us, self.poll.at_us)

    def is_caught_up(self, leader_end: int, now_us: int, lag_us: int) -> bool:
        """Whether it is at the end, or was there not too long ago."""
        return self.log_end_offset == leader_end or now_us - self.caught_up_us <= lag_us
