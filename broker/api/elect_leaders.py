"""ElectLeaders (43): the preferred replica shall lead again, or any that lives (KIP-183, KIP-460).

Leaders drift away from their preferred brokers with every restart, and stay away until somebody
asks, or until auto.leader.rebalance.enable does. An unclean election is for a partition that nobody
can lead: it gives up records in order to go on, so it is never done without being asked for, here
or by unclean.leader.election.enable.

The controller decides, and the answer waits for the commit. Without a list of partitions all are
looked at, and only those that changed their leader are told about.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.elect_leaders import ElectLeadersRequest


def handle(broker: Broker, request: RequestArrived, body: ElectLeadersRequest, now: Now) -> None:
    """Let the controller elect."""
    response, offset = broker.active_controller().elect_leaders(body, now)
    broker.after_commit(offset, request, response)
