"""Threads that wait for the disk, so that nobody else has to.

`fsync` takes milliseconds, and on a busy disk far more. A few threads do nothing but that, each
call in one of them; the next effects of the node wait in a queue in front.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class SyncThreads:
    """Runs what it is given, in the order in which it was given, a few at a time."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._waiting: SimpleQueue[Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._lock = threading.Lock()  # guards `_unfinished`, which both sides change

    def run(self, work: Work) -> None:
        """Have something done soon, by a thread that is idle or new. `work` raises nothing."""
        with self._lock:
            self._unfinished += 1
            all_busy = self._unfinished > len(self._threads)
        if all_busy and len(self._threads) < self._most:
            self._start_another()
        if self._threads:
            self._waiting.put(work)
        else:
            work()  # The interpreter is about to end, and starts no thread any more.

    def _start_another(self) -> None:
        thread = threading.Thread(target=self._work, name="sync", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._threads.append(thread)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()
            with self._lock:
                self._unfinished -= 1

    def close(self) -> None:
        """Wait until all is done."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
