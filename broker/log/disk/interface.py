"""What a log needs of a disk, and nothing more.

A disk is a tree of files below one data directory. Paths are relative to it and joined with "/",
so that the same log lives on real files and in a simulation's memory.

Two promises are kept apart, because the difference between them is what most of this package is
about:

- A call that returns has reached the *page cache*: it survives the death of the process.
- What `sync` has returned for has reached the *platter*: it survives the loss of power. A file's
  bytes and its name are two things: a new, renamed or deleted name lasts only once the folder that
  holds it has been synced too (fsync(2), "Calling fsync() does not necessarily ensure that the
  entry in the directory containing the file has also reached disk").

The core calls everything here directly and at once, but for `sync`: that one is slow, so it is
an effect (`broker.events.Sync`) that the host carries out. `sync_now` is the exception, for the
few moments where nothing else may happen first: opening, closing, replacing a checkpoint.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from broker.wire.errors import StorageError

Buffer = bytes | bytearray | memoryview
Names = list[str]


class Disk(Protocol):
    """A data directory. Whatever fails raises StorageError that names the path and the reason."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes from `offset`; fewer than `length` only where the file ends."""

    def append(self, path: str, data: Buffer) -> None:
        """Add to the end, all or nothing; a file that is not there yet is created."""

    def write_at(self, path: str, offset: int, data: Buffer) -> None:
        """Overwrite in place; a file that is not there yet is created."""

    def size(self, path: str) -> int:
        """The length of a file in bytes."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder bears this name."""

    def is_folder(self, path: str) -> bool:
        """Whether this name is a folder."""

    def truncate(self, path: str, size: int) -> None:
        """Cut a file down to `size` bytes."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name in the same folder, replacing what bore it, atomically."""

    def delete(self, path: str) -> None:
        """Remove a file; no error when it is gone already."""

    def list(self, folder: str) -> Names:
        """The sorted names of files and folders in a folder; "" is the data directory."""

    def make_folder(self, path: str) -> None:
        """Create a folder and those above it; no error when it is there."""

    def rename_folder(self, old: str, new: str) -> None:
        """Give a folder another name beside its old one."""

    def delete_folder(self, path: str) -> None:
        """Remove a folder and what is in it; no error when it is gone already."""

    def sync(self, paths: Iterable[str]) -> None:
        """Make files and folders durable. Called by the host, perhaps in another thread.

        A path that is gone is skipped: what was deleted needs no durability.
        """

    def sync_now(self, paths: Iterable[str]) -> None:
        """The same from within the core, where waiting for an effect is not possible."""


@lru_cache(maxsize=1024)
def checked(path: str) -> str:
    """Refuse a path that could leave the data directory; topic names end up in paths."""
    parts = path.split("/")
    if path and (path.startswith("/") or "\0" in path or any(p in ("", ".", "..") for p in parts)):
        raise StorageError(f"{path!r} is no path inside a data directory")
    return path


def split(path: str) -> tuple[str, str]:
    """The folder of a path, and the name in it."""
    folder, _, name = path.rpartition("/")
    return folder, name


def failure(action: str, path: str, code: int | None) -> StorageError:
    """The error for an operating system's refusal, said the same way on every disk."""
    return StorageError(f"cannot {action} {path or '.'}: {os.strerror(code or errno.EIO)}")
