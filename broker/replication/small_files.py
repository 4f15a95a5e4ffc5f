"""Small files that are replaced as a whole, without anybody waiting for the disk.

A checkpoint of offsets is written every few seconds, and a sync takes ten milliseconds: as long as
hundreds of requests. So the new text goes to a file beside, the host syncs that while requests are
served, and only then it takes the old one's place, by a rename. Whoever finds the file finds one
text or the other, whole. That the rename itself is durable is seen to with the next sync: until
then the older text may come back, which is still true.
"""

from __future__ import annotations

import logging

from broker.log.checkpoints import BESIDE, replace_bytes
from broker.log.disk import Disk
from broker.log.disk.interface import split
from broker.wire.errors import StorageError

_LOG = logging.getLogger("broker.replication")


class SmallFiles:
    """Replacements that are on their way to the disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._written: dict[str, None] = {}
        """The new text lies beside, and is in no sync yet."""
        self._syncing: dict[str, None] | None = None
        """What the sync under way makes durable; None: there is none."""
        self._later: dict[str, bytes] = {}
        """Even newer texts, for files that are being synced."""
        self._folders: dict[str, None] = {}
        """Where a rename is not known to be durable."""
        self._folders_syncing: dict[str, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether there is something to sync, and no sync under way."""
        return self._syncing is None and bool(self._written or self._folders)

    def replace(self, path: str, data: bytes) -> None:
        """Put a new text in a file's place, soon."""
        if self._syncing is not None and path in self._syncing:
            self._later[path] = data
            return
        beside = path + BESIDE
        self._disk.delete(beside)
        self._disk.append(beside, data)
        self._written[path] = None

    def replace_now(self, path: str, data: bytes) -> None:
        """Put a new text in a file's place, and wait until it is durable."""
        self._drop(path)
        replace_bytes(self._disk, path, data)

    def forget(self, folder: str) -> bool:
        """A folder goes away, and with it what was to be put into it; whether there was such."""
        prefix = folder + "/"
        paths = [p for p in (*self._written, *(self._syncing or ())) if p.startswith(prefix)]
        for path in paths:
            self._drop(path)
        renamed = folder in self._folders or folder in self._folders_syncing
        self._folders.pop(folder, None)
        return renamed or bool(paths)

    def settled(self, path: str) -> bool:
        """Whether a file is durable as it was written last."""
        folder = split(path)[0]
        under_way = self._written, self._syncing or {}, self._later
        return not any(path in some for some in under_way) and not (
            folder in self._folders or folder in self._folders_syncing
        )

    def _drop(self, path: str) -> None:
        self._written.pop(path, None)
        self._later.pop(path, None)
        if self._syncing is not None:
            self._syncing.pop(path, None)

    def begin(self) -> tuple[str, ...]:
        """A sync begins: of what."""
        self._syncing, self._written = self._written, {}
        self._folders_syncing, self._folders = self._folders, {}
        return (*(path + BESIDE for path in self._syncing), *self._folders_syncing)

    def done(self, failed: bool) -> None:
        """It is done: the new texts take the place of the old ones."""
        synced, self._syncing = self._syncing or {}, None
        later, self._later = self._later, {}
        if failed:
            self._folders |= self._folders_syncing
        self._folders_syncing = {}
        try:
            for path in synced:
                if not failed:
                    self._take_place(path)
            for path, data in later.items():
                self.replace(path, data)
        except StorageError as error:
            _LOG.warning("a small file could not be replaced: %s", error.message)
        if failed:
            # The older ones are still true: the next start reads a little more.
            _LOG.warning("the disk failed to make %s durable", ", ".join(synced))

    def _take_place(self, path: str) -> None:
        self._disk.rename(path + BESIDE, path)
        folder = split(path)[0]
        self._folders[folder] = None
        if folder:
            # The folder itself may be new.
            self._folders[split(folder)[0]] = None
