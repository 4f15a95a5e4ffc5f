"""What a node says to itself: it never leaves the node.

A broker asks the active controller, and the active controller may be the same node. It is asked in
the same way all the same: the request comes in as from a connection with the number `LOOPBACK`, and
its answer as from a peer with the node's own id. So a broker alone is a cluster of one, run by the
same code as a cluster of three.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.events import (
    LOOPBACK,
    TO_CONTROLLERS,
    Effect,
    HangUp,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)


class _Asked(NamedTuple):
    lane: str
    correlation_id: int


class Loopback:
    """Parts the node's outgoing effects: what is for others, and what it must hear itself."""

    def __init__(self, node_id: int, outbox: list[Effect], effects: list[Effect]) -> None:
        self.node_id = node_id
        self._outbox = outbox
        self._effects = effects
        self._asked: dict[int, _Asked] = {}
        self._numbered = 0

    def turn(self) -> list[RequestArrived | ResponseArrived]:
        """Let out what is for others; what is left is for this node, in order."""
        going, self._outbox[:] = self._outbox[:], []
        own: list[RequestArrived | ResponseArrived] = []
        for effect in going:
            if isinstance(effect, Send) and effect.peer == self.node_id:
                own.append(self._request(effect))
            elif isinstance(effect, Respond) and effect.connection == LOOPBACK:
                asked = self._asked.pop(effect.correlation_id, None)
                if asked is not None and effect.body is not None:
                    own.append(
                        ResponseArrived(self.node_id, asked.correlation_id, effect.body, asked.lane)
                    )
            elif isinstance(effect, HangUp) and effect.peer == self.node_id:
                self._hang_up(effect.lane)
            else:
                self._effects.append(effect)
        return own

    def _request(self, effect: Send) -> RequestArrived:
        self._numbered += 1
        self._asked[self._numbered] = _Asked(effect.lane, effect.correlation_id)
        return RequestArrived(
            LOOPBACK,
            self._numbered,
            effect.body.schema.key,
            effect.api_version,
            f"broker-{self.node_id}",
            effect.body,
            effect.lane in TO_CONTROLLERS,
        )

    def _hang_up(self, lane: str) -> None:
        for number in [number for number, asked in self._asked.items() if asked.lane == lane]:
            del self._asked[number]
