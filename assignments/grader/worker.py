"""What runs in a process of its own: one submission after the other, from bytes to a grade.

A worker reads the file itself, so that only the worker meets what is in it. Nothing of a submission
is executed; the limits below are there for what we have not thought of. It says what has come of it
in a line of JSON, and the parent alone writes results.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time
from typing import Any

from assignments.ecommerce.assess import assess, refuse
from assignments.grader.files import UnreadableError, read_bytes
from assignments.grader.results import FAILED, GRADED, REFUSED
from assignments.grader.words import shortened

READY = b"ready"
"""The first thing a worker says: from then on the time is its submission's."""

MEMORY_MAX = 2 << 30
FILES_MAX = 64
REASON_MAX = 300


def work(connection: Connection, seconds: int) -> None:
    """Grade what is asked for, until nobody asks any more."""
    _limit()
    with suppress(EOFError, OSError):  # the parent has gone, and nobody is left to be told
        connection.send_bytes(READY)
        while True:
            path = Path(json.loads(connection.recv_bytes()))
            _limit_time(seconds)
            connection.send_bytes(json.dumps(grade_file(path)).encode())


def grade_file(path: Path) -> dict[str, Any]:
    """The grade of a file as plain data, with what it says of the file."""
    try:
        data = read_bytes(path)
    except UnreadableError as error:
        return {"status": REFUSED, "digest": "", "grade": refuse(str(error)).as_json()}
    digest = hashlib.sha256(data).hexdigest()
    if not data.strip():
        grade = refuse("The file is empty. Start from the template.")
        return {"status": REFUSED, "digest": digest, "grade": grade.as_json()}
    try:
        grade = assess(data)
        status = GRADED if grade.was_run else REFUSED
        return {"status": status, "digest": digest, "grade": grade.as_json()}
    except Exception as error:  # whatever it is, the others are to be graded
        said = shortened(f"{type(error).__name__}: {error}", REASON_MAX)
        grade = refuse(f"The grader failed on this file ({said}). That is not your fault.")
        return {"status": FAILED, "digest": digest, "grade": grade.as_json()}


def _limit() -> None:
    """No files are written, few are open, and memory ends somewhere."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        for what, most in (
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, FILES_MAX),
            (resource.RLIMIT_AS, MEMORY_MAX),
        ):
            with suppress(ValueError, OSError):
                resource.setrlimit(what, (most, most))


def _limit_time(seconds: int) -> None:
    """So much processor time for the next one, counted from now.

    Processor time and not the clock's, because a busy machine must not change a grade.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(process_time()) + 1 + seconds, hard))
