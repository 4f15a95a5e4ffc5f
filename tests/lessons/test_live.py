"""The live cell's broker: ours, or the one that BOOTSTRAP_SERVERS names; and one sentence if none.

`test_notebook` runs the cell itself.
"""

import subprocess
import sys

import pytest

live = pytest.importorskip("lessons.live")


def test_bootstrap_servers_point_the_cell_at_another_cluster(monkeypatch):
    monkeypatch.setenv("BOOTSTRAP_SERVERS", "kafka.example.org:9092")
    with live.a_broker() as servers:
        assert servers == "kafka.example.org:9092"


def test_a_topic_is_fresh_and_gone_afterwards(monkeypatch):
    with live.a_broker() as servers:
        monkeypatch.setenv("BOOTSTRAP_SERVERS", servers)
        with live.a_topic("orders") as (_, first), live.a_topic("orders") as (_, second):
            assert first != second
            assert exists(servers, first)
            assert exists(servers, second)
        assert not exists(servers, first)
        assert not exists(servers, second)


def exists(servers: str, topic: str) -> bool:
    admin = live.AdminClient({"bootstrap.servers": servers, "allow.auto.create.topics": False})
    return admin.list_topics(topic, timeout=10).topics[topic].error is None


def test_what_cannot_run_here_is_one_sentence():
    assert live.NotHereError("This cell needs a machine.")._render_traceback_() == [
        "This cell needs a machine."
    ]


def test_in_a_browser_it_says_so():
    program = (
        "import sys; sys.platform = 'emscripten'\n"
        "try: import lessons.live\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("This cell needs a real machine")


def test_the_simulated_parts_open_no_socket_and_start_no_thread():
    """In a browser there are none. (The standard library may import the modules all the same.)"""
    program = (
        "import socket, threading\n"
        "def refuse(*_, **__): raise AssertionError('not here')\n"
        "socket.socket.__init__ = threading.Thread.start = refuse\n"
        "from lessons import checks, experiments, scenes\n"
        "scenes.queue_beside_log(), scenes.audit_goes_to_lunch()\n"
        "print(bool(checks.check_retention(96 * 3_600_000, 24 * 3_600_000)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "True"
