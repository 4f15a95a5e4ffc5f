"""The command: what it says, where it says it, and how it ends. Never a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import broker
from broker.cli import main
from broker.server.options import broker_config, broker_configs

COMMAND = [sys.executable, "-m", "broker"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `broker start`, and the line it said."""
    process = subprocess.Popen(
        [*COMMAND, "start", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().rstrip("\n")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """How a command ends that cannot be done: its status and its one line."""
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(str(ended.code))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return status, err.rstrip()


# -- broker start ----------------------------------------------------------------------------------


def test_it_says_one_line_once_it_answers_and_ends_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in (signal.SIGTERM, signal.SIGINT):
        with started("--data-dir", str(folder)) as (process, line):
            assert line.startswith("broker 1 answers on 127.0.0.1:")
            assert line.endswith(f"(data in {folder})")
            port = int(line.split(":")[1].split()[0])
            socket.create_connection(("127.0.0.1", port)).close()
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert out == ""
        assert "stopped in order" in err
        assert "Traceback" not in err
        assert (folder / ".kafka_cleanshutdown").exists()


def test_a_second_broker_on_the_same_port_or_folder_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with started("--data-dir", str(tmp_path / "a")) as (_, line):
        port = line.split(":")[1].split()[0]
        other = str(tmp_path / "b")
        status, said = complaint(capsys, "start", "--port", port, "--data-dir", other)
        assert status == 1
        assert said.startswith(f"broker: cannot listen on 127.0.0.1:{port}: the port is in use")
        assert not (tmp_path / "b").exists(), "nothing was touched"
        status, said = complaint(capsys, "start", "--port", "0", "--data-dir", str(tmp_path / "a"))
        assert status == 1
        assert said == f"broker: the data directory {tmp_path / 'a'} is in use by another broker"


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    status, said = complaint(capsys, "start", "--port", "0", "--data-dir", str(file / "data"))
    assert status == 1
    assert said == f"broker: cannot use the data directory {file}/data: Not a directory"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "num.partitions=abc"], "num.partitions=abc: expected an integer of at least 1"),
        (["--set", "num.partition=4"], "did you mean num.partitions?"),
        (["--set", "num.partitions"], "--set num.partitions: expected NAME=VALUE"),
        (["--config", "/no/such/file"], "--config /no/such/file: No such file or directory"),
        (["--port", "99999"], "99999 is no port: expected 0 to 65535"),
        (["--port", "kafka"], "kafka is no port"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--brokers", "0"], "brokers=0: expected 1 to 9"),
        (["--brokers", "3", "--port", "0"], "--port 0: brokers that know each other"),
        (["--brokers", "3", "--port", "65530"], "3 brokers need ports up to"),
        (["--brokers", "3", "--node", "4"], "--node 4: expected 1 to 3"),
        (["--node", "2"], "--node 2: of how many?"),
        (["--brokers", "3", "--set", "node.id=7"], "node.id=7: each of several brokers has its"),
    ],
)
def test_what_was_asked_for_wrongly_is_named(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = complaint(capsys, "start", *arguments)
    assert status == 2
    assert said in line


def test_three_brokers_differ_in_four_things_and_agree_on_the_rest() -> None:
    given = SimpleNamespace(
        config=None, set=["num.partitions=4"], data_dir="D", host=None, port=9092, brokers=3
    )
    one, two, three = broker_configs(SimpleNamespace(**vars(given), node=None))
    assert [c.node_id for c in (one, two, three)] == [1, 2, 3]
    assert [c.log_dir for c in (one, two, three)] == ["D/1", "D/2", "D/3"]
    assert [c.listener.port for c in (one, two, three)] == [9092, 9093, 9094]
    assert [c.controller_listener.port for c in (one, two, three)] == [9102, 9103, 9104]  # type: ignore[union-attr]
    assert one.voters == two.voters == three.voters
    assert [voter.port for voter in one.voters] == [9102, 9103, 9104]
    assert {c.num_partitions for c in (one, two, three)} == {4}
    assert (one.default_replication_factor, one.min_insync_replicas) == (3, 2)
    (alone,) = broker_configs(SimpleNamespace(**vars(given), node=2))
    assert alone.static == two.static


def test_a_folder_of_one_broker_is_not_taken_for_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with broker.Cluster(data_dir=tmp_path):
        pass
    status, line = complaint(capsys, "start", "--brokers", "3", "--data-dir", str(tmp_path))
    assert status == 2
    assert line.endswith("holds the data of a single broker; choose another folder")


def test_a_host_and_a_port_leave_the_other_listener_alone(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        "listeners=PLAINTEXT://host-1:9092,CONTROLLER://host-1:9102\n"
        "controller.listener.names=CONTROLLER\n"
        "controller.quorum.voters=1@host-1:9102,2@host-2:9102\n"
    )
    config = broker_config(str(file), ["node.id=2"], host="0.0.0.0", port=1234)
    assert str(config.listener) == "0.0.0.0:1234"
    assert str(config.controller_listener) == "host-1:9102"


def test_a_host_that_is_not_ours(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--host", "203.0.113.7", "--port", "0", "--data-dir", str(tmp_path)]
    status, line = complaint(capsys, "start", *arguments)
    assert status == 1
    assert line.startswith("broker: cannot listen on 203.0.113.7:0: ")


def test_an_error_in_a_file_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "server.properties"
    file.write_text("# ours\nnum.partitions=none\n")
    status, line = complaint(capsys, "start", "--config", str(file))
    assert status == 2
    assert line == f"broker: {file}: num.partitions=none: expected an integer of at least 1"


def test_options_win_over_set_and_set_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        "num.partitions=2\nnode.id=3\nlog.dir=/from/file\nlisteners=PLAINTEXT://localhost:1111\n"
    )
    config = broker_config(str(file), ["num.partitions=4"], data_dir="/from/option", port=2222)
    assert config.num_partitions == 4
    assert config.node_id == 3
    assert config.log_dir == "/from/option"
    assert str(config.listener) == "localhost:2222"


# -- the others ------------------------------------------------------------------------------------


def test_help_shows_the_ways_in(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["start", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    ways = ("--data-dir", "--set num.partitions=4", "--config", "--brokers 3", "Ctrl-C")
    for word in ways:
        assert word in out


def test_the_version_is_the_packages(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f'version = "{broker.__version__}"' in (root / "pyproject.toml").read_text()
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"broker {broker.__version__} ")


def test_codec_shows_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "Produce", "9"]) == 0
    out = capsys.readouterr().out
    assert "ProduceRequest, version 9" in out
    assert "def read" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Bake", "1"], "no API or record is called 'Bake'"),
        (["Produce", "99"], "ProduceRequest has no version 99"),
        (["Produce", "nine"], "invalid int value: 'nine'"),
    ],
)
def test_codec_of_what_does_not_exist(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = complaint(capsys, "codec", *arguments)
    assert status == 2
    assert said in line


def test_dump_shows_what_a_broker_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with broker.Cluster(data_dir=tmp_path):
        pass
    assert main(["dump", str(tmp_path / "__cluster_metadata-0" / f"{0:020d}.log")]) == 0
    out = capsys.readouterr().out
    assert "FeatureLevelRecord(name='metadata.version'" in out
    assert "RegisterBrokerRecord(broker_id=1" in out


def test_dump_of_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    status, line = complaint(capsys, "dump", "/no/such/00000000000000000000.log")
    assert status == 1
    assert "00000000000000000000.log" in line


def test_settings_are_listed_with_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert "num.partitions=1\n    Partitions of a topic" in capsys.readouterr().out


def test_who_has_read_enough_may_leave() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*COMMAND, "settings"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert ended.stderr == ""
    assert ended.returncode == 0


def test_a_start_reads_no_more_than_it_needs() -> None:
    code = (
        "import broker, sys; print([m for m in ('asyncio', 'socket', 'ssl') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
