"""What a controller does without being asked, each thing at its time.

    a broker is silent for broker.session.timeout.ms        it is fenced, and others elected
    leader.imbalance.check.interval.seconds have passed     preferred leaders lead again
    unclean.leader.election.interval.ms have passed         where that is allowed, any replica may
                                                            lead what nobody leads
    metadata.max.idle.interval.ms without a record          a NoOp is written, so that followers see
                                                            the high watermark move (KIP-835)

A broker with thousands of partitions is fenced in slices, and hands over in slices before it
stops, so that the controller answers others in between. What is to be done follows from the latest
image each time; nothing is remembered but when to look again. So a new controller goes on where the
one before it was cut short (Kafka's `PeriodicTaskControlManager`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.events import Now, earliest
from broker.metadata.brokers import plan_fencing
from broker.metadata.elections import for_imbalanced, for_leaderless, without_broker
from broker.wire.messages.metadata_records import NoOpRecord

if TYPE_CHECKING:
    from broker.metadata.controller import Controller

SLICE = 200
"""How many partitions change between two looks at the requests: well under 20 ms of work."""


class Chores:
    """When to look after what, in monotonic microseconds."""

    def __init__(self) -> None:
        self._balance_at = 0
        self._unclean_at = 0
        self._written_at = 0
        self.go_on = False
        """Whether a slice was full, and there may be more to do at once."""

    def begin(self, controller: Controller, now: Now) -> None:
        """A controller becomes active: everything is fresh."""
        self._written_at = now.mono_us
        self._balance_at = now.mono_us + _balance_us(controller)
        self._unclean_at = now.mono_us + _unclean_us(controller)
        self.go_on = len(controller.latest.brokers) > 1

    def something_was_written(self, now: Now) -> None:
        """The metadata log has got a record."""
        self._written_at = now.mono_us

    def deadline(self, controller: Controller) -> int | None:
        """When the next chore is due. A broker that is alone has nobody to hand a lead to."""
        if self.go_on:
            return 0
        unclean_at = balance_at = None
        if len(controller.latest.brokers) > 1:
            unclean_at = self._unclean_at
            if controller.config.auto_leader_rebalance_enable:
                balance_at = self._balance_at
        idle_us = _idle_us(controller)
        idle_at = self._written_at + idle_us if idle_us else None
        session_ends_at = controller.sessions.deadline(controller.session_timeout_us)
        return earliest(session_ends_at, unclean_at, balance_at, idle_at)

    def run(self, controller: Controller, now: Now) -> None:
        """Do what is due."""
        self._fence_silent(controller, now)
        if self.go_on:
            self._go_on(controller, now)
        balances = controller.config.auto_leader_rebalance_enable
        if balances and now.mono_us >= self._balance_at:
            more = self._change(controller, now, balance=True)
            self._balance_at = now.mono_us + (0 if more else _balance_us(controller))
        if now.mono_us >= self._unclean_at:
            more = self._change(controller, now, balance=False)
            self._unclean_at = now.mono_us + (0 if more else _unclean_us(controller))
        idle_us = _idle_us(controller)
        if idle_us and now.mono_us >= self._written_at + idle_us:
            plan = controller.plan()
            plan.add([NoOpRecord()])
            controller.submit(plan, now)

    def _fence_silent(self, controller: Controller, now: Now) -> None:
        """Fence one broker, or a slice of its partitions: what follows shall see its effect."""
        sessions = controller.sessions
        expired = sessions.expired(controller.session_timeout_us, now.mono_us)
        if expired is None:
            return
        broker_id, epoch = expired
        broker = controller.latest.brokers.get(broker_id)
        if broker is None or broker.epoch != epoch:
            sessions.end(broker_id, epoch)
            return
        plan = controller.plan()
        if plan_fencing(plan, controller.config, broker, SLICE):
            sessions.end(broker_id, epoch)
            sessions.applied(broker_id, -1, fenced=True)
        controller.submit(plan, now)

    def _go_on(self, controller: Controller, now: Now) -> None:
        """The next slice of what brokers that stop hand over, and of what nobody leads."""
        self.go_on, config = False, controller.config
        for broker in controller.latest.brokers.values():
            if broker.in_controlled_shutdown and not broker.fenced:
                plan = controller.plan()
                plan.add(without_broker(plan.image, config, broker.broker_id, SLICE))
                self.go_on |= len(plan.records) >= SLICE
                offset = controller.submit(plan, now)
                controller.sessions.hands_over_until(broker.broker_id, offset - 1)
        self.go_on |= self._change(controller, now, balance=False)

    def _change(self, controller: Controller, now: Now, balance: bool) -> bool:
        """Elect leaders for a slice of partitions; whether there may be more."""
        plan, config = controller.plan(), controller.config
        if balance:
            plan.add(for_imbalanced(plan.image, config, SLICE))
        else:
            plan.add(for_leaderless(plan.image, config, SLICE))
        controller.submit(plan, now)
        return len(plan.records) >= SLICE


def _balance_us(controller: Controller) -> int:
    return controller.config.leader_imbalance_check_interval_seconds * 1_000_000


def _unclean_us(controller: Controller) -> int:
    return controller.config.unclean_leader_election_interval_ms * 1000


def _idle_us(controller: Controller) -> int:
    """0: no NoOps. A quorum of one has nobody to tell."""
    alone = len(controller.config.voter_ids) <= 1
    return 0 if alone else controller.config.metadata_max_idle_interval_ms * 1000
