"""Real files below one directory.

A broker may hold many thousands of files and only so many descriptors, so open files are kept in
a list of the most recently used. Sizes are tracked beside the descriptor: one broker owns a data
directory, which the lock file guards, so nobody else changes them, and an append is a single
system call. Writing at a known position instead of "at the end" also means that the half of a
write which a full disk let through is cut off, or at worst overwritten by the next one.
"""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
from collections import OrderedDict
from collections.abc import Iterable

from broker.log.disk.interface import Buffer, Names, checked, failure
from broker.wire.errors import StorageError

LOCK_FILE = ".lock"
MOST_OPEN_FILES = 10_000


class _OpenFile:
    __slots__ = ("descriptor", "size", "synced", "writes")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.writes = 1
        """Counted when they are done; what was there before is one that nobody may have synced."""
        self.synced = 0
        """How many of them are durable."""


class FileDisk:
    """A directory of the operating system as a disk.

    `read_only` is for tools that look at a directory: nothing is created or locked.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        max_open_files: int | None = None,
        read_only: bool = False,
    ) -> None:
        self.root = os.fspath(root)
        # Half of what the process may have: the other half is for connections.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._max_open_files = max_open_files or min(limit // 2, MOST_OPEN_FILES)
        self._read_only = read_only
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._lock: int | None = None
        if not read_only:
            self._take()

    def _take(self) -> None:
        """Create the directory and lock it, as Kafka's LogManager does with the same file."""
        try:
            os.makedirs(self.root, exist_ok=True)
            self._lock = os.open(os.path.join(self.root, LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise failure("use the data directory", self.root, error.errno) from None
        try:
            # lockf is what Java's FileChannel.lock uses: an Apache Kafka broker is kept out too.
            # flock also keeps out a second broker in this very process, which lockf does not see.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = None
            raise StorageError(
                f"the data directory {self.root} is in use by another broker"
            ) from None

    def close(self) -> None:
        """Close every file and give the directory free."""
        while self._open:
            self._forget(next(iter(self._open)))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- bytes ----------------------------------------------------------------------------------

    def read(self, path: str, offset: int, length: int) -> bytes:
        file = self._file(path, create=False)
        try:
            return os.pread(file.descriptor, length, offset)
        except OSError as error:
            raise failure("read", path, error.errno) from None

    def append(self, path: str, data: Buffer) -> None:
        file = self._open.get(path) or self._open_file(path, create=True)
        self._open.move_to_end(path)
        if not data:
            return
        size = file.size
        try:
            written = os.pwrite(file.descriptor, data, size)
            if written != len(data):
                self._write_rest(file, size + written, memoryview(data)[written:])
        except OSError as error:
            self._cut_back(file)
            raise failure("append to", path, error.errno) from None
        finally:
            file.writes += 1
        file.size = size + len(data)

    def write_at(self, path: str, offset: int, data: Buffer) -> None:
        file = self._file(path)
        try:
            self._write_rest(file, offset, memoryview(data))
        except OSError as error:
            raise failure("write to", path, error.errno) from None
        finally:
            file.writes += 1
        file.size = max(file.size, offset + len(data))

    @staticmethod
    def _write_rest(file: _OpenFile, offset: int, rest: memoryview) -> None:
        """A write may take only part of what it is given; go on until all is there."""
        while rest:
            written = os.pwrite(file.descriptor, rest, offset)
            offset += written
            rest = rest[written:]

    @staticmethod
    def _cut_back(file: _OpenFile) -> None:
        try:
            os.ftruncate(file.descriptor, file.size)
        except OSError:
            return  # The next append starts at `size` all the same and covers what is left over.

    def size(self, path: str) -> int:
        return self._file(path, create=False).size

    def truncate(self, path: str, size: int) -> None:
        file = self._file(path, create=False)
        try:
            os.ftruncate(file.descriptor, size)
        except OSError as error:
            raise failure("truncate", path, error.errno) from None
        finally:
            file.writes += 1
        file.size = size

    # -- names ----------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        return path in self._open or os.path.exists(self._at(path))

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(self._at(path))

    def list(self, folder: str) -> Names:
        try:
            return sorted(os.listdir(self._at(folder)))
        except OSError as error:
            raise failure("list", folder, error.errno) from None

    def rename(self, old: str, new: str) -> None:
        self._forget(old)
        self._forget(new)
        try:
            os.replace(self._at(old), self._at(new))
        except OSError as error:
            raise failure("rename", old, error.errno) from None

    def delete(self, path: str) -> None:
        self._forget(path)
        try:
            os.unlink(self._at(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise failure("delete", path, error.errno) from None

    def make_folder(self, path: str) -> None:
        try:
            os.makedirs(self._at(path), exist_ok=True)
        except OSError as error:
            raise failure("create the folder", path, error.errno) from None

    def rename_folder(self, old: str, new: str) -> None:
        self._forget_below(old)
        try:
            os.rename(self._at(old), self._at(new))
        except OSError as error:
            raise failure("rename the folder", old, error.errno) from None

    def delete_folder(self, path: str) -> None:
        if not checked(path):
            raise StorageError("the data directory itself is not to be deleted")
        self._forget_below(path)
        try:
            shutil.rmtree(self._at(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise failure("delete the folder", path, error.errno) from None

    # -- durability -----------------------------------------------------------------------------

    def sync(self, paths: Iterable[str]) -> None:
        """Safe in another thread: it shares no descriptor with the calls above.

        A file that nobody has written to since it was synced is left alone. A write that is done
        while a sync goes on is not counted among those that it has made durable.
        """
        for path in paths:
            file = self._open.get(path)
            if file is None:
                self._sync(path)
            elif (writes := file.writes) != file.synced:
                self._sync(path)
                file.synced = writes

    def _sync(self, path: str) -> None:
        """Linux tracks write-back errors by file, not by descriptor, so one opened just for the
        fsync hears of them as well."""
        try:
            descriptor = os.open(self._at(path), os.O_RDONLY)
        except FileNotFoundError:
            return
        except OSError as error:
            raise failure("sync", path, error.errno) from None
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise failure("sync", path, error.errno) from None
        finally:
            os.close(descriptor)

    def sync_now(self, paths: Iterable[str]) -> None:
        self.sync(paths)

    # -- open files -----------------------------------------------------------------------------

    def _at(self, path: str) -> str:
        return os.path.join(self.root, checked(path))

    def _file(self, path: str, create: bool = True) -> _OpenFile:
        try:
            file = self._open[path]
        except KeyError:
            return self._open_file(path, create)
        self._open.move_to_end(path)
        return file

    def _open_file(self, path: str, create: bool) -> _OpenFile:
        flags = os.O_RDONLY if self._read_only else os.O_RDWR
        if create and not self._read_only:
            flags |= os.O_CREAT
        try:
            descriptor = os.open(self._at(path), flags | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise failure("open", path, error.errno) from None
        while len(self._open) >= self._max_open_files:
            self._forget(next(iter(self._open)))
        file = self._open[path] = _OpenFile(descriptor)
        return file

    def _forget(self, path: str) -> None:
        file = self._open.pop(path, None)
        if file is not None:
            os.close(file.descriptor)

    def _forget_below(self, folder: str) -> None:
        for path in [path for path in self._open if path.startswith(folder + "/")]:
            self._forget(path)
