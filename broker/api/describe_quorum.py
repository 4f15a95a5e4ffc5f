"""DescribeQuorum (55): who leads the metadata quorum, and how far has everybody come? (KIP-595)

Only the leader knows how far the others are, from what they fetch. A broker passes the question on,
and a controller that does not lead says so (NOT_LEADER_OR_FOLLOWER for the partition).

0   offsets        1   when they last fetched, and were caught up (KIP-836)        2   addresses
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.describe_quorum import DescribeQuorumRequest
from broker.wire.schema import Message


def handle(
    broker: Broker, request: RequestArrived, body: DescribeQuorumRequest, now: Now
) -> Message | None:
    """Ask the quorum."""
    return broker.quorum.handle(request, body, now)
