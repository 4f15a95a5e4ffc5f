"""Three brokers, each a process as a user starts it, that can be killed and started one by one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from broker.server.siblings import ReservedPorts, sibling_settings
from tests.clients.proxy import Network

BROKERS = (1, 2, 3)
COMMAND = [sys.executable, "-m", "broker", "start"]


class Trio:
    """The processes, on ports that stay theirs while they are down."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.reserved = ReservedPorts(len(BROKERS))
        common = {name.replace("_", "."): str(value) for name, value in settings.items()}
        told = sibling_settings(common, self.reserved.ports, str(folder))
        self.settings: dict[int, dict[str, str]] = dict(zip(BROKERS, told, strict=True))
        self.addresses = {
            broker: f"127.0.0.1:{ports.broker}"
            for broker, ports in zip(BROKERS, self.reserved.ports, strict=True)
        }
        self.processes: dict[int, subprocess.Popen[str]] = {}

    @property
    def bootstrap(self) -> str:
        return ",".join(self.addresses.values())

    def behind(self, network: Network) -> Trio:
        """Let the brokers, and whoever asks them for addresses, go through a network."""
        voters: list[str] = []
        for broker, ports in zip(BROKERS, self.reserved.ports, strict=True):
            through = network.in_front_of(broker, ports.broker)
            self.settings[broker]["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{through}"
            voters.append(f"{broker}@127.0.0.1:{network.in_front_of(broker, ports.controller)}")
        for settings in self.settings.values():
            settings["controller.quorum.voters"] = ",".join(voters)
        return self

    def pids(self) -> dict[int, int]:
        return {broker: process.pid for broker, process in self.processes.items()}

    # -- life --------------------------------------------------------------------------------------

    def begin(self, broker: int) -> None:
        """Start one, without waiting until it answers."""
        command = list(COMMAND)
        for name, value in self.settings[broker].items():
            command += ["--set", f"{name}={value}"]
        with self.log_file(broker).open("a") as log:
            self.processes[broker] = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def answers(self, broker: int) -> None:
        """Wait until it has said so."""
        stdout = self.processes[broker].stdout
        assert stdout is not None
        assert "answers on" in stdout.readline(), self.log_file(broker).read_text()

    def start(self, *brokers: int) -> None:
        for broker in brokers:
            self.begin(broker)
        for broker in brokers:
            self.answers(broker)

    def kill(self, *brokers: int) -> None:
        """kill -9."""
        for broker in brokers:
            os.kill(self.processes[broker].pid, signal.SIGKILL)
        for broker in brokers:
            self._reap(broker)

    def stop(self, broker: int) -> None:
        """SIGTERM, and in order."""
        os.kill(self.processes[broker].pid, signal.SIGTERM)
        status = self._reap(broker)
        assert status == 0, self.log_file(broker).read_text()

    def _reap(self, broker: int) -> int:
        process = self.processes.pop(broker)
        status = process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def log_file(self, broker: int) -> Path:
        return self.folder / f"broker-{broker}.log"

    def __enter__(self) -> Self:
        try:
            self.start(*BROKERS)
        except BaseException:
            self.kill(*self.processes)
            self.reserved.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        running = list(self.processes)
        try:
            for broker in running if kind is None else ():
                self.stop(broker)
            self.kill(*self.processes)
        finally:
            self.reserved.close()
        logs = {broker: self.log_file(broker).read_text() for broker in BROKERS}
        if kind is None:
            for broker, log in logs.items():
                assert "Traceback" not in log, log
                assert " failed" not in log, f"broker {broker}: {log}"

    # -- what they say of themselves ---------------------------------------------------------------

    def admin(self, at: str = "") -> AdminClient:
        return AdminClient({"bootstrap.servers": at or self.bootstrap})

    def create(self, topic: str, partitions: int = 1, replicas: int = 3) -> None:
        """A topic whose replicas are all in sync."""
        client = self.admin()
        client.create_topics([NewTopic(topic, partitions, replicas)])[topic].result(10)
        self.wait_for_isr(topic, replicas)

    def leader(self, topic: str, partition: int = 0, at: str = "") -> int:
        """Who leads, once somebody does, as some of the brokers know it."""
        found: list[int] = []

        def leads() -> bool:
            with contextlib.suppress(KafkaException):
                known = self.admin(at).list_topics(topic, timeout=2).topics[topic].partitions
                if partition in known:
                    found.append(known[partition].leader)
            return bool(found) and found[-1] > 0

        wait_until(leads)
        return found[-1]

    def controller(self) -> int:
        """Who leads the quorum: the one that has said so last in its file."""
        states = [json.loads(self.quorum_state(broker).read_text()) for broker in self.processes]
        leader: int = max(states, key=lambda state: state["leaderEpoch"])["leaderId"]
        return leader

    def quorum_state(self, broker: int) -> Path:
        return Path(self.settings[broker]["log.dirs"]) / "__cluster_metadata-0" / "quorum-state"

    def wait_for_isr(self, topic: str, size: int) -> None:
        """Wait until each partition has so many replicas in sync, and a leader."""

        def in_sync() -> bool:
            try:
                known = self.admin().list_topics(topic, timeout=2).topics[topic].partitions
            except KafkaException:
                return False
            return bool(known) and all(
                len(p.isrs) == size and p.leader in p.isrs for p in known.values()
            )

        wait_until(in_sync, 20)

    def segments(self, topic: str, partition: int = 0) -> dict[int, bytes]:
        """What each broker has on its disk of a partition."""
        return {
            broker: b"".join(
                file.read_bytes()
                for file in sorted(
                    (Path(own["log.dirs"]) / f"{topic}-{partition}").glob("*.log"),
                )
            )
            for broker, own in self.settings.items()
        }


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that processes do in their own time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def same(contents: Mapping[int, bytes], of: Iterable[int] = BROKERS) -> bool:
    """Whether replicas are equal, byte by byte."""
    return len({contents[broker] for broker in of}) == 1
