"""Many submissions at once, each in a worker that may be lost without loss.

Python's own pools wait for ever when a task hangs, and give all up when a process dies. Here the
parent keeps one pipe to each worker and knows what it is at. A worker that dies, or takes longer
than anybody should, costs its submission a grade and nobody else anything: a new one takes its
place. What comes back is bytes of bounded length, read as JSON and never unpickled.
"""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic

from assignments.grader import worker
from assignments.grader.grade import Grade
from assignments.grader.results import FAILED

ANSWER_BYTES_MAX = 4 << 20
PATIENCE = 10
"""The clock may show so many times the processor time that is allowed: the machine may be busy."""
START_S = 120
"""An interpreter that is not ready by then will never be."""

Answer = tuple[str, str, Grade]
"""Status, digest, grade."""
Refuse = Callable[[str], Grade]
Work = Callable[[Connection, int], None]


@dataclass
class _Hand:
    """A worker, and what it is at."""

    process: BaseProcess
    pipe: Connection
    since: float
    """When it began with what it is at; while it is not ready, when it was started."""
    ready: bool = False
    number: int | None = None


class Pool:
    """Workers that grade files."""

    def __init__(
        self, workers: int, seconds: int, refuse: Refuse, work: Work = worker.work
    ) -> None:
        self._seconds = seconds
        self._work = work
        self._refuse = refuse
        self._hands: list[_Hand] = []
        self._workers = workers
        # A fresh interpreter: a fork would take along whatever threads and locks we have.
        self._context = get_context("spawn")

    def grade(self, paths: dict[int, Path]) -> Iterator[tuple[int, Answer]]:
        """Each file's number and what came of it, as they are done."""
        waiting = deque(paths.items())
        try:
            while waiting or self._at_work():
                while waiting and len(self._at_work()) < self._workers:
                    self._give(*waiting.popleft())
                yield from self._take()
        finally:
            self._end()

    def _at_work(self) -> list[_Hand]:
        return [hand for hand in self._hands if hand.number is not None]

    def _give(self, number: int, path: Path) -> None:
        hand = next((each for each in self._hands if each.number is None), None)
        if hand is None:
            hand = self._hire()
        hand.number = number
        if hand.ready:
            hand.since = monotonic()
        with suppress(OSError):  # if it has died, that will be noticed in a moment
            hand.pipe.send_bytes(json.dumps(str(path)).encode())

    def _hire(self) -> _Hand:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=self._work, args=(theirs, self._seconds), daemon=True
        )
        with _deaf():
            process.start()
        theirs.close()
        hand = _Hand(process, ours, monotonic())
        self._hands.append(hand)
        return hand

    def _take(self) -> Iterator[tuple[int, Answer]]:
        """What is done by now; waits until something is."""
        hands = self._at_work()
        heard = wait([hand.pipe for hand in hands], timeout=0.5)
        for hand in hands:
            number = hand.number
            assert number is not None
            patience = self._seconds * PATIENCE if hand.ready else START_S
            if hand.pipe in heard and hand.ready:
                yield number, self._answer(hand)
                hand.number = None
            elif hand.pipe in heard and self._says_ready(hand):
                hand.ready, hand.since = True, monotonic()
            elif hand.pipe in heard or monotonic() - hand.since > patience:
                gone = self._why_dead(hand.process) if hand.pipe in heard else ""
                self._dismiss(hand)
                yield number, self._failed(gone or f"it took longer than {patience} s")

    def _says_ready(self, hand: _Hand) -> bool:
        try:
            return hand.pipe.recv_bytes(len(worker.READY)) == worker.READY
        except (EOFError, OSError):
            return False

    def _answer(self, hand: _Hand) -> Answer:
        try:
            said = json.loads(hand.pipe.recv_bytes(ANSWER_BYTES_MAX))
            return str(said["status"]), str(said["digest"]), Grade.from_json(said["grade"])
        except (EOFError, OSError):
            why = self._why_dead(hand.process)
            self._dismiss(hand)
            return self._failed(why)
        except (ValueError, KeyError, TypeError):
            self._dismiss(hand)
            return self._failed("its worker said something that makes no sense")

    def _why_dead(self, process: BaseProcess) -> str:
        process.join(1)
        code = process.exitcode
        if code == -signal.SIGXCPU:
            return f"it took more than {self._seconds} s of processor time"
        return f"its worker ended with status {code}"

    def _failed(self, why: str) -> Answer:
        return FAILED, "", self._refuse(f"It could not be graded: {why}.")

    def _dismiss(self, hand: _Hand) -> None:
        self._hands.remove(hand)
        hand.pipe.close()
        hand.process.kill()
        hand.process.join()

    def _end(self) -> None:
        for hand in list(self._hands):
            self._dismiss(hand)


@contextmanager
def _deaf() -> Iterator[None]:
    """Whoever is started now does not hear Ctrl-C: it is for the parent to answer."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread, which alone may say so
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
