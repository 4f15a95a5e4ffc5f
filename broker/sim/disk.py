"""The memory disk of a simulation: a sync takes time, faults may last, looking costs nothing.

An fsync promises what was written *before* it was called, once it has *returned*. A broker that
answers a producer too early, or that counts what was written meanwhile as flushed, is wrong, and
only a disk that keeps the two moments apart can show it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import NamedTuple

from broker.log.disk import MemoryDisk
from broker.log.disk.memory import Chance, _apply, _File, _Folder

ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}
OPERATIONS = ("read", "append", "sync")
ABOUT = ("records", "everything")
"""What a disk can lie about: records of topics, or the metadata, checkpoints and names as well."""
UNTIL_REPAIRED = 1 << 60


class SyncMark(NamedTuple):
    """What of one file or folder a sync that has begun is about."""

    node: _File | _Folder
    extent: int
    """Bytes of a file, or changes of a folder."""
    before: bytes | None


class _Look:
    """A block of code in which the observer reads."""

    __slots__ = ("_bytes_read", "_disk")

    def __init__(self, disk: SimulatedDisk) -> None:
        self._disk = disk
        self._bytes_read = disk.bytes_read

    def __enter__(self) -> None:
        self._disk.is_watched = True

    def __exit__(self, *_: object) -> None:
        self._disk.is_watched = False
        self._disk.bytes_read = self._bytes_read


class SimulatedDisk(MemoryDisk):
    """A memory disk with syncs in two halves."""

    def __init__(self) -> None:
        super().__init__()
        self.is_watched = False
        """Whether it is the observer who reads."""
        self.lies = ""
        """What the disk says it has synced, and has not; see ABOUT."""

    # -- a sync in two halves -------------------------------------------------------------------

    def begin_sync(self, paths: Iterable[str]) -> list[SyncMark]:
        """Note what a sync that starts now is about; raises StorageError where it must fail."""
        marks = []
        for path in paths:
            node = self._node(path)
            if node is None:
                continue
            self._strike("sync", path)
            if self.lies and self._is_lied_about(path):
                continue
            if isinstance(node, _File):
                marks.append(SyncMark(node, len(node.content), node.before))
            else:
                marks.append(SyncMark(node, len(node.pending), None))
        return marks

    def finish_sync(self, marks: list[SyncMark]) -> None:
        """The sync returns: what was there when it began is on the platter."""
        for node, extent, before in marks:
            if isinstance(node, _Folder):
                for changes in node.pending[:extent]:
                    _apply(node.synced, changes)
                del node.pending[:extent]
            elif node.before is before:
                node.synced = max(node.synced, min(extent, len(node.content)))
                node.before = None

    def sync(self, paths: Iterable[str]) -> None:
        if self.lies:
            paths = [path for path in paths if not self._is_lied_about(path)]
        super().sync(paths)

    def _is_lied_about(self, path: str) -> bool:
        if self.lies == "everything":
            return True
        # Not about the small files beside them: nobody could say whose log it is (Kafka neither).
        return path.endswith(".log") and not path.startswith("__")

    # -- faults ---------------------------------------------------------------------------------

    def fail(self, operation: str, error: str, path: str, times: int | None) -> None:
        """Let the next calls fail, or with `times` None every one until `repair`."""
        self.fail_next(operation, path, ERRORS[error], UNTIL_REPAIRED if times is None else times)

    @property
    def is_ill(self) -> bool:
        """Whether something is wrong with it that `repair` puts right."""
        return bool(self._faults or self.lies)

    def repair(self) -> None:
        """The disk is well again. What it has lied about, it has written by now."""
        self._faults.clear()
        if self.lies:
            self._write_back(self._root, "")
        self.lies = ""

    def _write_back(self, folder: _Folder, path: str) -> None:
        for name, node in folder.names.items():
            inner = f"{path}/{name}" if path else name
            if isinstance(node, _Folder):
                self._write_back(node, inner)
            elif self._is_lied_about(inner):
                node.sync()
        if self.lies == "everything":
            folder.sync()

    def crash(self) -> None:
        """A process that dies takes no fault of its disk with it."""

    def power_loss(self, chance: Chance) -> None:
        if self.lies == "records":
            self._lose_tails(self._root, "", chance)
        faults = list(self._faults)
        super().power_loss(chance)
        self._faults = faults

    def tear(self, path: str, position: int, length: int, chance: Chance) -> None:
        """Lose power amid a write: of a file nothing is found behind `position` + `length`.

        What was written earlier happens to be on the platter.
        """
        file = self._file(path, "tear")
        file.synced = max(file.synced, position)
        self.power_loss(chance)
        if self.exists(path) and self.size(path) > position + length:
            self.truncate(path, position + length)
            self._file(path, "tear").sync()

    def _lose_tails(self, folder: _Folder, path: str, chance: Chance) -> None:
        """Of a log that was lied about the unsynced tail is there or gone, as a whole.

        A broker believes that it was synced, and does not look for holes in it: those are what no
        replica can repair. That records are missing, it finds out. So with the end of a segment
        go the segments that come after it.
        """
        gone = False
        for name in sorted(folder.names):
            node, inner = folder.names[name], f"{path}/{name}" if path else name
            if isinstance(node, _Folder):
                self._lose_tails(node, inner, chance)
            elif self._is_lied_about(inner):
                safe = _safe_size(node)
                if gone:
                    folder.forget(name)
                elif chance.random() < 0.5 and safe < len(node.content):
                    del node.content[safe:]
                    gone = True
                node.sync()

    def _strike(self, operation: str, path: str) -> None:
        if not self.is_watched:
            super()._strike(operation, path)

    # -- looking without touching ---------------------------------------------------------------

    def looking(self) -> _Look:
        """Reads within this block are the observer's: no fault is spent on them."""
        return _Look(self)

    def synced_size(self, path: str) -> int:
        """How many bytes of a file would survive the loss of power for certain."""
        node: _File | _Folder | None = self._root
        for name in path.split("/"):
            if not isinstance(node, _Folder) or node.synced.get(name) is not node.names.get(name):
                return 0
            node = node.names.get(name)
        if not isinstance(node, _File):
            return 0
        return _safe_size(node)


def _safe_size(file: _File) -> int:
    """How many bytes of a file are on the platter, whatever becomes of the rest."""
    if file.before is None:
        return file.synced
    # It was cut or overwritten since: what both states begin with is safe.
    both = zip(file.before[: file.synced], file.content, strict=False)
    return next((i for i, (old, new) in enumerate(both) if old != new), file.synced)
