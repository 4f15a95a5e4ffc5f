"""Handles: the clients of a simulation as a lesson speaks of them.

    shop = sim.producer("shop")
    shop.send("orders", key="A", value="created")

    reader = sim.consumer("reader", every="100ms")
    reader.assign("orders", 0, offset="beginning")

Each call is a command, given at this moment of the run and recorded with it. What it leads to
happens when time goes on: `sim.run_for("1s")`, or `sim.run_until_idle()`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from broker.sim.clients import ConsumerHost, ProducerHost
from broker.sim.narration import shown
from broker.sim.world import START_WALL_US, Duration, SimulationError, microseconds

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

LENGTH_SHOWN_MAX = 1 << 20


class Outcome(NamedTuple):
    """What has become of a record that was sent."""

    topic: str
    partition: int | None
    """None as long as no partition was chosen."""
    key: str | None
    value: str | None
    status: str
    """pending, acked, failed (it is certainly not in the log) or unknown (it may be)."""
    offset: int | None
    """Where it is; None if that is not known."""
    error: str
    """The name of Kafka's error, if there was one."""


class ReadRecord(NamedTuple):
    """A record as a consumer's user got it."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None
    time_us: int
    """Its timestamp, as virtual time since the start of the run."""


class ProducerHandle:
    """A producer, and its user's hand on it."""

    def __init__(self, sim: Simulation, host: ProducerHost) -> None:
        self._sim = sim
        self._host = host
        self.name = host.name

    def send(
        self,
        topic: str,
        *,
        key: str | None = None,
        value: str | None = None,
        partition: int | None = None,
    ) -> None:
        """Send a record. Without a key the producer spreads records; no value is a tombstone."""
        _check_text(key=key, value=value)
        self._sim.command("send", client=self.name, topic=topic, key=key, value=value,
                          partition=partition)  # fmt: skip

    def send_each(
        self,
        topic: str,
        records: Iterable[tuple[str | None, str | None]],
        *,
        every: Duration,
        partition: int | None = None,
    ) -> None:
        """Send records, pairs of key and value, one after the other while time goes on."""
        pairs = [(key, value) for key, value in records]
        for key, value in pairs:
            _check_text(key=key, value=value)
        microseconds(every)
        self._sim.command("send_each", client=self.name, topic=topic, records=pairs, every=every,
                          partition=partition)  # fmt: skip

    def flush(self) -> None:
        """Send at once what lingers for company."""
        self._sim.command("flush", client=self.name)

    @property
    def outcomes(self) -> list[Outcome]:
        """What has become of every record, in the order of sending."""
        return [
            Outcome(
                delivery.topic,
                delivery.partition,
                shown(delivery.key, LENGTH_SHOWN_MAX),
                shown(delivery.value, LENGTH_SHOWN_MAX),
                delivery.status.value,
                delivery.offset if delivery.offset >= 0 else None,
                delivery.code.name if delivery.code else "",
            )
            for delivery in self._host.deliveries
        ]

    def __repr__(self) -> str:
        view = dict(self._host.view())
        return f"<producer {self.name}: {view['sent']} sent, {view['acked']} acknowledged>"


class ConsumerHandle:
    """A consumer, and its user's hand on it."""

    def __init__(self, sim: Simulation, host: ConsumerHost) -> None:
        self._sim = sim
        self._host = host
        self.name = host.name

    def assign(
        self, topic: str, partition: int | None = None, *, offset: str | int | None = None
    ) -> None:
        """Read this partition too, or all of a topic, from the "beginning", the "end" or an offset.

        Without an offset, the consumer's `auto_offset_reset` decides; by default that is the end.
        """
        self._sim.command("assign", client=self.name, topic=topic, partition=partition,
                          offset=offset)  # fmt: skip

    def seek(self, topic: str, partition: int, offset: str | int) -> None:
        """Go to an offset, to the "beginning" or to the "end"."""
        self._sim.command("seek", client=self.name, topic=topic, partition=partition,
                          offset=offset)  # fmt: skip

    def seek_to_time(self, topic: str, partition: int, time: Duration) -> None:
        """Go to the first record that is no older than a moment of the run, such as "1.5s"."""
        self._sim.command("seek_to_time", client=self.name, topic=topic, partition=partition,
                          time=time)  # fmt: skip

    def pause(self, topic: str, partition: int) -> None:
        """Leave a partition alone until `resume`."""
        self._sim.command("pause_reading", client=self.name, topic=topic, partition=partition)

    def resume(self, topic: str, partition: int) -> None:
        """Go on with a partition."""
        self._sim.command("resume_reading", client=self.name, topic=topic, partition=partition)

    def pace(self, every: Duration | None, *, max_records: int | None = None) -> None:
        """From now on handle a record (or `max_records`) in each span of time; None: at once."""
        self._sim.command("set_pace", client=self.name, every=every, max_records=max_records)

    @property
    def records(self) -> list[ReadRecord]:
        """Everything that was read, in the order in which it came."""
        return [
            ReadRecord(
                record.topic,
                record.partition,
                record.offset,
                shown(record.key, LENGTH_SHOWN_MAX),
                shown(record.value, LENGTH_SHOWN_MAX),
                record.timestamp * 1000 - START_WALL_US,
            )
            for record in self._host.records
        ]

    @property
    def values(self) -> list[str | None]:
        """The values of everything that was read."""
        return [record.value for record in self.records]

    def position(self, topic: str, partition: int) -> int | None:
        """The offset of the next record that will be handled; None if it is not known yet."""
        machine = self._host.machine
        return None if machine is None else machine.position(topic, partition)

    def __repr__(self) -> str:
        view = dict(self._host.view())
        at = [
            f", {name.removeprefix('positions/')} at {offset}"
            for name, offset in view.items()
            if name.startswith("positions/")
        ]
        return f"<consumer {self.name}: {view['read']} read{''.join(at)}>"


def _check_text(**fields: object) -> None:
    for name, text in fields.items():
        if text is not None and not isinstance(text, str):
            raise SimulationError(f"a {name} is a text here, not {text!r}")
