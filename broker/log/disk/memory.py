"""A disk in memory that can lose power.

It keeps what a running process sees (the page cache) apart from what would be found after the
power went (the platter), and it is as unkind as a real disk may be:

- Bytes that were not synced may be there, gone, or there in part: cut anywhere, or with a hole of
  zeros where a sector was not written although a later one was.
- A name that was created, renamed or deleted since its folder was last synced may be found
  in either state. Changes of one folder survive in their order, as in a journaling file system,
  so a rename is seen whole or not at all.

Everything is drawn from `random()` of the caller, so a seed tells the whole story. Being
a simulator's disk, it is also cheap: an append is an append to a bytearray.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from broker.log.disk.interface import Buffer, Names, checked, failure, split

SECTOR = 512


class Chance(Protocol):
    """Where the dice come from; `random.Random` is one."""

    def random(self) -> float:
        """A number in [0, 1)."""


class _File:
    """Content as the process sees it, and what of it is on the platter.

    Files of a log only grow, so the platter usually holds a prefix: `synced` bytes of `content`.
    Only when something below that mark is cut or overwritten is the old state kept in `before`.
    """

    __slots__ = ("before", "content", "synced")

    def __init__(self) -> None:
        self.content = bytearray()
        self.synced = 0
        self.before: bytes | None = None

    def keep_before(self, offset: int) -> None:
        if offset < self.synced and self.before is None:
            self.before = bytes(self.content[: self.synced])

    def sync(self) -> None:
        self.synced = len(self.content)
        self.before = None

    def lose_power(self, chance: Chance) -> None:
        if self.before is not None and chance.random() < 0.5:
            self.content = bytearray(self.before)
        elif self.synced < len(self.content):
            _tear(self.content, self.synced, chance)
        self.sync()


def _tear(content: bytearray, synced: int, chance: Chance) -> None:
    """Leave of the unsynced tail what a power loss may leave: all, nothing, a part, a hole."""
    fate = chance.random()
    if fate < 0.2:
        return
    if fate < 0.4:
        del content[synced:]
        return
    del content[synced + int(chance.random() * (len(content) - synced)) :]
    if fate < 0.7:
        return
    start = synced + int(chance.random() * (len(content) - synced))
    end = min(len(content), start // SECTOR * SECTOR + SECTOR)
    content[start:end] = bytes(max(0, end - start))


class _Folder:
    """Names as the process sees them, as the platter has them, and the changes in between."""

    __slots__ = ("names", "pending", "synced")

    def __init__(self) -> None:
        self.names: dict[str, _File | _Folder] = {}
        self.synced: dict[str, _File | _Folder] = {}
        self.pending: list[list[tuple[str, _File | _Folder | None]]] = []

    def change(self, *changes: tuple[str, _File | _Folder | None]) -> None:
        """One atomic change of names: a creation, a deletion (None), or both: a rename."""
        self.pending.append(list(changes))
        _apply(self.names, self.pending[-1])

    def sync(self) -> None:
        self.synced = dict(self.names)
        self.pending.clear()

    def forget(self, name: str) -> None:
        """A name is gone, and has never been there."""
        for names in (self.names, self.synced):
            names.pop(name, None)
        for changes in self.pending:
            changes[:] = [change for change in changes if change[0] != name]

    def lose_power(self, chance: Chance) -> None:
        if self.pending:
            survivors = int(chance.random() * (len(self.pending) + 1))
            for changes in self.pending[:survivors]:
                _apply(self.synced, changes)
        self.names = dict(self.synced)
        self.pending.clear()
        for name in sorted(self.names):
            self.names[name].lose_power(chance)


def _apply(
    names: dict[str, _File | _Folder], changes: list[tuple[str, _File | _Folder | None]]
) -> None:
    for name, node in changes:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


@dataclass
class _Fault:
    operation: str
    path: str
    code: int
    times: int


class MemoryDisk:
    """A data directory in memory, with the faults of a real one on demand."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        """Bytes that fit; an append beyond them fails with ENOSPC. None: no limit."""
        self.used = 0
        self.bytes_read = 0
        self.lying = False
        """A disk that says "synced" and has not: what some hardware does."""
        self._root = _Folder()
        self._files: dict[str, _File] = {}
        self._faults: list[_Fault] = []

    # -- faults ---------------------------------------------------------------------------------

    def power_loss(self, chance: Chance) -> None:
        """The machine goes dark: what was synced is there, the rest is up to chance."""
        self._root.lose_power(chance)
        self._files.clear()
        self._faults.clear()
        self.used = _size_of(self._root)

    def crash(self) -> None:
        """The process dies. The page cache belongs to the kernel, so no byte is lost."""
        self._faults.clear()

    def flip_bit(self, path: str, offset: int, bit: int) -> None:
        """Bit rot: one bit of a file changes, and nobody is told."""
        file = self._file(path, "read")
        file.content[offset] ^= 1 << bit
        if file.before is not None and offset < len(file.before):
            platter = bytearray(file.before)
            platter[offset] ^= 1 << bit
            file.before = bytes(platter)

    def fail_next(
        self, operation: str, path: str = "", code: int = errno.EIO, times: int = 1
    ) -> None:
        """Let the next call fail: operation is "read", "append" (every write) or "sync".

        `path` limits it to paths that contain it; `code` may be errno.ENOSPC as well.
        """
        self._faults.append(_Fault(operation, path, code, times))

    def _strike(self, operation: str, path: str) -> None:
        for fault in self._faults:
            if fault.operation == operation and fault.path in path:
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                raise failure(operation, path, fault.code)

    # -- bytes ----------------------------------------------------------------------------------

    def read(self, path: str, offset: int, length: int) -> bytes:
        file = self._files.get(path) or self._file(path, "read")
        if self._faults:
            self._strike("read", path)
        data = bytes(memoryview(file.content)[offset : offset + length])
        self.bytes_read += len(data)
        return data

    def append(self, path: str, data: Buffer) -> None:
        file = self._files.get(path) or self._file(path, "append to", create=True)
        if self._faults:
            self._strike("append", path)
        self._claim(path, len(data))
        file.content += data

    def write_at(self, path: str, offset: int, data: Buffer) -> None:
        file = self._files.get(path) or self._file(path, "write to", create=True)
        if self._faults:
            self._strike("append", path)
        size = len(file.content)
        self._claim(path, max(0, offset + len(data) - size))
        file.keep_before(offset)
        if offset > size:
            file.content += bytes(offset - size)
        file.content[offset : offset + len(data)] = data

    def _claim(self, path: str, size: int) -> None:
        self.used += size
        if self.capacity is not None and size and self.used > self.capacity:
            self.used -= size
            raise failure("append to", path, errno.ENOSPC)

    def size(self, path: str) -> int:
        file = self._files.get(path) or self._file(path, "read")
        return len(file.content)

    def truncate(self, path: str, size: int) -> None:
        file = self._file(path, "truncate")
        if size < len(file.content):
            file.keep_before(size)
            self.used -= len(file.content) - size
            del file.content[size:]
            file.synced = min(file.synced, size)

    # -- names ----------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        return self._node(path) is not None

    def is_folder(self, path: str) -> bool:
        return isinstance(self._node(path), _Folder)

    def list(self, folder: str) -> Names:
        return sorted(self._folder(folder, "list").names)

    def rename(self, old: str, new: str) -> None:
        self._rename(old, new, "rename")

    def rename_folder(self, old: str, new: str) -> None:
        if self.exists(new):
            raise failure("rename the folder", old, errno.EEXIST)
        self._rename(old, new, "rename the folder")

    def _rename(self, old: str, new: str, action: str) -> None:
        parent, name = split(old)
        node = self._node(old)
        if node is None:
            raise failure(action, old, errno.ENOENT)
        if split(new)[0] != parent:
            raise failure(action, old, errno.EXDEV)
        replaced = self._node(new)
        if replaced is not None:
            self.used -= _size_of(replaced)
        self._folder(parent, action).change((name, None), (split(new)[1], node))
        self._files.clear()

    def delete(self, path: str) -> None:
        self._remove(path)

    def delete_folder(self, path: str) -> None:
        self._remove(path)

    def _remove(self, path: str) -> None:
        node = self._node(path)
        if node is None or node is self._root:
            return
        folder, name = split(path)
        self._folder(folder, "delete").change((name, None))
        self.used -= _size_of(node)
        self._files.clear()

    def make_folder(self, path: str) -> None:
        folder = self._root
        for name in checked(path).split("/") if path else ():
            node = folder.names.get(name)
            if node is None:
                node = _Folder()
                folder.change((name, node))
            if not isinstance(node, _Folder):
                raise failure("create the folder", path, errno.EEXIST)
            folder = node

    # -- durability -----------------------------------------------------------------------------

    def sync(self, paths: Iterable[str]) -> None:
        for path in paths:
            node = self._node(path)
            if node is None:
                continue
            if self._faults:
                self._strike("sync", path)
            if not self.lying:
                node.sync()

    def sync_now(self, paths: Iterable[str]) -> None:
        self.sync(paths)

    # -- the tree -------------------------------------------------------------------------------

    def _node(self, path: str) -> _File | _Folder | None:
        node: _File | _Folder | None = self._root
        for name in checked(path).split("/") if path else ():
            node = node.names.get(name) if isinstance(node, _Folder) else None
        return node

    def _folder(self, path: str, action: str) -> _Folder:
        node = self._node(path)
        if isinstance(node, _Folder):
            return node
        raise failure(action, path, errno.ENOENT if node is None else errno.ENOTDIR)

    def _file(self, path: str, action: str, create: bool = False) -> _File:
        node = self._files.get(path) or self._node(path)
        if node is None and create:
            folder, name = split(path)
            node = _File()
            self._folder(folder, action).change((name, node))
        if not isinstance(node, _File):
            raise failure(action, path, errno.ENOENT if node is None else errno.EISDIR)
        self._files[path] = node
        return node


def _size_of(node: _File | _Folder) -> int:
    if isinstance(node, _File):
        return len(node.content)
    return sum(_size_of(child) for child in node.names.values())
