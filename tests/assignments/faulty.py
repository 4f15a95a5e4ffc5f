"""Workers that go wrong, for the pool to get along with. They live in processes of their own.

They import little, because each of them is started anew.
"""

import json
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from assignments.grader.grade import Grade

READY = b"ready"
ANSWER = {"status": "refused", "digest": "", "grade": Grade((), (), refusal="As told.").as_json()}


def work(connection: Connection, seconds: int) -> None:
    """Do what the name of the file says."""
    connection.send_bytes(READY)
    while True:
        try:
            path = Path(json.loads(connection.recv_bytes()))
        except EOFError:
            return
        if path.stem == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if path.stem == "endless":
            os.kill(os.getpid(), signal.SIGXCPU)
        if path.stem == "nonsense":
            connection.send_bytes(b"\x80\x04 no json")
        elif path.stem == "forged":
            connection.send_bytes(json.dumps({"status": "graded", "grade": {"checks": 7}}).encode())
        elif path.stem == "talks":
            connection.send_bytes(b"[" * (8 << 20))
        elif path.stem == "hangs":
            signal.pause()
        else:
            connection.send_bytes(json.dumps(ANSWER).encode())
