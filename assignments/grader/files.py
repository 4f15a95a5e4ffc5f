"""The bytes of a file that somebody handed in, who may have handed in anything.

A link can point out of the folder, a pipe never ends, a sparse file says one gigabyte. So the
file is looked at before it is opened, opened without following links or waiting, looked at once
more through the open handle, and never read further than the limit.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

SIZE_MAX = 64 * 1024
"""A design with all its reasons is a tenth of this."""


class UnreadableError(Exception):
    """The file is nothing that can be graded; the sentence says why, for the one who sent it."""


def read_bytes(path: Path, *, follow: bool = False) -> bytes:
    """What is in a file. `follow` allows a link, for a student's own file."""
    try:
        _check_kind(path.stat() if follow else path.lstat())
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise UnreadableError("There is no such file.") from None
    except OSError as error:
        raise UnreadableError(f"The file cannot be opened: {error.strerror}.") from None
    try:
        _check_kind(os.fstat(handle))
        return _all_of(handle)
    except OSError as error:
        raise UnreadableError(f"The file cannot be read: {error.strerror}.") from None
    finally:
        os.close(handle)


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise UnreadableError("This is a link to somewhere else. Hand in the file itself.")
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableError("This is a folder, where the design should be a file.")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError("This is no ordinary file. Hand in the text of the design.")
    if found.st_size > SIZE_MAX:
        raise UnreadableError(_too_large(found.st_size))


def _all_of(handle: int) -> bytes:
    data = b""
    while len(data) <= SIZE_MAX and (more := os.read(handle, SIZE_MAX + 1 - len(data))):
        data += more
    if len(data) > SIZE_MAX:
        raise UnreadableError(_too_large(len(data)))
    return data


def _too_large(size: int) -> str:
    return (
        f"The file has {size:,} bytes. A design has a few thousand, and at most {SIZE_MAX:,} "
        "are read."
    )
