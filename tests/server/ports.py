"""Ports in a row that nobody uses at the moment."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack


def free_run(count: int, step: int) -> int:
    """A port P such that P-1 to P+count-1, and those `step` above, are free."""
    while True:
        # Below the range from which the system gives ports to connections.
        first = random.randrange(12_000, 30_000)
        wanted = [first + above + i for above in (0, step) for i in range(-1, count)]
        with ExitStack() as held:
            try:
                for port in wanted:
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first
