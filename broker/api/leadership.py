"""Where the active controller is, and whether it is here.

It is the leader of the metadata quorum, once that has committed something of its own epoch and this
node has applied all that is committed. Whoever asks the controller for something is told where it
is; who waits for a controller that was deposed is told that, too.
"""

from __future__ import annotations

from broker.api.answers import drop_commits
from broker.api.context import Broker
from broker.events import Now
from broker.metadata.lifecycle import NOBODY


class Leadership:
    """What follows, for the parts of one node, from who leads the quorum."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._term = (NOBODY, -1)
        """The quorum's leader and epoch, at the last look."""
        self._deposed = NOBODY
        """Who led before: it may be this node's turn because that one is dead."""
        self._told = (NOBODY, NOBODY)
        """The active controller and this broker's epoch, as the parts were told."""

    @property
    def found(self) -> bool:
        """Whether there is a controller that can be asked."""
        return self._told[0] != NOBODY

    def follow(self, now: Now, *, behind: bool) -> None:
        """Look at the quorum, and act on what has changed."""
        broker, quorum, controller = self.broker, self.broker.quorum, self.broker.controller
        term = (quorum.leader_id, quorum.epoch)
        if term != self._term:
            if controller.active:
                controller.deactivate()
                drop_commits(broker, now)
            if quorum.leader_id not in (NOBODY, quorum.node_id):
                self._deposed = quorum.leader_id
            self._term = term
        # A leader knows what is committed only when something of its own epoch is (Raft, 5.4.2).
        if not controller.active and quorum.epoch_is_committed and not behind:
            controller.activate(broker.image, now, self._deposed)
        found = quorum.leader_id if controller.active or not quorum.is_leader else NOBODY
        if (found, broker.lifecycle.epoch) != self._told:
            self._told = (found, broker.lifecycle.epoch)
            broker.lifecycle.set_controller(found, now)
            broker.forwarder.broker_epoch = broker.lifecycle.epoch
            broker.forwarder.set_controller(found, now)
            broker.replicas.set_controller(found, broker.lifecycle.epoch, now)
