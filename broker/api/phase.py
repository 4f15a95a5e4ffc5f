"""Where a node is in its life. How it gets from one phase to the next is told in `node.py`."""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """The steps of a node's life, in order."""

    NEW = "new"
    ELECTING = "electing"
    REGISTERING = "registering"
    UNFENCING = "unfencing"
    SERVING = "serving"
    LEAVING = "leaving"
    RESIGNING = "resigning"
    STOPPING = "stopping"
    STOPPED = "stopped"


SERVING, STOPPING, STOPPED = Phase.SERVING, Phase.STOPPING, Phase.STOPPED
"""What every event asks for, without a look into the Enum."""
ANSWERING = (Phase.SERVING, Phase.LEAVING)
"""Clients are answered."""
ENDING = (Phase.LEAVING, Phase.RESIGNING)
AT_REST = (Phase.NEW, Phase.STOPPING, Phase.STOPPED)
"""Nothing is due, whatever the time."""
