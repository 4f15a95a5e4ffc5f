"""UpdateFeatures (57): run features of the cluster at other levels (KIP-584, KIP-778).

The controller refuses a level that one of the registered brokers or controllers cannot run. All
updates of a request are made together, or none is.
"""

from __future__ import annotations

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.wire.messages.update_features import UpdateFeaturesRequest


def handle(broker: Broker, request: RequestArrived, body: UpdateFeaturesRequest, now: Now) -> None:
    """Let the controller decide."""
    response, offset = broker.active_controller().update_features(body, now)
    broker.after_commit(offset, request, response)
